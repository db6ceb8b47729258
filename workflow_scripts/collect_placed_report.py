"""Collect timing and utilisation of a project that the user has placed and routed with Vivado."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import write_json
from snacpack.synthesis.placed import collect_vendor_report, vivado_command

measured = collect_vendor_report(snakemake.input.project)
if measured is None:
    raise RuntimeError(
        "Vivado has not been run in this project; on a machine with Vivado, run: "
        f"{vivado_command(snakemake.input.project)}"
    )
names = {"model": snakemake.wildcards.candidate, "scheme": snakemake.wildcards.scheme}
write_json({**names, **measured}, snakemake.output.report)
