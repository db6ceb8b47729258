"""Turn a compressed model into pipelined Verilog, or say why there is no such circuit."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.networks.integers import FixedPointNetwork, NoCircuit
from snacpack.synthesis.rtl import build_rtl, write_no_circuit

network = FixedPointNetwork.load(snakemake.input.fixed_point)
try:
    build_rtl(network, snakemake.output.project, snakemake.params.part, snakemake.params.clock_period_ns)
except NoCircuit as reason:
    # The network's own fault: its row of the tables says so, and the other networks go on.
    write_no_circuit(str(reason), snakemake.output.project)
