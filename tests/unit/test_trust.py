"""Trust: no pickle is loaded, no value reaches a shell or a page unquoted, nothing listens, nobody is called."""

import ast
import os
import re
import sys
from contextlib import suppress
from pathlib import Path

import h5py
import pytest

from helpers import ROOT
from helpers.jets_files import write_random_jets
from helpers.network_watch import can_be_cut_off, watched
from helpers.report_page import Page, write_page
from snacpack.jets.data_card import draw_data_card
from snacpack.jets.layout import read_source
from snacpack.jets.preprocessing import Preprocessing, preprocess_jets

CODE = [
    path for folder in ("snacpack", "workflow_scripts", "benchmarks", "envs") for path in (ROOT / folder).rglob("*.py")
]
RULES = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]
HOSTILE = "<script>alert('jets')</script>"

# Calls that run code of what they read, or hand a line of text to a shell.
REFUSED_CALLS = {
    *("pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open"),
    *("dill.load", "dill.loads", "cloudpickle.load", "cloudpickle.loads", "joblib.load", "pd.read_pickle"),
    *("pandas.read_pickle", "torch.hub.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "shell", "pty.spawn"),
}


def name_of(node):
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def is_constant(call, keyword, value):
    return any(
        entry.arg == keyword and isinstance(entry.value, ast.Constant) and entry.value.value is value
        for entry in call.keywords
    )


def unsafe_calls(code):
    """Lines of a program that load code with data, or start a shell."""
    tree = ast.parse(code)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and {f"{node.module}.{alias.name}" for alias in node.names} & REFUSED_CALLS:
            found.append(node.lineno)
        if not isinstance(node, ast.Call):
            continue
        name = name_of(node.func)
        if name in REFUSED_CALLS or (name == "torch.load" and not is_constant(node, "weights_only", True)):
            found.append(node.lineno)
        if any(entry.arg == "allow_pickle" and not is_constant(node, "allow_pickle", False) for entry in node.keywords):
            found.append(node.lineno)
        if any(entry.arg == "shell" and not is_constant(node, "shell", False) for entry in node.keywords):
            found.append(node.lineno)
        # A command as one text would be split by somebody's rules.
        if name.startswith("subprocess.") and node.args and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
            found.append(node.lineno)
    return found


def test_no_program_loads_code_or_starts_a_shell():
    assert len(CODE) > 80
    unsafe = {str(path.relative_to(ROOT)): lines for path in CODE if (lines := unsafe_calls(path.read_text()))}
    assert unsafe == {}


@pytest.mark.parametrize(
    "line",
    [
        "pickle.load(file)",
        "from pickle import loads",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader)",
        "eval(text)",
        "os.system(command)",
        "subprocess.run(command, shell=True)",
        "subprocess.run(f'rm {path}')",
    ],
)
def test_what_is_looked_for_is_found(line):
    assert unsafe_calls(line) == [1]


def test_rules_start_scripts_and_no_shell():
    text = {path.name: path.read_text() for path in RULES}
    assert sum(len(re.findall(r"^    script:$", content, re.MULTILINE)) for content in text.values()) > 30
    for name, content in text.items():
        assert not re.search(r"^\s*(shell|run|wrapper|notebook|cwl)\s*:", content, re.MULTILINE), name
        assert not re.search(r"\bshell\(|\beval\(|\bexec\(|os\.system|subprocess", content), name


def test_yaml_is_read_by_the_safe_reader_alone():
    code = "\n".join(path.read_text() for path in CODE)
    assert set(re.findall(r"yaml\.(\w*load\w*|compose)\(", code)) == {"safe_load", "compose"}
    composed = re.findall(r"yaml\.compose\(([^)]*)\)", code)
    assert len(composed) == 2
    assert all(arguments.endswith(", Loader=yaml.SafeLoader") for arguments in composed)


# Texts that come from outside into the report.


def test_where_jets_come_from_is_text_on_the_page(tmp_path):
    def inject(folder, config):
        with h5py.File(folder / "data" / "jets.h5", "r+") as file:
            file.attrs["source"] = HOSTILE
        config["data"]["files"]["folder"] = f'/data/{HOSTILE}/"><img src=x onerror=alert(1)>'
        config["data"]["zenodo"]["url"] = "https://host/</pre><script>alert(2)</script>"

    html = write_page(tmp_path, inject)
    page = Page(html)
    assert all(address.startswith("data:image/") for address in page.loads)
    assert page.text.count(HOSTILE) >= 2
    assert "<script>alert" not in html


