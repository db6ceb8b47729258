"""Synthesise a compressed model and write down its hardware numbers and where each comes from."""

from pathlib import Path

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json, write_json
from snacpack.synthesis.backend import Synthesis
from snacpack.synthesis.report import report_no_circuit, synthesise

verification, params = read_json(snakemake.input.verification), snakemake.params
hls = Path(snakemake.input.hls)
# The backend that the project was written for, also if another tool has turned up since.
backend = read_json(hls / "project.json")["backend"]
if verification.get("failure"):
    Path(snakemake.output.tool_reports).mkdir(parents=True)
    report = report_no_circuit(backend, hls, params.part, params.clock_period_ns, verification["failure"])
else:
    comparisons = {entry["name"]: entry for entry in verification["comparisons"]}
    job = Synthesis(
        hls=hls,
        rtl=Path(snakemake.input.rtl),
        reports=Path(snakemake.output.tool_reports),
        part=params.part,
        clock_period_ns=params.clock_period_ns,
        measured_latency=comparisons["verilog"]["latency_cycles"],
        threads=snakemake.threads,
        # Not among the parameters: a longer time, for one model that ran out of it, repeats no other.
        timeout_s=60 * snakemake.config["synthesis"]["timeout_minutes"],
    )
    report = synthesise(backend, job, params.available)
names = {"model": snakemake.wildcards.candidate, "scheme": snakemake.wildcards.scheme}
write_json({**names, **report}, snakemake.output.report)
