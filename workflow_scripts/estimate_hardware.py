"""Estimate the FPGA cost of every network of a generation, before any synthesis."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json, write_json
from snacpack.hardware.costs import estimate_costs
from snacpack.hardware.surrogate import Surrogate
from snacpack.problems.architectures import Architectures

trials, architectures = zip(*Architectures.read(snakemake.input.offspring), strict=True)
known = [record for path in snakemake.input.known for record in read_json(path)]
surrogate = Surrogate(**snakemake.params.surrogate)
costs = estimate_costs(architectures, surrogate, snakemake.params.bit_width, known)
records = [{"trial": trial, **cost} for trial, cost in zip(trials, costs, strict=True)]
write_json(records, snakemake.output.estimates)
