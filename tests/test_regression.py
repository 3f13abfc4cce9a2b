import numpy as np
import pytest

from studybot.regression import Options, conditional_logit, logistic


def options(difference: float, *, right: bool, share: float = 1.0) -> Options:
    """Return two rows whose one feature differs; the first is right, or the second."""
    return Options(np.array([[difference], [0.0]]), np.array([right, not right]), share)


def test_the_weight_of_what_is_right_three_times_of_four_is_the_logarithm_of_three() -> None:
    asked = [options(1.0, right=True)] * 3 + [options(1.0, right=False)]
    assert conditional_logit(asked, ridge=0.0) == pytest.approx([np.log(3)], abs=1e-5)


def test_a_choice_counts_by_its_share() -> None:
    asked = [options(1.0, right=True, share=3.0), options(1.0, right=False, share=1.0)]
    assert conditional_logit(asked, ridge=0.0) == pytest.approx([np.log(3)], abs=1e-5)


def test_weights_stay_within_their_bounds() -> None:
    asked = [options(1.0, right=False)] * 3 + [options(1.0, right=True)]
    assert conditional_logit(asked, ridge=0.0) == pytest.approx([-np.log(3)], abs=1e-5)
    assert conditional_logit(asked, ridge=0.0, bounds=(0.0, None)) == [0.0]


def test_where_nothing_or_all_is_right_nothing_is_learned() -> None:
    rows = np.array([[1.0], [0.0]])
    asked = [Options(rows, np.array([flag, flag]), 1.0) for flag in (True, False)]
    assert conditional_logit(asked, ridge=0.0).tolist() == [0.0]
    assert conditional_logit([], ridge=0.0).tolist() == []


def test_a_feature_that_tells_all_has_an_end() -> None:
    # The loss ln(1 + exp(-w)) + 0.01 w² is least where 1 / (1 + exp(w)) = 0.02 w.
    (weight,) = conditional_logit([options(1.0, right=True)], ridge=0.01)
    assert 1 / (1 + np.exp(weight)) == pytest.approx(0.02 * weight, abs=1e-5)


def test_a_feature_that_tells_nothing_leaves_the_share_of_what_is_right() -> None:
    intercept, weights = logistic(np.zeros((3, 1)), [True, False, False], [2.0, 0.5, 0.5])
    assert 1 / (1 + np.exp(-intercept)) == pytest.approx(2 / 3, abs=1e-4)
    assert weights.tolist() == [0.0]


def test_what_is_right_more_often_has_a_positive_weight() -> None:
    rows = np.array([[0.0], [0.0], [1.0], [1.0]])
    _, weights = logistic(rows, [False, False, True, True], [1.0] * 4)
    _, doubled = logistic(np.tile(rows, (2, 1)), [False, False, True, True] * 2, [5.0] * 8)
    assert weights[0] > 0
    # The more rows say the same, the less the penalty holds against them; what all count does not matter.
    assert doubled[0] > weights[0]