@pytest.mark.parametrize("source", ["two\nlines", "x" * 400, 5, [1, 2], b"\xff\xfe"])
def test_a_source_that_is_no_line_of_text_is_not_taken(tmp_path, source):
    write_random_jets(tmp_path / "a.h5", 5)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        file.attrs["source"] = source
    assert read_source(tmp_path / "a.h5") is None


def test_a_source_is_drawn_as_it_stands(tmp_path):
    """Matplotlib would take what stands between dollars for a formula, and fail on one that is none."""
    write_random_jets(tmp_path / "a.h5", 300)
    settings = Preprocessing(8, 2.0, ("pt", "etarel", "phirel"), 0.2, 0.2, 1)
    preprocess_jets([tmp_path / "a.h5"], [], tmp_path / "jets.h5", settings, r"files of /data/$\broken$ {x}")
    draw_data_card(tmp_path / "jets.h5", [tmp_path / "card.svg"])
    assert (tmp_path / "card.svg").exists()


# The network.


needs_namespace = pytest.mark.skipif(not can_be_cut_off(), reason="this user may not make network namespaces")

LIBRARIES = """
import brevitas.nn, da4ml, fastjet, hls4ml, onnxruntime, plotly.graph_objects, pythia8mc, qonnx.core.modelwrapper, torch
from helpers.random_networks import random_network
from snacpack.hardware.circuit import estimate_circuits
estimate_circuits([random_network((6, 5, 3))] * 2, 5.0, "xcvu13p-flga2577-2-e", threads=2)
"""
LISTENER = "import socket, time; s = socket.create_server(('127.0.0.1', 4444)); time.sleep(0.3)"
CALLER = "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('203.0.113.1', 80))"


@needs_namespace
def test_what_listens_or_calls_is_noticed():
    """Else the tests below would show nothing."""
    assert watched(sys.executable, "-c", LISTENER)["sockets"] == ["tcp 0100007F:115C"]
    assert watched(sys.executable, "-c", CALLER)["attempts"] > 0


def path_without_slurm(folder):
    """A PATH as it is, but for Slurm's commands: Snakemake's plugin asks them what the cluster is like."""
    folder.mkdir()
    for place in os.get_exec_path():
        for program in Path(place).glob("*") if Path(place).is_dir() else ():
            if program.name not in ("scontrol", "sacct", "sacctmgr", "squeue", "sinfo"):
                with suppress(FileExistsError):
                    (folder / program.name).symlink_to(program)
    return f"PATH={folder}"


@pytest.mark.thorough
@needs_namespace
def test_the_search_needs_no_network_and_opens_no_port(tmp_path):
    for seed, name in enumerate(("train/a.h5", "val/b.h5")):
        write_random_jets(tmp_path / "jets" / name, 500, seed)
    (tmp_path / "mine.yaml").write_text(f"run: mine\ndata: {{source: files, files: {{folder: {tmp_path / 'jets'}}}}}\n")
    found = watched(
        *("env", path_without_slurm(tmp_path / "bin"), sys.executable, "-m", "snakemake", "--cores", "2"),
        *("--snakefile", ROOT / "Snakefile", "--directory", tmp_path),
        *("--configfile", ROOT / "config" / "test.yaml", tmp_path / "mine.yaml", "--"),
        *("results/mine/searches/architectures/pareto.csv", "results/mine/references/hardware.csv"),
    )
    assert found["status"] == 0, found["words"]
    assert (tmp_path / "results" / "mine" / "searches" / "architectures" / "pareto.csv").exists()
    assert (found["sockets"], found["attempts"]) == ([], 0), found


@pytest.mark.thorough
@needs_namespace
def test_the_libraries_need_no_network_and_open_no_port():
    found = watched(sys.executable, "-c", LIBRARIES)
    assert found["status"] == 0, found["words"]
    assert (found["sockets"], found["attempts"]) == ([], 0), found
