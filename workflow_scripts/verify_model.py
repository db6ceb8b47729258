"""Compare every form of a compressed model with the trained network, on test jets."""

from pathlib import Path

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.compression.checkpoint import Checkpoint
from snacpack.core.files import write_json
from snacpack.data.dataset import load_dataset
from snacpack.networks.integers import NoCircuit
from snacpack.synthesis.rtl import Circuit
from snacpack.synthesis.verification import Forms, complaint, spread, verify

checkpoint = Checkpoint.load(snakemake.input.checkpoint)
x, _ = load_dataset(snakemake.input.jets, ("test",))["test"]
x = x[spread(len(x), snakemake.params.n_jets)]
forms = Forms(*(Path(snakemake.input[name]) for name in ("fixed_point", "onnx", "hls", "rtl")))
failure, comparisons = None, []
try:
    comparisons = verify(checkpoint.network().eval(), forms, x, snakemake.params.n_rtl_jets, snakemake.threads)
    Circuit.load(forms.rtl)
except NoCircuit as reason:
    failure = str(reason)
result = {
    "model": snakemake.wildcards.candidate,
    "scheme": snakemake.wildcards.scheme,
    "n_jets": len(x),
    "n_rtl_jets": 0 if failure else min(len(x), snakemake.params.n_rtl_jets),
    "comparisons": comparisons,
    "exact": bool(comparisons) and all(entry["exact"] for entry in comparisons),
    "failure": failure,
}
problem = complaint(comparisons)
if problem:
    raise RuntimeError(f"{problem}; all comparisons: {comparisons}")
write_json(result, snakemake.output.verification)
