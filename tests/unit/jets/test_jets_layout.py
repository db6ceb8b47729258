"""Files in the layout of the published data set: written, read, refused."""

import h5py
import numpy as np
import pytest

from helpers.jets_files import PHI, PT, write_random_jets
from snacpack.jets.layout import (
    CLASSES,
    CONSTITUENT_COLUMNS,
    JET_COLUMNS,
    OBSERVABLES,
    JetFileWriter,
    find_jet_files,
    read_jets,
)
from snacpack.jets.observables import constituent_columns, jet_columns
from snacpack.jets.shards import jets_of_parts


def test_columns_are_those_of_the_published_files():
    assert (len(CONSTITUENT_COLUMNS), len(OBSERVABLES), len(JET_COLUMNS)) == (16, 53, 59)
    assert [CONSTITUENT_COLUMNS.index(name) for name in ("pt", "etarel", "phirel")] == [5, 8, 11]
    assert JET_COLUMNS[-6:] == ("g", "q", "w", "z", "t", "undef")
    assert len(set(JET_COLUMNS)) == 59


@pytest.mark.parametrize("chunk", [7, 1000])
def test_round_trip(tmp_path, chunk):
    constituents, jets = write_random_jets(tmp_path / "a.h5", 25)
    pieces = list(read_jets(tmp_path / "a.h5", ("phirel", "pt"), chunk=chunk))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in pieces]), constituents[:, :, [PHI, PT]])
    np.testing.assert_array_equal(np.concatenate([y for _, y in pieces]), jets[:, -6:-1].argmax(axis=1))
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["jetConstituentList"].shape == (25, 150, 16)
        assert file["jets"].shape == (25, 59)
        names = [name.decode() for name in file["particleFeatureNames"][:]]
        assert (len(names), names[5], names[-1]) == (17, "j1_pt", "j1_pdgid")
        assert [name.decode() for name in file["jetFeatureNames"][-6:]] == [f"j_{c}" for c in (*CLASSES, "undef")]


def test_writer_needs_all_its_jets(tmp_path):
    with (
        pytest.raises(RuntimeError, match="0 jets were written where 3 were promised"),
        JetFileWriter(tmp_path / "a.h5", 3, {}),
    ):
        pass


def test_folders_without_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere is not a folder with \*\.h5 files"):
        find_jet_files(tmp_path / "nowhere")
    write_random_jets(tmp_path / "b.h5", 5)
    write_random_jets(tmp_path / "a.h5", 5)
    (tmp_path / "._a.h5").touch()
    assert [path.name for path in find_jet_files(tmp_path)] == ["a.h5", "b.h5"]


def test_columns_of_a_jet_by_hand():
    # Two massless constituents, back to back about the jet axis in azimuth, on both sides of phi = pi.
    pt, half = 100.0, 0.1
    momenta = np.zeros((1, 150, 4))
    for place, phi in enumerate((np.pi - half, -np.pi + half)):
        momenta[0, place] = pt * np.cos(phi), pt * np.sin(phi), 0, pt
    jets = momenta.sum(axis=1)
    columns = dict(zip(CONSTITUENT_COLUMNS, constituent_columns(momenta, jets)[0, :3].T, strict=True))
    expected = {
        "pt": [pt, pt, 0], "erel": [0.5, 0.5, 0], "ptrel": [0.5 / np.cos(half)] * 2 + [0], "etarel": [0, 0, 0],
        "phirel": [-half, half, 0], "deltaR": [half, half, 0], "costheta": [0, 0, 0],
        "costhetarel": [np.cos(half)] * 2 + [0], "phirot": [0, -2 * half, 0], "etarot": [0, 0, 0],
    }  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_allclose(columns[name], values, atol=1e-9, err_msg=name)
    observables = dict(zip(JET_COLUMNS, jet_columns(momenta, jets, np.array([2]), "w")[0], strict=True))
    assert observables["mass"] == pytest.approx(2 * pt * np.sin(half))
    assert observables["pt"] == pytest.approx(2 * pt * np.cos(half))
    assert observables["zlogz"] == pytest.approx(np.log(0.5))
    assert observables["multiplicity"] == 2
    assert [observables[name] for name in (*CLASSES, "undef")] == [0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize(("n_jets", "jets_per_job"), [(60000, 3000), (15000, 3000), (1003, 100), (5, 10)])
def test_parts_share_all_jets(n_jets, jets_per_job):
    shares = [list(jets_of_parts(n_jets, name, jets_per_job).values()) for name in CLASSES]
    assert sum(map(sum, shares)) == n_jets
    assert max(map(sum, shares)) - min(map(sum, shares)) <= 1
    assert all(set(share[:-1]) <= {jets_per_job} and 0 < share[-1] <= jets_per_job for share in shares)


def test_too_few_jets_are_refused():
    with pytest.raises(ValueError, match="too few for five classes"):
        jets_of_parts(4, "t", 10)
