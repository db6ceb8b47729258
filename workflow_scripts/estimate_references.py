"""Estimate the FPGA cost of the reference architectures; needs neither data nor training."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import whole_file
from snacpack.hardware.costs import costs_table
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.architecture import Architecture

references = {
    name: Architecture.from_dict({**fields, **snakemake.params.sizes})
    for name, fields in snakemake.params.references.items()
}
table = costs_table(references, Surrogate(**snakemake.params.surrogate), snakemake.params.bit_width)
with whole_file(snakemake.output.table) as path:
    table.to_csv(path, index=False)
