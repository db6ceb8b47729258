"""Write down where every number of a run comes from, and the configuration that repeats it."""

from snacpack.run.workflow import start_job

start_job(snakemake)

import yaml

from snacpack.core.compiler import compiler_version
from snacpack.core.files import read_json, read_table, write_json, write_text
from snacpack.core.plugins import describe_plugins
from snacpack.run.provenance import (
    describe_data,
    describe_files,
    describe_jobs,
    table_sources,
)

inputs, params, run = snakemake.input, snakemake.params, f"results/{snakemake.wildcards.run}"
tables = [read_table(inputs[name]) for name in ("table2", "table3", "estimates")]
record = {
    "run": snakemake.wildcards.run,
    "config": params.config,
    "seed": params.config["seed"],
    "plugins": describe_plugins(params.config["plugins"]),
    "data": describe_data(inputs.jets),
    "run_with": describe_jobs(params.logs),
    "tools": {
        # A network that no circuit is built of has no tool.
        "synthesis": sorted({read_json(path)["tool"] for path in inputs.circuits} - {None}),
        "compiler": compiler_version(),
    },
    "tables": table_sources(run, *tables, params.references),
    "sha256": describe_files(path for path in inputs if path != inputs.jets),
}
write_json(record, snakemake.output.provenance)
note = (
    f"# The configuration of run {snakemake.wildcards.run}, the default's keys included: snakemake --configfile THIS\n"
)
write_text(note + yaml.safe_dump(params.config, sort_keys=False), snakemake.output.config)
