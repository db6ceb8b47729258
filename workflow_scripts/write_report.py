"""Write the report: one self-contained HTML page about the whole run."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import write_text
from snacpack.core.versions import code_commit, package_versions
from snacpack.report.report import RunFiles, report_page

files = RunFiles.from_inputs(snakemake.input)
page = report_page(files, snakemake.params.config, package_versions(), code_commit())
write_text(page, snakemake.output.page)
