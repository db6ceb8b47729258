"""Training and pruning curves of the final models."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from snacpack.figures.style import figure_style, model_look
from snacpack.tasks.registry import current_task, score_word, titled
from snacpack.tasks.task import CLASSES, NUMBERS, RECONSTRUCTION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCHEME_LINES = ("-", "--", "-.", ":")
_LOSSES = {
    CLASSES: "Cross-entropy [nats]",
    NUMBERS: "Loss of the normalised targets",
    RECONSTRUCTION: "Loss of the normalised inputs",
}


def draw_training_curves(histories: Mapping[str, Sequence[Mapping[str, float]]]) -> "Figure":
    """Draw loss and validation accuracy of the float networks against the epoch.

    Parameters
    ----------
    histories
        For each model, in the run's order, the ``history`` of its ``float.json``.
    """
    import matplotlib.pyplot as plt

    with figure_style():
        figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(10, 4.2))
        for i, (name, history) in enumerate(histories.items()):
            epochs, look = [record["epoch"] for record in history], {**model_look(i), "markersize": 4.5}
            loss.plot(epochs, [record["validation_loss"] for record in history], **look)
            loss.plot(epochs, [record["train_loss"] for record in history], **look, alpha=0.6, linestyle="--")
            accuracy.plot(epochs, [100 * record["validation_accuracy"] for record in history], label=name, **look)
        named = _LOSSES[current_task().targets]
        loss.set(xlabel="Epoch", ylabel=named, title="Loss: validation (solid), training (dashed)")
        accuracy.set(
            xlabel="Epoch",
            ylabel=f"Validation {score_word()} [%]",
            title=f"{titled(score_word())} of the float networks",
        )
        for axes in (loss, accuracy):
            axes.xaxis.get_major_locator().set_params(integer=True)
        _legend(figure, accuracy)
    return figure


def draw_pruning_curves(
    metrics: Mapping[tuple[str, str], pd.DataFrame],
    chosen: Mapping[tuple[str, str], Mapping[str, Any]],
    trained: Mapping[str, Mapping[str, Any]],
) -> "Figure":
    """Draw validation accuracy against sparsity, with the chosen iteration and the float network's accuracy.

    Parameters
    ----------
    metrics
        ``metrics.csv`` by model and scheme.
    chosen
        ``chosen.json`` by model and scheme.
    trained
        ``float.json`` by model, in the run's order.
    """
    import matplotlib.pyplot as plt

    models, schemes = list(trained), list(dict.fromkeys(scheme for _, scheme in metrics))
    with figure_style():
        figure, axes = plt.subplots(figsize=(7.2, 4.6))
        for (model, scheme), table in metrics.items():
            look, line = model_look(models.index(model)), SCHEME_LINES[schemes.index(scheme) % len(SCHEME_LINES)]
            sparsity, accuracy = 100 * table["sparsity"], 100 * table["validation_accuracy"]
            axes.plot(sparsity, accuracy, linestyle=line, markersize=5, label=f"{model} {scheme}", **look)
            _ring(axes, chosen[model, scheme])
        for i, (_, record) in enumerate(trained.items()):
            axes.axhline(100 * record["validation_accuracy"], color=model_look(i)["color"], lw=0.9, ls=(0, (1, 3)))
        axes.plot([], [], color="#555555", lw=0.9, ls=(0, (1, 3)), label="float network")
        axes.plot([], [], "o", markersize=12, markerfacecolor="none", color="#555555", label="synthesised")
        axes.set(xlabel="Sparsity (weights that are zero) [%]", ylabel=f"Validation {score_word()} [%]")
        axes.set_title("Quantisation-aware training and iterative pruning")
        _legend(figure, axes)
    return figure


def _ring(axes: "Axes", chosen: Mapping[str, Any]) -> None:
    place = 100 * chosen["sparsity"], 100 * chosen["validation_accuracy"]
    axes.plot(*place, "o", markersize=12, markerfacecolor="none", color="#555555", zorder=4)


def _legend(figure: "Figure", axes: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
