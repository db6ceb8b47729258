"""Synthesise a compressed model and write down its hardware numbers and where each comes from."""

from pathlib import Path

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json, write_json
from snacpack.synthesis.report import report_no_circuit, synthesise

verification, params = read_json(snakemake.input.verification), snakemake.params
asked = {
    # The backend that the project was written for, also if another tool has turned up since.
    "backend": read_json(Path(snakemake.input.hls) / "project.json")["backend"],
    "hls": snakemake.input.hls,
    "part": params.part,
    "clock_period_ns": params.clock_period_ns,
}
if verification.get("failure"):
    Path(snakemake.output.tool_reports).mkdir(parents=True)
    report = report_no_circuit(**asked, reason=verification["failure"])
else:
    comparisons = {entry["name"]: entry for entry in verification["comparisons"]}
    report = synthesise(
        **asked,
        rtl=snakemake.input.rtl,
        reports=snakemake.output.tool_reports,
        available=params.available,
        measured_latency=comparisons["verilog"]["latency_cycles"],
        threads=snakemake.threads,
        # Not among the parameters: a longer time, for one model that ran out of it, repeats no other.
        timeout_s=60 * snakemake.config["synthesis"]["timeout_minutes"],
    )
names = {"model": snakemake.wildcards.candidate, "scheme": snakemake.wildcards.scheme}
write_json({**names, **report}, snakemake.output.report)
