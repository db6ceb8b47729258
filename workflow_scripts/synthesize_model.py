"""Synthesise a compressed model and write down its hardware numbers and where each comes from."""

from pathlib import Path

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import read_json, write_json
from snacpack.synthesis.report import synthesise

comparisons = {entry["name"]: entry for entry in read_json(snakemake.input.verification)["comparisons"]}
report = synthesise(
    # What the project was written for, also where another tool has turned up since.
    backend=read_json(Path(snakemake.input.hls) / "project.json")["backend"],
    hls=snakemake.input.hls,
    rtl=snakemake.input.rtl,
    reports=snakemake.output.tool_reports,
    part=snakemake.params.part,
    clock_period_ns=snakemake.params.clock_period_ns,
    available=snakemake.params.available,
    measured_latency=comparisons["verilog"]["latency_cycles"],
    threads=snakemake.threads,
    # Not among the parameters: a longer time, for one model that ran out of it, repeats no other.
    timeout_s=60 * snakemake.config["synthesis"]["timeout_minutes"],
)
names = {"model": snakemake.wildcards.candidate, "scheme": snakemake.wildcards.scheme}
write_json({**names, **report}, snakemake.output.report)
