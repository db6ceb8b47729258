"""Files of jets that are none, or hold what cannot be used: each is named, with what to do."""

import os
from functools import cache

import h5py
import numpy as np
import pytest

from helpers.jets_files import ETA, PT, SETTINGS, random_jets, write_random_jets
from snacpack.data.dataset import describe_attributes, load_dataset
from snacpack.jets.layout import check_samples, open_jet_file, read_jets
from snacpack.jets.preprocessing import preprocess_jets

CONSTITUENTS, JETS, NAMES, JET_NAMES = "jetConstituentList", "jets", "particleFeatureNames", "jetFeatureNames"
N_JETS = 60


@cache
def content():
    return random_jets(N_JETS)


def replaced(name, value, **options):
    def change(file):
        del file[name]
        file.create_dataset(name, data=value, **options)

    return change


def without(name):
    return lambda file: file.pop(name)


def set_to(name, where, value):
    def change(file):
        file[name][where] = value

    return change


def swapped_names(file):
    names = file[NAMES][:]
    names[[5, 8]] = names[[8, 5]]
    replaced(NAMES, names)(file)


def swapped_columns(file):
    constituents = file[CONSTITUENTS][:]
    constituents[:, :, [PT, ETA]] = constituents[:, :, [ETA, PT]]
    file[CONSTITUENTS][:] = constituents


def shuffled_classes(file):
    names = file[JET_NAMES][:]
    names[-6:-1] = names[-6:-1][::-1]
    replaced(JET_NAMES, names)(file)


def unallocated(name, shape, chunks=True):
    """A dataset that promises much and stores nothing."""

    def change(file):
        del file[name]
        file.create_dataset(name, shape, dtype="f4", chunks=chunks, compression="gzip" if chunks else None)

    return change


def external_link(file):
    del file[JETS]
    file[JETS] = h5py.ExternalLink("/dev/zero", "/jets")


def soft_link(file):
    file["elsewhere"] = file[JETS]
    del file[JETS]
    file[JETS] = h5py.SoftLink("/elsewhere")


