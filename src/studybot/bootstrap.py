"""How sure a figure is: percentile bootstrap over questions (Efron & Tibshirani, 1993), seeded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

RESAMPLES = 2_000
_SEED = 20_24
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Figure:
    """A number over ``n`` questions with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How a second run differs from a first one on the same questions.

    ``difference`` is the mean of second minus first. ``p`` is the two-sided bootstrap probability that the sign of the
    difference is chance (Davison & Hinkley, 1997); it is never 0, and too small where there are only a few questions.
    """

    difference: Figure
    wins: int
    ties: int
    losses: int
    p: float


def mean(values: Sequence[float]) -> Figure:
    """Return the mean of ``values``.

    Raises:
        ValueError: ``values`` is empty.
    """
    if not values:
        raise ValueError("a mean of nothing")
    data = np.asarray(values, np.float64)
    return _figure(float(data.mean()), data[_samples(len(data))].mean(axis=1), len(data))


def over(statistic: Callable[..., float | None], *columns: Sequence[float]) -> Figure | None:
    """Return ``statistic(*columns)``, each column resampled by the same questions; None where it has no value.

    A resample for which the statistic has no value (one with questions of one sort only) is left out of the interval.
    """
    data = [np.asarray(column, np.float64) for column in columns]
    value = statistic(*data)
    if value is None:
        return None
    resampled = [statistic(*(column[sample] for column in data)) for sample in _samples(len(data[0]))]
    return _figure(value, np.array([found for found in resampled if found is not None]), len(data[0]))


def paired(before: Sequence[float], after: Sequence[float]) -> Difference:
    """Return how ``after`` differs from ``before``, question by question in the same order.

    Raises:
        ValueError: there is no question, or not the same number of them.
    """
    if not before or len(before) != len(after):
        raise ValueError(f"wanted pairs, found {len(before)} and {len(after)} values")
    differences = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    # Sums in another order are no difference.
    differences[np.abs(differences) < _ROUNDING] = 0.0
    means = differences[_samples(len(differences))].mean(axis=1)
    # Both tails hold the resamples without any difference, so that equal runs have p = 1.
    tail = (1 + min(int((means <= 0).sum()), int((means >= 0).sum()))) / (1 + RESAMPLES)
    return Difference(
        difference=_figure(float(differences.mean()), means, len(differences)),
        wins=int((differences > 0).sum()),
        ties=int((differences == 0).sum()),
        losses=int((differences < 0).sum()),
        p=min(1.0, 2 * tail),
    )


def _samples(n: int) -> NDArray[np.int64]:
    """Return ``RESAMPLES`` rows of ``n`` row numbers, drawn with replacement."""
    return np.random.default_rng(_SEED).integers(0, n, (RESAMPLES, n))


def _figure(value: float, resampled: Values, n: int) -> Figure:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Figure(value, float(low), float(high), n)
