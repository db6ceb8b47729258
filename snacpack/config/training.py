"""The configuration's section ``training``: how float networks are trained."""

from typing import Literal

from snacpack.config.keys import Section, key
from snacpack.config.types import BatchSize, Epochs


class Training(Section):
    """The training of every float network: trials, references and candidates."""

    epochs: Epochs = key(5, "epochs of every float network: trials, references and candidates")
    batch_size: BatchSize = key(128, "examples of a step of their training")
    device: Literal["cpu", "cuda", "auto"] = key(
        "cpu",
        "device of their training; `auto` is a GPU if PyTorch sees one",
        "`cuda` was not tried on a GPU yet. A change repeats no training. Rounding differs, so a search that "
        "continues on another device finds other networks.",
    )
