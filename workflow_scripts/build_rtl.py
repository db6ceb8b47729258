"""Turn a compressed model into pipelined Verilog."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.fixed_point import FixedPointNetwork
from snacpack.synthesis.rtl import build_rtl

network = FixedPointNetwork.load(snakemake.input.fixed_point)
build_rtl(network, snakemake.output.project, snakemake.params.part, snakemake.params.clock_period_ns)
