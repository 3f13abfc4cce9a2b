"""Ranks, strings and confidences to figures; the rules are those of the question files (see eval/README.md)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_RESAMPLES = 2_000
_SEED = 20_24
# Markdown's markers, so that **blocked** equals blocked.
_MARKERS = re.compile(r"[*_`~#>|\\]")


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over ``n`` questions with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int


def reciprocal_rank(rank: int | None, depth: int = 10) -> float:
    """Return 1 / ``rank``, or 0 for none within ``depth``."""
    return 1.0 / rank if rank is not None and rank <= depth else 0.0


def found_within(rank: int | None, depth: int) -> float:
    """Return 1 when ``rank`` is at most ``depth``, else 0."""
    return float(rank is not None and rank <= depth)


def mean(values: Sequence[float]) -> Figure:
    """Return the mean of ``values`` with its percentile bootstrap interval; the same values give the same figure.

    Raises:
        ValueError: ``values`` is empty.
    """
    if not values:
        raise ValueError("a mean of nothing")
    data = np.asarray(values, np.float64)
    chance = np.random.default_rng(_SEED)
    means = data[chance.integers(0, len(data), (_RESAMPLES, len(data)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(float(data.mean()), float(low), float(high), len(data))


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Return the chance that a positive is above a negative, ties counting half (Mann-Whitney U).

    Raises:
        ValueError: one of them is empty.
    """
    if not positives or not negatives:
        raise ValueError("AUROC needs both answerable and unanswerable questions")
    above = np.asarray(positives)[:, None] - np.asarray(negatives)[None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def calibration_error(confidences: Sequence[float], correct: Sequence[float], bins: int = 10) -> float:
    """Return the expected calibration error over ``bins`` bins of equal mass (Naeini et al., 2015)."""
    order = np.argsort(confidences, kind="stable")
    parts = np.array_split(order, bins)
    gaps = [
        len(part) * abs(np.mean(np.take(confidences, part)) - np.mean(np.take(correct, part)))
        for part in parts
        if len(part)
    ]
    return float(sum(gaps) / len(confidences))


def contains_all(text: str, wanted: Sequence[str]) -> bool:
    """Return whether ``text`` contains every string of ``wanted``, case, white space and Markdown markers folded."""
    folded = _folded(text)
    return all(_folded(answer) in folded for answer in wanted)


def _folded(text: str) -> str:
    return " ".join(_MARKERS.sub(" ", text).casefold().split())
