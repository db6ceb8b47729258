"""Backends as documents write them, and the promises of every backend."""

import os
import re
from pathlib import Path
from typing import ClassVar

import pytest

from helpers import ROOT
from helpers.random_networks import PART, random_network
from helpers.running import program
from snacpack.config.tables import backends_table
from snacpack.core.files import write_json
from snacpack.core.plugins import use_plugins
from snacpack.run.preflight import CHECKS, needs_of
from snacpack.synthesis.backend import Backend, Synthesis
from snacpack.synthesis.devices import RESOURCES
from snacpack.synthesis.registry import REGISTRY, choose_backend, find_backend, missing_tool
from snacpack.synthesis.report import report_no_circuit, synthesise
from snacpack.synthesis.rtl import build_rtl


def table_of_backends() -> str:
    """Return the table of config/README.md: every backend of the workflow itself."""
    use_plugins([])
    return backends_table()


def documented_backend() -> tuple[str, str]:
    """Return name and content of the example file of docs/hardware.md."""
    text = (ROOT / "docs" / "hardware.md").read_text()
    (name,) = re.findall(r"`mine/backends/(\w+\.py)`", text)
    (content,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return name, content


def bare_path(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Leave the system's own programs on PATH, without a vendor's tool, and return a folder in front of them."""
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
    return folder


class BackendTests:
    """Promises of every backend; a class of tests for one names it, and a stand-in for its programs."""

    name: ClassVar[str]

    def stand_in(self, folder: Path) -> str:
        """Return the shell script that does what the backend's program does in its working directory."""
        raise NotImplementedError(f"{self.name} needs a program; return a script that stands in for it")

    @pytest.fixture
    def backend(self) -> Backend:
        return find_backend(self.name)

    @pytest.fixture
    def bin_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        return bare_path(monkeypatch, tmp_path / "bin")

    def test_it_describes_itself(self, backend: Backend) -> None:
        from hls4ml.backends import get_available_backends

        assert backend.name == self.name
        assert backend.hls4ml.lower() in get_available_backends()
        assert set(backend.tools) <= set(CHECKS)
        assert self.name in backend.note
        assert re.search(r"(?i)(nothing|not)[^.]* placed (and|or) routed", backend.note)
        assert (backend.auto is None) == (self.name in REGISTRY.plugins)

    def test_without_its_programs_it_is_refused(self, backend: Backend, bin_folder: Path) -> None:
        if not backend.programs:
            assert backend.available()
            assert missing_tool(self.name) is None
            return
        assert not backend.available()
        told = missing_tool(self.name)
        assert all(name in told for name in (repr(self.name), *backend.programs, backend.remedy, "'auto'"))
        with pytest.raises(ValueError, match=r"synthesis\.backend: "):
            choose_backend(self.name)
        for name in backend.programs:
            program(bin_folder / name, "exit 0")
            assert backend.program() == str(bin_folder / name)
            assert choose_backend(self.name) is backend
            (bin_folder / name).unlink()

    def test_its_tools_are_tried_before_the_first_job(self, backend: Backend) -> None:
        config = {"training": {"device": "cuda"}, "synthesis": {"backend": "auto"}}
        assert needs_of(["synthesize_model"], config, self.name) - {"cache"} == set(backend.tools)
        assert needs_of(["estimate_references"], config, self.name) == set()

    def test_its_report_holds_every_number_with_its_origin(
        self, backend: Backend, tmp_path: Path, bin_folder: Path
    ) -> None:
        for name in backend.programs[:1]:
            program(bin_folder / name, self.stand_in(tmp_path))
        circuit = build_rtl(random_network((4, 3, 2), bits=4), tmp_path / "rtl", PART, 5.0)
        hls, reports = tmp_path / "hls", tmp_path / "reports"
        write_json({"reuse_factor": 7, "reuse_factors": [4, 6]}, hls / "project.json")
        (hls / "project.tcl").write_text('variable backend\nset backend "vitis"\nset project_name "snacpack_network"\n')
        before = {path: path.read_bytes() for path in hls.rglob("*")}
        job = Synthesis(hls, tmp_path / "rtl", reports, PART, 5.0, circuit.stages, 2, 600)
        report = synthesise(self.name, job, None)
        assert reports.is_dir()
        assert report["backend"] == self.name
        numbers = {key for key, value in report.items() if isinstance(value, int | float)} - {"clock_period_ns"}
        assert {*RESOURCES, "latency_cycles", "latency_ns", "ii_cycles", "ii_ns"} <= numbers
        assert numbers <= set(report["origin"])
        assert report["timing"] is None or isinstance(report["timing"]["meets_target"], bool)
        assert ("timing" in report["origin"]) == (report["timing"] is not None)
        assert report["latency_ns"] == 5.0 * report["latency_cycles"]
        assert report["hls4ml"] == {"reuse_factor": 7, "reuse_factors": [4, 6]}
        assert set(report_no_circuit(self.name, hls, PART, 5.0, "a reason")) == set(report)
        assert {path: path.read_bytes() for path in hls.rglob("*")} == before
