"""Writing a Brevitas network as QONNX, and running such a file as its own format's executor does."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from torch import nn

from snacpack.files import whole_file

INPUT_NAME = "jet"
OUTPUT_NAME = "logits"


def export_qonnx(network: nn.Module, n_inputs: int, path: str | Path) -> None:
    """Write a trained network as QONNX, for one jet at a time.

    Parameters
    ----------
    network
        Brevitas network of (n, n_inputs) float32 to (n, n_outputs) logits.
    n_inputs
        Features of a jet.
    path
        File to write.
    """
    import torch
    from brevitas.export import export_qonnx as brevitas_export
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.util.cleanup import cleanup_model

    was_training = network.training
    network.eval()
    with TemporaryDirectory() as folder, whole_file(path) as temporary:
        # PyTorch writes a second file with the weights beside it; what is saved in the end holds them itself.
        exported = str(Path(folder) / "exported.onnx")
        brevitas_export(
            network,
            args=torch.zeros(1, n_inputs),
            export_path=exported,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
        )
        cleanup_model(ModelWrapper(exported)).save(str(temporary))
    network.train(was_training)


def run_qonnx(path: str | Path, x: np.ndarray) -> np.ndarray:
    """Return the logits of (n, n_inputs) float32 inputs, (n, n_outputs) float32, by QONNX's slow reference executor."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from tqdm import tqdm

    model = ModelWrapper(str(path))
    name_in, name_out = model.graph.input[0].name, model.graph.output[0].name
    jets = np.asarray(x, dtype=np.float32)
    rows = [execute_onnx(model, {name_in: jet[None]})[name_out][0] for jet in tqdm(jets, desc="QONNX", unit="jet")]
    return np.stack(rows)
