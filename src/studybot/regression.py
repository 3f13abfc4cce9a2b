"""Two plain models whose weights can be read: which of several is right, and how likely one is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Options:
    """What one is chosen from: features, shape ``(n, d)``, which rows are right, and how much the choice counts."""

    rows: Matrix
    right: NDArray[np.bool_]
    share: float


def conditional_logit(
    choices: Sequence[Options], ridge: float, bounds: tuple[float | None, float | None] = (None, None)
) -> Matrix:
    """Return the weights, shape ``(d,)``, under which what is right is the likeliest to be chosen, within ``bounds``.

    McFadden (1974): the chance of a row is the softmax of its weighted features over all rows of the same choice. Where
    none or all of the rows are right there is nothing to choose. ``ridge`` times the squared weights is added to the
    mean loss: just enough that a feature which tells nothing weighs nothing, and one that tells all has an end.
    """
    from scipy.optimize import minimize

    told = [one for one in choices if one.right.any() and not one.right.all()]
    if not told:
        return np.zeros(choices[0].rows.shape[1] if choices else 0)

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        total, slope = 0.0, np.zeros(len(weights))
        for one in told:
            utilities = one.rows @ weights
            chances = np.exp(utilities - utilities.max())
            chances /= chances.sum()
            right = chances[one.right].sum()
            total -= one.share * np.log(right)
            slope -= one.share * ((chances[one.right] / right) @ one.rows[one.right] - chances @ one.rows)
        return total + ridge * float(weights @ weights), slope + 2 * ridge * weights

    width = told[0].rows.shape[1]
    found = minimize(loss, np.full(width, 10.0), jac=True, bounds=[bounds] * width, method="L-BFGS-B")
    weights: Matrix = found.x
    return weights


def logistic(rows: Matrix, is_right: Sequence[bool], shares: Sequence[float]) -> tuple[float, Matrix]:
    """Return the intercept and the weights, shape ``(d,)``, of the logistic regression of being right on the features.

    ``shares`` say what each row counts; only their proportions matter. The penalty is on the weights that features of
    variance 1 would have: a feature in small numbers is not held back.
    """
    from sklearn.linear_model import LogisticRegression

    scale = rows.std(axis=0)
    scale[scale == 0] = 1.0
    counts = np.array(shares) * (len(shares) / sum(shares))
    model = LogisticRegression(C=0.1).fit(rows / scale, is_right, sample_weight=counts)
    return float(model.intercept_[0]), model.coef_[0] / scale
