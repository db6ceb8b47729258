"""A network that no circuit is built of has a row that says why, and hides no other network's."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.random_networks import chain, dense, jets, random_network
from helpers.report_run import run_files, take_circuit, write_run
from snacpack.compression.calibration import quantize
from snacpack.compression.network import freeze
from snacpack.figures.style import save_figure
from snacpack.hardware.circuit import estimate_circuits
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks import integers
from snacpack.networks.architecture import Architecture
from snacpack.networks.grid import Quantizer
from snacpack.networks.integers import FixedPointNetwork, NoCircuit
from snacpack.networks.scheme import Precision
from snacpack.report.compression_fronts import draw_compression_fronts
from snacpack.report.estimators import ESTIMATE_FORMATS, draw_run_estimates, estimate_rows, rule4ml_of_models
from snacpack.report.report import Run, report_page
from snacpack.report.tables import TABLE3_FORMATS, accuracy_of, table2_formats, table2_rows, table3_rows, write_csv
from snacpack.run.provenance import table_sources
from snacpack.search.selection import select_finalists
from snacpack.synthesis.placed import collect_vendor_report
from snacpack.synthesis.rtl import Circuit, build_rtl, trace, write_no_circuit

REASON = "its logits are the same for every input"
PART = "xcvu13p-flga2577-2-e"


def brevitas_network(change, activation="relu"):
    """Return a network of two hidden layers whose weights and biases ``change`` has changed in place."""
    torch.manual_seed(0)
    architecture = Architecture((6, 4), activation, n_inputs=5, n_outputs=3)
    widths = architecture.layer_widths
    layers = [(0.3 * torch.randn(o, i), 0.1 * torch.randn(o)) for i, o in pairwise(widths)]
    change(layers)
    x = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    return freeze(quantize(architecture, Precision((6, 6, 6), (6, 6), 6), layers, x).eval()), x


SILENT = {
    "the last layer without weights": lambda layers: layers[2][0].zero_(),
    "a hidden layer without weights": lambda layers: layers[1][0].zero_(),
    "nothing but zeros": lambda layers: [tensor.zero_() for layer in layers for tensor in layer],
    "a hidden layer that never leaves zero": lambda layers: layers[1][1].fill_(-50.0),
}
ALIVE = {
    "one constant logit": lambda layers: layers[2][0][0].zero_(),
    "one input used": lambda layers: layers[0][0][:, 1:].zero_(),
}


@pytest.mark.parametrize("change", SILENT.values(), ids=SILENT)
def test_a_silent_network_is_no_circuit(change):
    network, x = brevitas_network(change)
    assert not np.ptp(network.predict(x), axis=0).any()
    with pytest.raises(NoCircuit, match="same for every input"):
        trace(network)


@pytest.mark.parametrize("change", ALIVE.values(), ids=ALIVE)
def test_constant_logits_and_unused_inputs_leave_a_circuit(change, tmp_path):
    network, _ = brevitas_network(change)
    circuit = build_rtl(network, tmp_path, PART, 5.0)
    assert circuit.stages >= 1
    assert sum(port.bits for port in circuit.inputs)


def test_the_estimates_of_others_go_on():
    silent, _ = brevitas_network(SILENT["a hidden layer without weights"])
    alive, _ = brevitas_network(lambda layers: None)
    first, second = estimate_circuits([silent, alive], 5.0, PART)
    assert first["lut"] is None
    assert first["failure"].startswith("no circuit: ")
    assert second["lut"] > 0
    assert second["failure"] is None


def test_a_project_that_there_is_not_says_why(tmp_path):
    build_rtl(brevitas_network(lambda layers: None)[0], tmp_path, PART, 5.0)
    write_no_circuit(REASON, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["circuit.json"]
    with pytest.raises(NoCircuit, match=REASON):
        Circuit.load(tmp_path)
    with pytest.raises(NoCircuit, match=REASON):
        collect_vendor_report(tmp_path)


def test_sums_that_no_float_holds_are_refused_by_name():
    network = chain(Quantizer(8, 0, True), dense([[2047]], 0, [2047], 60))
    with pytest.raises(NoCircuit, match=r"78 bits, and no more than 53"):
        trace(network)
    # It is measured with the others all the same.
    with pytest.raises(OverflowError):
        network.predict(np.ones((1, 1)))
    np.testing.assert_allclose(network.outputs(np.array([[3.0]])), [[3 * 2047 + 2047 / 2**60]])


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_outputs_in_floats_are_those_of_the_integers(activation, monkeypatch):
    network = random_network((5, 6, 4, 3), activation)
    x = jets(network, 200)
    assert np.ptp(network.predict(x), axis=0).max() > 0
    exact = network.predict(x)
    monkeypatch.setattr(integers, "INTEGER_BITS", 1)
    np.testing.assert_array_equal(network.outputs(x), exact)


def test_where_no_trial_has_a_circuit_the_most_accurate_are_trained_on():
    trials = pd.DataFrame(
        {
            "trial": [0, 1, 2, 3],
            "accuracy": [0.3, 0.5, None, 0.4],
            "failure": ["no circuit: silent", "no circuit: silent", "the loss is nan", "no circuit: silent"],
            "pareto": False,
            "lut": None,
        }
    )
    assert select_finalists(trials, "lut", 0.2, 2) == [1, 3]
    with pytest.raises(ValueError, match="the loss is nan"):
        select_finalists(trials[trials["trial"] == 2], "lut", 0.2, 2)


@pytest.fixture(params=[("snac-0012", "w8a8"), ("snac-0012", "mixed"), ("baseline", "w8a8")], ids=" ".join)
def run(request, tmp_path):
    """A run one of whose models, at one scheme, has no circuit."""
    config = write_run(tmp_path)
    take_circuit(tmp_path, *request.param, REASON)
    return tmp_path, config, request.param


def test_table_3_has_a_row_for_it_and_the_others_stand(run):
    folder, config, key = run
    read = Run.read(run_files(folder), config, {})
    write_csv(table3_rows(read.order, read.compressed, read.circuits), TABLE3_FORMATS, folder / "table3.csv")
    table = pd.read_csv(folder / "table3.csv").set_index(["model", "scheme"])
    assert table.loc[key, "failure"] == f"no circuit: {REASON}"
    assert table.loc[key, ["lut", "ff", "latency_ns", "lut_percent"]].isna().all()
    assert table.loc[key, "accuracy_percent"] > 0
    others = table.drop(index=[key])
    assert len(others) == 4
    assert others["failure"].isna().all()
    assert (others["lut"] > 0).all()


def test_the_report_says_it_and_compares_the_others(run):
    folder, config, (model, scheme) = run
    page = report_page(run_files(folder), config, {}, None)
    assert f"{model} {scheme} has no circuit: {REASON}." in page
    assert "All 23 comparisons" in page
    assert ">no circuit<" in page


def test_the_other_files_of_the_report_are_made(run):
    folder, config, key = run
    files = run_files(folder)
    read = Run.read(files, config, {})
    references = {"baseline": accuracy_of(read.trained["baseline"], "float.json")}
    rows = table3_rows(read.order, read.compressed, read.circuits)
    save_figure(draw_compression_fronts(read.searches, rows, references, "jets"), [folder / "fronts.svg"])
    rule4ml = rule4ml_of_models(files.references, read.trials, read.selected, ["baseline"])
    networks = {
        tuple(path.parts[-3:-1]): FixedPointNetwork.load(path)
        for path in folder.glob("candidates/*/*/fixed_point.json")
    }
    estimates = estimate_rows(read.order, read.circuits, networks, rule4ml, Surrogate())
    (of_model,) = [row for row in estimates if (row["model"], row["scheme"]) == key]
    assert of_model["lut"] is None
    assert of_model["ebops"] > 0
    save_figure(draw_run_estimates(estimates), [folder / "estimates.svg"])
    tables = {"table2": (table2_rows(read.models, read.trained), table2_formats())}
    tables |= {"table3": (rows, TABLE3_FORMATS), "estimates": (estimates, ESTIMATE_FORMATS)}
    for name, (lines, formats) in tables.items():
        write_csv(lines, formats, folder / f"{name}.csv")
    for name in ("baseline", "snac-0012", "snac-0031"):
        path = folder / "candidates" / name / "float.json"
        path.write_text(path.read_text().replace("{", '{"seed": 1,', 1))
    sources = table_sources(folder, *(pd.read_csv(folder / f"{name}.csv") for name in tables), ["baseline"])
    assert len(sources["table3.csv"]) == 5


def test_a_run_without_any_circuit_has_a_report_too(tmp_path):
    config = write_run(tmp_path)
    for path in sorted(tmp_path.glob("synthesis/*/*")):
        take_circuit(tmp_path, path.parent.name, path.name, REASON)
    read = Run.read(run_files(tmp_path), config, {})
    rows = table3_rows(read.order, read.compressed, read.circuits)
    save_figure(draw_compression_fronts(read.searches, rows, {}, "jets"), [tmp_path / "fronts.svg"])
    page = report_page(run_files(tmp_path), config, {}, None)
    assert page.count(">no circuit<") == 5
