from dataclasses import astuple
from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studybot.bootstrap import Figure, Values, mean, over, paired
from studybot.metrics import auroc

UNEQUAL = [1.0, 0.0, 1.0, 1.0, 0.5, 0.0, 1.0, 0.25]


def drawn(n: int) -> Values:
    """Return ``n`` numbers from a normal distribution, moved so that their own mean is 0 and their deviation 1."""
    values = np.random.default_rng(1).normal(size=n)
    standard: Values = (values - values.mean()) / values.std()
    return standard


def average(values: Values) -> float:
    return float(values.mean())


def test_a_mean_has_a_repeatable_interval_around_it() -> None:
    figure = mean(UNEQUAL)
    # 4.75 / 8
    assert (figure.value, figure.n) == (0.59375, 8)
    assert figure.low < figure.value < figure.high
    assert mean(UNEQUAL) == figure


def test_an_interval_is_that_of_all_resamples() -> None:
    # Of two, 1 in 4 resamples has neither and 1 in 4 has both.
    assert mean([0.0, 1.0]) == Figure(0.5, 0.0, 1.0, 2)
    # One in eight: drawn 0 times by 34 in 100 resamples, at most twice by 93.3 in 100, three times by 98.9 in 100.
    assert mean([1.0] + [0.0] * 7) == Figure(0.125, 0.0, 0.375, 8)


@pytest.mark.parametrize("n", [500, 2_000])
def test_an_interval_over_many_is_the_normal_one(n: int) -> None:
    figure = mean((3 + 2 * drawn(n)).tolist())
    error = 2 / sqrt(n)
    assert figure.value == pytest.approx(3.0)
    # The ends are quantiles of 2,000 resamples, each off by 0.06 standard errors.
    assert (figure.low, figure.high) == pytest.approx((3 - 1.96 * error, 3 + 1.96 * error), abs=0.25 * error)


def test_a_mean_of_equals_has_no_width() -> None:
    assert mean([1.0, 1.0]) == Figure(1.0, 1.0, 1.0, 2)
    assert mean([0.25]) == Figure(0.25, 0.25, 0.25, 1)


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a mean of nothing"):
        mean([])


def test_any_statistic_is_resampled_as_the_mean_is() -> None:
    assert over(average, UNEQUAL) == mean(UNEQUAL)


def test_columns_are_resampled_by_the_same_questions() -> None:
    assert over(lambda a, b: average(a - b), UNEQUAL, UNEQUAL) == Figure(0.0, 0.0, 0.0, 8)


def test_a_resample_without_a_value_is_left_out() -> None:
    # Half of the resamples are of one sort; in all others the right one is above.
    assert over(auroc, [0.9, 0.1], [1.0, 0.0]) == Figure(1.0, 1.0, 1.0, 2)


def test_a_statistic_without_a_value_has_no_figure() -> None:
    assert over(auroc, [0.9, 0.1], [1.0, 1.0]) is None


def test_wins_ties_and_losses_are_counted() -> None:
    found = paired([0.0, 0.0, 0.0, 0.5, 1.0, 1.0], [1.0, 0.5, 0.0, 0.5, 1.0, 0.25])
    assert (found.wins, found.ties, found.losses) == (2, 3, 1)
    # (1 + .5 - .75) / 6
    assert (found.difference.value, found.difference.n) == (0.125, 6)


def test_equal_runs_differ_by_nothing_for_certain() -> None:
    found = paired(UNEQUAL, UNEQUAL)
    assert found.difference == Figure(0.0, 0.0, 0.0, 8)
    assert (found.wins, found.ties, found.losses, found.p) == (0, 8, 0, 1.0)


def test_a_clear_difference_is_hardly_chance() -> None:
    found = paired([0.0] * 30, [1.0] * 20 + [0.0] * 10)
    assert found.difference.value == pytest.approx(2 / 3)
    assert found.difference.low > 0.4
    assert found.p <= 0.001


@pytest.mark.parametrize("errors", [0.5, 1.0, 2.0])
def test_p_over_many_is_that_of_the_normal_test(errors: float) -> None:
    after = drawn(400) + errors / sqrt(400)
    assert paired([0.0] * 400, after.tolist()).p == pytest.approx(2 * NormalDist().cdf(-errors), abs=0.04)


# Eighths: their sums are exact, so that none of this depends on rounding.
VALUES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=20)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(pairs=VALUES)
def test_runs_swapped_differ_as_much_the_other_way(pairs: list[tuple[int, int]]) -> None:
    before, after = [a / 8 for a, _ in pairs], [b / 8 for _, b in pairs]
    there, back = paired(before, after), paired(after, before)
    assert (back.wins, back.ties, back.losses, back.p) == (there.losses, there.ties, there.wins, there.p)
    value, low, high, n = astuple(there.difference)
    assert astuple(back.difference) == pytest.approx((-value, -high, -low, n), abs=1e-12)


@pytest.mark.parametrize(("before", "after"), [([], []), ([1.0], []), ([1.0], [1.0, 0.0])])
def test_runs_that_are_no_pairs_are_refused(before: list[float], after: list[float]) -> None:
    with pytest.raises(ValueError, match=f"wanted pairs, found {len(before)} and {len(after)} values"):
        paired(before, after)
