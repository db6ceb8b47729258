"""Fronts, curves and confusion matrices."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.report_run import HISTORY, let_every_trial_fail, run_files, write_run
from snacpack.figures.confusion import JET_SYMBOLS, draw_confusion_matrix, row_fractions
from snacpack.figures.style import save_figure
from snacpack.report.curves import draw_pruning_curves, draw_training_curves
from snacpack.report.fronts import close_view, draw_projection, projected_front, step_line
from snacpack.report.projections import PROJECTIONS, Projection
from snacpack.report.report import Run

OBJECTIVES = ["accuracy", "average_resources", "clock_cycles"]
SMALL_AND_SMALL, SMALL_AND_LARGE = PROJECTIONS[0], PROJECTIONS[3]


def table(projection: Projection, values: list[tuple[int, int]]) -> pd.DataFrame:
    return pd.DataFrame(values, columns=[projection.x, projection.y])


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30),
    st.sampled_from([SMALL_AND_SMALL, SMALL_AND_LARGE]),
)
def test_front_is_what_nobody_beats(values: list[tuple[int, int]], projection: Projection) -> None:
    sign = 1 if projection is SMALL_AND_SMALL else -1
    turned = [(sign * x, y) for x, y in values]

    def beaten(i: int) -> bool:
        a, b = turned[i]
        return any(c <= a and d <= b and (c, d) != (a, b) for c, d in turned)

    front = projected_front(table(projection, values), projection)
    assert sorted(front.index) == [i for i in range(len(values)) if not beaten(i)]
    assert front[projection.x].is_monotonic_increasing


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30),
    st.sampled_from([SMALL_AND_SMALL, SMALL_AND_LARGE]),
)
def test_line_steps_along_the_front_and_no_point_lies_beyond_it(
    values: list[tuple[int, int]], projection: Projection
) -> None:
    points = table(projection, values)
    line = step_line(points, projection)
    steps = np.diff(line, axis=0)
    assert (steps == 0).any(axis=1).all()
    front = projected_front(points, projection).to_numpy(dtype=float)
    assert {tuple(point) for point in front} <= {tuple(vertex) for vertex in line}
    # Every point of the line is reached: some network is at least as good in both.
    sign = 1 if projection is SMALL_AND_SMALL else -1
    for x, y in line:
        assert any(sign * a <= sign * x and b <= y for a, b in values)


def test_close_view_holds_the_good_half_and_is_not_asked_for_without_need() -> None:
    good = pd.DataFrame({"accuracy": [20.0, 21, 56, 57, 57.5, 58]})
    marked = pd.DataFrame({"accuracy": [56.2]})
    low, high = close_view(good, marked)
    assert 50 < low < 56.2 < 58 < high
    assert close_view(pd.DataFrame({"accuracy": [56.0, 57, 58]}), marked) is None


@pytest.mark.parametrize("objectives", [OBJECTIVES, ["accuracy", "bops"]])
def test_only_nacs_own_figure_is_called_nacs(objectives: list[str]) -> None:
    titles = [projection.title(objectives) for projection in PROJECTIONS]
    assert [title.startswith("NAC front") for title in titles] == [False] * 3 + [objectives == ["accuracy", "bops"]]


def texts(figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_every_network_is_drawn_and_every_model_named(tmp_path: Path) -> None:
    config = write_run(tmp_path)
    run = Run.read(run_files(tmp_path), config, {})
    for projection in PROJECTIONS:
        figure = draw_projection(run.trials, run.models, projection, OBJECTIVES)
        sampled = figure.axes[0].collections[0].get_offsets()
        succeeded = run.trials[run.trials["failure"] == ""]
        assert len(sampled) == len(succeeded) == 63
        if projection.x == "accuracy":
            assert np.allclose(sampled[:, 0], 100 * succeeded["accuracy"])
        assert texts(figure) == {"baseline", "snac-0012", "snac-0031"}
        save_figure(figure, [tmp_path / "fig.png", tmp_path / "fig.svg"])
        assert min(Image.open(tmp_path / "fig.png").size) > 600


@settings(max_examples=5, deadline=None)
@given(st.integers(1, 3))
def test_search_of_few_networks_is_drawn(n_trials: int) -> None:
    points = pd.DataFrame(
        {
            "generation": 0,
            "pareto": True,
            "accuracy": np.linspace(0.5, 0.6, n_trials),
            "average_resources": 3.0,
            "clock_cycles": 70.0,
            "bops": 8000,
        }
    )
    models = points.iloc[:1].assign(kind="candidate").set_index(pd.Index(["snac-0000"]))
    for projection in PROJECTIONS:
        figure = draw_projection(points, models, projection, OBJECTIVES)
        assert texts(figure) == {"snac-0000"}
        save_figure(figure, [])


@pytest.mark.thorough
@pytest.mark.parametrize("all_failed", [False, True])
def test_run_without_candidates_is_drawn(tmp_path: Path, all_failed: bool) -> None:
    config = write_run(tmp_path, names=(), methods=("magnitude",))
    if all_failed:
        let_every_trial_fail(tmp_path)
    run = Run.read(run_files(tmp_path), config, {})
    figures = [draw_projection(run.trials, run.models, projection, OBJECTIVES) for projection in PROJECTIONS]
    for figure in figures:
        assert texts(figure) == {"baseline"}
        assert len(figure.axes[0].collections[0].get_offsets()) == (0 if all_failed else 63)
    figures.append(draw_pruning_curves(run.metrics, run.chosen, run.trained))
    figures.append(draw_training_curves({"baseline": HISTORY}))
    for figure in figures:
        save_figure(figure, [tmp_path / "figure.png", tmp_path / "figure.svg"])


def test_equal_figures_are_equal_files(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        save_figure(draw_training_curves({"baseline": HISTORY}), [tmp_path / name])
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_training_curves_hold_every_models_history() -> None:
    figure = draw_training_curves({"baseline": HISTORY, "snac-0001": HISTORY[:3]})
    loss, accuracy = figure.axes
    assert len(loss.lines) == 4
    assert [line.get_label() for line in accuracy.lines] == ["baseline", "snac-0001"]
    assert accuracy.lines[1].get_ydata() == pytest.approx([43, 46, 49])
    save_figure(figure, [])


def test_pruning_curves_ring_the_iteration_that_was_chosen(tmp_path: Path) -> None:
    config = write_run(tmp_path, methods=("magnitude",))
    run = Run.read(run_files(tmp_path), config, {})
    figure = draw_pruning_curves(run.metrics, run.chosen, run.trained)
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert {"baseline w8a8", "snac-0012 w8a8", "snac-0031 w8a8"} <= set(lines)
    assert lines["baseline w8a8"].get_xdata() == pytest.approx([0, 20, 36, 48.8])
    rings = [line for line in figure.axes[0].lines if line.get_markersize() == 12 and len(line.get_xdata())]
    assert [line.get_xdata()[0] for line in rings] == pytest.approx([48.8] * 3)
    save_figure(figure, [])


def test_confusion_matrix_is_normalised_by_true_class() -> None:
    counts = np.array([[3, 1], [0, 8]])
    assert row_fractions(counts) == pytest.approx(np.array([[0.75, 0.25], [0, 1]]))
    assert row_fractions([[0, 0], [1, 1]]) == pytest.approx(np.array([[0, 0], [0.5, 0.5]]))
    figure = draw_confusion_matrix(counts, ["g", "w"], "snac-0001 w8a8", JET_SYMBOLS)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["75.0", "25.0", "0.0", "100.0"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["g", "W"]
    save_figure(figure, [])
    others = draw_confusion_matrix(counts, ["w", "long name " * 9], "title").axes[0]
    assert [label.get_text() for label in others.get_yticklabels()] == ["w", "long name long name long na..."]
    save_figure(others.figure, [])
