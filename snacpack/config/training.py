"""The configuration's section ``training``: how float networks are trained."""

from typing import Annotated, Literal

from pydantic import Field

from snacpack.config.keys import Section, key
from snacpack.config.types import BatchSize, Epochs, Says
from snacpack.data.weights import BALANCED

ClassWeight = Annotated[float, Field(gt=0, le=1e6)]


class Training(Section):
    """The training of every float network: trials, references and candidates."""

    epochs: Epochs = key(5, "epochs of every float network: trials, references and candidates")
    batch_size: BatchSize = key(128, "examples of a step of their training")
    class_weights: Annotated[
        Literal[BALANCED] | dict[str, ClassWeight] | None,
        Says("balanced, a positive weight for each class by its name, or null"),
    ] = key(
        None,
        "weights of the classes in the losses of all trainings; null counts all examples the same",
        "With `balanced` the classes count the same, however many examples each has. Scores and figures are without "
        "them.",
    )
    device: Literal["cpu", "cuda", "auto"] = key(
        "cpu",
        "device of their training; `auto` is a GPU if PyTorch sees one",
        "`cuda` was not tried on a GPU yet. A change repeats no training. Rounding differs, so a search that "
        "continues on another device finds other networks.",
    )
