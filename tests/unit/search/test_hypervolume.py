"""The share of thinkable results that a search covers."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.spaces import SIZES, SMALL, TABLE_1
from snacpack.figures.style import save_figure
from snacpack.networks.architecture import Architecture
from snacpack.networks.bops import multiply_accumulates
from snacpack.report.hypervolume import draw_hypervolume
from snacpack.search.hypervolume import (
    N_SAMPLED,
    hypervolume,
    limiting_architectures,
    reached,
    reached_by_generation,
    search_limits,
)
from snacpack.search.records import best_trials
from snacpack.search.space import SearchSpace

COSTS = ["bops", "lut", "clock_cycles"]
# Results on a grid, tenths of each cost's limit and of accuracy, have cells between them that can be counted.
LIMITS = {
    "accuracy": {"lowest": 0.2, "highest": 1.0},
    "bops": {"lowest": 1e5, "highest": 1e6},
    "lut": {"lowest": 3.0, "highest": 40.0},
    "clock_cycles": {"lowest": 20.0, "highest": 200.0},
    "dsp": {"lowest": 0.0, "highest": 0.0},
    "initiation_interval": {"lowest": 1.0, "highest": 1.0},
}


def trial(accuracy, *costs, **fields):
    costs = {name: share * LIMITS[name]["highest"] for name, share in zip(COSTS, costs, strict=False)}
    return {"accuracy": accuracy, "failure": None, "dsp": 0.0, "initiation_interval": 1.0, **costs, **fields}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3), st.data())
def test_it_is_the_share_of_cells_that_are_beaten(n_costs, data):
    cell = st.tuples(st.integers(0, 8), *[st.integers(0, 12)] * n_costs)
    points = data.draw(st.lists(cell, min_size=1, max_size=12))
    trials = [trial(0.2 + 0.1 * point[0], *(share / 10 for share in point[1:])) for point in points]
    # A cell reaches from one whole number to the next: a point covers it that is as good as its best corner.
    beaten = [
        any(a > cell[0] and all(c <= other for c, other in zip(costs, cell[1:], strict=True)) for a, *costs in points)
        for cell in product(range(8), *[range(10)] * n_costs)
    ]
    expected = np.mean(beaten)
    assert hypervolume(trials, ["accuracy", *COSTS[:n_costs]], LIMITS) == pytest.approx(expected, abs=2e-6)


def test_better_and_more_networks_cover_more():
    objectives = ["accuracy", "lut"]
    some = [trial(0.5, 0, 0.5), trial(0.4, 0, 0.2)]
    assert hypervolume(some, objectives, LIMITS) < hypervolume([*some, trial(0.6, 0, 0.9)], objectives, LIMITS)
    assert hypervolume(some, objectives, LIMITS) == hypervolume([*some, trial(0.4, 0, 0.6)], objectives, LIMITS)
    assert hypervolume([trial(1.0, 0, 0)], objectives, LIMITS) == 1
    assert hypervolume([trial(1.0, 0, -0.1)], objectives, LIMITS) == 1


def test_what_is_worse_than_the_limits_or_failed_covers_nothing():
    objectives = ["accuracy", "lut"]
    outside = [trial(0.19, 0, 0.1), trial(0.9, 0, 1.0), trial(0.9, 0, 1.7), trial(None, 0, 0.1, failure="diverged")]
    assert hypervolume(outside, objectives, LIMITS) == 0
    inside = trial(0.6, 0, 0.5)
    assert hypervolume([*outside, inside], objectives, LIMITS) == hypervolume([inside], objectives, LIMITS) == 0.25
    assert hypervolume([], objectives, LIMITS) == 0


def test_objectives_in_which_no_two_networks_differ_do_not_count():
    with_them = hypervolume([trial(0.6, 0, 0.5)], ["accuracy", "dsp", "lut", "initiation_interval"], LIMITS)
    assert with_them == hypervolume([trial(0.6, 0, 0.5)], ["accuracy", "lut"], LIMITS) == 0.25
    assert hypervolume([trial(0.6)], ["dsp"], LIMITS) == 0


def test_limits_follow_from_the_space_and_hold_its_dearest_networks():
    space = SearchSpace.from_config(TABLE_1, **SIZES)
    networks = limiting_architectures(space)
    assert networks == limiting_architectures(space)
    assert N_SAMPLED <= len(set(networks)) == len(networks)
    costs = [{"macs": multiply_accumulates(network.graph.matrices)} for network in networks]
    limits = search_limits(space, [{**cost, "note": "text is no objective"} for cost in costs])
    largest = Architecture([max(widths) for widths in TABLE_1["units"]], **SIZES)
    assert limits["macs"]["highest"] == multiply_accumulates(largest.graph.matrices)
    assert limits["accuracy"] == {"lowest": 0.2, "highest": 1.0}
    assert set(limits) == {"accuracy", "macs"}
    small = SearchSpace.from_config(SMALL, **SIZES)
    assert len(limiting_architectures(small)) <= small.size


def test_generations_add_up():
    trials = [
        trial(0.6, 0, 0.5, generation=0),
        trial(0.3, 0, 0.9, generation=0),
        trial(None, 0, 0.1, generation=1, failure="diverged"),
        trial(0.8, 0, 0.6, generation=2),
    ]
    steps = reached_by_generation(trials, ["accuracy", "lut"], LIMITS)
    assert [step["generation"] for step in steps] == [0, 1, 2]
    assert [step["trials"] for step in steps] == [2, 3, 4]
    assert [step["best_accuracy"] for step in steps] == [0.6, 0.6, 0.8]
    assert [step["hypervolume"] for step in steps] == [0.25, 0.25, pytest.approx(0.25 + 0.25 * 0.4)]
    assert reached_by_generation(trials[2:3], ["accuracy", "lut"], LIMITS)[0]["best_accuracy"] is None


@pytest.mark.parametrize("best", [[0.5, 0.52], [None, None]])
def test_the_figure_has_a_point_per_generation(tmp_path, best):
    table = pd.DataFrame({"trials": [16, 32], "hypervolume": [0.2, 0.25], "best_accuracy": best})
    figure = draw_hypervolume(table)
    assert [axes.lines[0].get_xdata().tolist() for axes in figure.axes] == [[16, 32]] * 2
    assert figure.axes[0].lines[0].get_ydata().tolist() == [0.2, 0.25]
    save_figure(figure, [tmp_path / "hypervolume.svg"])


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from([0.3, 0.5, 0.55, 0.7]), st.integers(1, 9), st.integers(1, 9)),
            min_size=1,
            max_size=4,
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([["accuracy", "bops", "lut"], ["bops", "lut"]]),
)
def test_the_best_trials_so_far_tell_all(generations, objectives):
    """The trials that a generation hands on say as much as all trials until then."""
    best, every = [], []
    for generation in generations:
        new = [trial(accuracy, bops / 10, lut / 10, clock_cycles=20.0) for accuracy, bops, lut in generation]
        new.append({**trial(0.9, 0.1, 0.1), "failure": "Diverged", "accuracy": None})
        every += new
        best = best_trials([*best, *new], objectives)
        assert reached(best, objectives, LIMITS) == reached(every, objectives, LIMITS)
