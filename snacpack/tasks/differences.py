"""The loss of tasks whose networks are to give numbers: squared differences, or Huber's."""

from collections.abc import Mapping
from typing import Any

from snacpack.tasks.task import Option


def loss_options(differences: str, of: str) -> tuple[Option, ...]:
    """Return the options ``loss`` and ``delta`` of a task.

    Parameters
    ----------
    differences
        The task's word for the difference of an output and its target, in the singular, such as ``residual``.
    of
        The targets, such as ``the normalised targets``.
    """
    return (
        Option(
            "loss",
            "squared",
            {"description": "the loss that training makes small, squared or huber", "enum": ["squared", "huber"]},
            f"loss of the training: `squared`, or `huber`, which large {differences}s change less",
        ),
        Option(
            "delta",
            1.0,
            {
                "description": f"a positive {differences}, of {of}, at most 1000000",
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1000000,
            },
            f"{differences}, of {of}, from which the loss `huber` grows linearly",
        ),
    )


def chosen_loss(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of :class:`snacpack.training.losses.Loss` that these options ask for."""
    return {"kind": "huber", "delta": options["delta"]} if options["loss"] == "huber" else {"kind": "squared"}