def virtual(file):
    layout = h5py.VirtualLayout(shape=(N_JETS, 59), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", JETS, shape=(N_JETS, 59))
    del file[JETS]
    file.create_virtual_dataset(JETS, layout)


def raw_elsewhere(file):
    del file[JETS]
    file.create_dataset(JETS, (N_JETS, 59), dtype="f4", external=[("other.bin", 0, h5py.h5f.UNLIMITED)])


def huge_chunk(file):
    del file[CONSTITUENTS]
    shape = (N_JETS, 150, 16)
    file.create_dataset(CONSTITUENTS, shape, maxshape=(None, None, None), dtype="f4", chunks=(200_000, 150, 16))


# Faults that show without reading the values, and so before the first job.
STRUCTURE = {
    "no constituents": (without(CONSTITUENTS), f"has no dataset '{CONSTITUENTS}'"),
    "no jets' columns": (without(JETS), f"has no dataset '{JETS}'"),
    "no names": (without(NAMES), f"has no dataset '{NAMES}'"),
    "no jets' names": (without(JET_NAMES), f"has no dataset '{JET_NAMES}'"),
    "a group for a dataset": (lambda f: (f.pop(JETS), f.create_group(JETS)), f"has no dataset '{JETS}'"),
    "15 columns": (replaced(CONSTITUENTS, np.zeros((60, 150, 15))), "(60, 150, 15); it must be (jets, constituents"),
    "two axes": (replaced(CONSTITUENTS, np.zeros((60, 2400))), "has shape (60, 2400); it must be"),
    "a number for constituents": (replaced(CONSTITUENTS, 5.0), "has shape (); it must be"),
    "no constituent a jet": (replaced(CONSTITUENTS, np.zeros((60, 0, 16))), "has 0 constituents a jet"),
    "constituents by the million": (unallocated(CONSTITUENTS, (60, 10**6, 16)), "keep the leading ones, 1 to 1000"),
    "58 jet columns": (replaced(JETS, np.zeros((60, 58))), "has shape (60, 58); it must be (jets, 59 columns)"),
    "labels alone": (replaced(JETS, np.zeros(60)), "has shape (60,); it must be (jets, 59 columns)"),
    "a jet less": (replaced(JETS, np.zeros((59, 59))), "has 60 jets but jets has 59; each jet needs both"),
    "columns in another order": (swapped_names, "j1_etarel, j1_ptrel, j1_eta, j1_pt, "),
    "classes in another order": (shuffled_classes, "has the columns j_t, j_z, j_w, j_q, j_g, j_undef"),
    "names as numbers": (replaced(NAMES, np.arange(16)), "it must be a list of names"),
    "names in a table": (replaced(NAMES, np.zeros((4, 4), "S9")), "it must be a list of names"),
    "one name": (replaced(NAMES, b"j1_px"), "it must be a list of names"),
    "names by the billion": (unallocated(NAMES, (10**9,)), "it must be a list of names"),
    "names in no alphabet": (replaced(NAMES, np.array([b"\xff\xfe"] * 16)), "reorder columns and names"),
    "too few names": (replaced(NAMES, np.array([b"j1_px"])), "reorder columns and names"),
    "text for numbers": (replaced(JETS, np.full((60, 59), b"1")), "holds |S1; write it as numbers"),
    "complex numbers": (replaced(CONSTITUENTS, np.zeros((60, 150, 16), complex)), "write it as numbers"),
    "no jets at all": (
        lambda f: (replaced(CONSTITUENTS, np.zeros((0, 150, 16)))(f), replaced(JETS, np.zeros((0, 59)))(f)),
        "has no jets; remove it",
    ),
    "a trillion jets": (
        lambda f: (unallocated(CONSTITUENTS, (10**12, 150, 16))(f), unallocated(JETS, (10**12, 59))(f)),
        "promises 1000000000000 jets, more than a file of its size can hold",
    ),
    "one huge piece": (huge_chunk, "write it in smaller ones"),
    "a link into another file": (external_link, "jets is a link; copy the data into the file"),
    "a link": (soft_link, "jets is a link; copy the data into the file"),
    "data of other files": (virtual, "the data of jets are in other files; copy them"),
    "raw data of other files": (raw_elsewhere, "the data of jets are in other files; copy them"),
}  # fmt: skip


def write_broken(path, change):
    write_random_jets(path, N_JETS)
    with h5py.File(path, "r+") as file:
        change(file)


@pytest.mark.parametrize("name", STRUCTURE)
def test_wrong_structure_is_named(tmp_path, name):
    change, message = STRUCTURE[name]
    path = tmp_path / "broken.h5"
    write_broken(path, change)
    for read in (open_jet_file, lambda path: check_samples([path], 8)):
        with pytest.raises(ValueError, match=r"broken\.h5") as error:
            read(path)
        assert message in str(error.value)


VALUES = {
    "NaN": (set_to(CONSTITUENTS, (41, 0, ETA), np.nan), "jet 41 has a etarel that is NaN or infinite; remove the jet"),
    "infinite": (set_to(CONSTITUENTS, (41, 0, PT), np.inf), "jet 41 has a pt that is NaN or infinite; remove the jet"),
    "beyond float32": (
        lambda f: replaced(CONSTITUENTS, np.where(f[CONSTITUENTS][:] == f[CONSTITUENTS][41, 0, PT], 1e300, 0.0))(f),
        "jet 41 has a pt that is NaN or infinite",
    ),
    "columns against their names": (swapped_columns, "has a negative pt, which is a size; are the columns"),
    "two classes": (set_to(JETS, (7, slice(-6, None)), [1, 1, 0, 0, 0, 0]), "of jet 7 are"),
    "no class": (set_to(JETS, (7, slice(-6, None)), 0), "of jet 7 are"),
    "the undefined class": (set_to(JETS, (7, slice(-6, None)), [0, 0, 0, 0, 0, 1]), "of jet 7 are"),
    "half a class": (set_to(JETS, (7, slice(-6, None)), [0.5, 0.5, 0, 0, 0, 0]), "exactly one of the first five must"),
    "NaN for a class": (set_to(JETS, (7, slice(-6, None)), np.nan), "mend or remove the jet"),
    "classes as numbers": (set_to(JETS, (slice(None), -6), 3), "mend or remove the jet"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values_that_cannot_be_used_are_named(tmp_path, name):
    change, message = VALUES[name]
    path = tmp_path / "broken.h5"
    write_broken(path, change)
    with pytest.raises(ValueError, match=r"broken\.h5: (jetConstituentList|jets)") as error:
        list(read_jets(path, ("pt", "etarel"), chunk=10))
    assert message in str(error.value)


def test_a_column_that_nobody_asked_for_may_hold_anything(tmp_path):
    write_broken(tmp_path / "jets.h5", set_to(CONSTITUENTS, (41, 0, ETA), np.nan))
    list(read_jets(tmp_path / "jets.h5", ("pt", "phirel")))


def truncated(path):
    path.write_bytes(path.read_bytes()[:-2000])


def cut_to_the_signature(path):
    path.write_bytes(path.read_bytes()[:8])


def spoilt_in_the_middle(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 64] = bytes(64)
    path.write_bytes(damaged)


WHOLE = {
    "text": lambda path: path.write_text("no HDF5"),
    "nothing": lambda path: path.write_bytes(b""),
    "truncated": truncated,
    "cut to the signature": cut_to_the_signature,
    "spoilt in the middle": spoilt_in_the_middle,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "gone": lambda path: path.unlink(),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_files_that_are_not_whole_are_named(tmp_path, name):
    path = tmp_path / "broken.h5"
    write_random_jets(path, N_JETS)
    WHOLE[name](path)
    with pytest.raises(ValueError, match=r"broken\.h5 .*make or download it again"):
        list(read_jets(path, ("pt",)))


# Faults that only all files together show.


@pytest.fixture
def sample(tmp_path):
    files = [tmp_path / f"file_{number}.h5" for number in range(3)]
    for number, path in enumerate(files):
        write_random_jets(path, 150, seed=number)
    return files


def prepare(files, folder, test_files=()):
    preprocess_jets(files, test_files, folder / "out" / "jets.h5", SETTINGS, "a test")


def change_constituents(path, change):
    with h5py.File(path, "r+") as file:
        file[CONSTITUENTS][:] = change(file[CONSTITUENTS][:])


def change_labels(path, change):
    with h5py.File(path, "r+") as file:
        labels = file[JETS][:]
        change(labels)
        file[JETS][:] = labels


def top_as_gluon(labels):
    labels[labels[:, -2] == 1, -6:] = (1, 0, 0, 0, 0, 0)


def all_gluons(labels):
    labels[:, -6:] = (1, 0, 0, 0, 0, 0)


SAMPLES = {
    "one file in MeV": (
        lambda files: change_constituents(files[1], lambda x: 1000 * x),
        r"file_1\.h5: jetConstituentList has leading constituents of .* GeV .* in MeV and must be in GeV: divide",
    ),
    "all files in TeV": (
        lambda files: [change_constituents(path, lambda x: x / 1000) for path in files],
        r"none of class .* with a constituent above 2\.0 GeV; check .* their units \(GeV\)",
    ),
    "no tops": (
        lambda files: [change_labels(path, top_as_gluon) for path in files],
        "training jets have none of class t .*check that the files hold all classes",
    ),
    "all one class": (
        lambda files: [change_labels(path, all_gluons) for path in files],
        "training jets have none of class q, w, z, t ",
    ),
    "nothing in any jet": (
        lambda files: [change_constituents(path, np.zeros_like) for path in files],
        "none of class g, q, w, z, t ",
    ),
    "a column that is always the same": (
        lambda files: [change_constituents(path, lambda x: x * (np.arange(16) != ETA)) for path in files],
        "data.features: etarel is the same in nearly all training jets; leave it out",
    ),
    "few constituents in one file": (
        lambda files: write_broken(files[0], lambda f: replaced(CONSTITUENTS, f[CONSTITUENTS][:, :5])(f)),
        r"file_0\.h5: jetConstituentList has 5 constituents a jet; data\.n_constituents asks for 8, lower it",
    ),
    "the same file twice": (
        lambda files: files[2].write_bytes(files[0].read_bytes()),
        r"file_0\.h5 and .*file_2\.h5 are the same file: .*; remove one",
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_that_cannot_be_used_is_refused(sample, tmp_path, name):
    change, message = SAMPLES[name]
    change(sample)
    with pytest.raises(ValueError, match=message):
        prepare(sample, tmp_path)
    assert not (tmp_path / "out" / "jets.h5").exists()


def test_soft_jets_are_no_jets_in_other_units(sample, tmp_path):
    """Leading constituents of a few GeV, and of a TeV, are what another selection of jets has."""
    for factor in (0.2, 100):
        for path in sample:
            change_constituents(path, lambda x, factor=factor: factor * x)
        prepare(sample, tmp_path)


# The prepared file, which lies between rules for days.


def empty_split(file):
    replaced("x_val", np.zeros((0, 24), "f4"))(file)
    replaced("y_val", np.zeros(0, "i8"))(file)


PREPARED = {
    "no split": (without("x_val"), "has no split val"),
    "an empty split": (empty_split, "y_val does not hold classes"),
    "classes that do not exist": (set_to("y_train", 3, 5), "y_train does not hold classes, from 0 to 4"),
    "a negative class": (set_to("y_train", 3, -1), "y_train does not hold classes"),
    "classes as fractions": (lambda f: replaced("y_val", f["y_val"][:] / 2)(f), "y_val does not hold classes"),
    "NaN": (set_to("x_train", (3, 0), np.nan), "x_train does not hold finite float32 features"),
    "other jets than labels": (lambda f: replaced("x_val", f["x_val"][:-1])(f), "x_val does not hold finite"),
    "doubles": (lambda f: replaced("x_val", f["x_val"][:].astype("f8"))(f), "x_val does not hold finite"),
    "a group": (lambda f: (f.pop("x_val"), f.create_group("x_val")), "is not a prepared data set"),
}


@pytest.mark.parametrize("name", PREPARED)
def test_a_prepared_file_that_was_changed_is_refused(sample, tmp_path, name):
    change, message = PREPARED[name]
    prepare(sample, tmp_path)
    path = tmp_path / "out" / "jets.h5"
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(ValueError, match=r"out/jets\.h5") as error:
        load_dataset(path)
    assert message in str(error.value)
    assert "the same command makes it again" in str(error.value)


def test_a_prepared_file_that_is_none_is_refused(sample, tmp_path):
    prepare(sample, tmp_path)
    path = tmp_path / "out" / "jets.h5"
    with pytest.raises(ValueError, match="no split holdout"):
        load_dataset(path, ("train", "holdout"))
    with h5py.File(path, "r+") as file:
        del file.attrs["classes"]
    with pytest.raises(ValueError, match=r"jets\.h5 is not a prepared data set .*classes"):
        describe_attributes(path)
    path.write_bytes(path.read_bytes()[:-100])
    for read in (load_dataset, describe_attributes):
        with pytest.raises(ValueError, match=r"jets\.h5 is not a whole HDF5 file .*the same command"):
            read(path)
    with pytest.raises(ValueError, match=r"nothing\.h5 is not there; .*the same command"):
        load_dataset(tmp_path / "nothing.h5")
