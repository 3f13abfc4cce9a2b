"""Ranks, strings and confidences to figures; the rules are those of the question files (see eval/README.md).

Ranks are measured through ir-measures, which has trec_eval's own code and equals it where it has not.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

CUTOFF = 10
HITS = (1, 3, 5, 10)

# Markdown's markers, so that **blocked** equals blocked.
_MARKERS = re.compile(r"[*_`~#>|\\]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was found for one question, best first, by the names of the passages, once each.

    ``relevant`` are those of all passages that are. ``decisive`` are those whose first one ends the search: the
    relevant ones, or where all evidence is needed the one with which all of it is found.
    """

    found: Sequence[str]
    relevant: Collection[str]
    decisive: Collection[str]


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of like confidence: its mean, the share that was right, and how many they are."""

    confidence: float
    accuracy: float
    n: int


def rank_measures(rankings: Mapping[str, Ranking]) -> dict[str, dict[str, float]]:
    """Return for each question its MRR@10, hit@k and nDCG@10, each in [0, 1].

    nDCG has gains of 0 and 1 and is over all relevant passages (Järvelin & Kekäläinen, 2002, as trec_eval has it).
    """
    import ir_measures
    from ir_measures import RR, Success, nDCG

    reciprocal, gain = RR @ CUTOFF, nDCG @ CUTOFF
    names = {reciprocal: f"MRR@{CUTOFF}", **{Success @ k: f"hit@{k}" for k in HITS}, gain: f"nDCG@{CUTOFF}"}
    run = {key: {name: -float(place) for place, name in enumerate(r.found)} for key, r in rankings.items()}
    relevant = {key: dict.fromkeys(ranking.relevant, 1) for key, ranking in rankings.items()}
    decisive = {key: dict.fromkeys(ranking.decisive, 1) for key, ranking in rankings.items()}
    measured: dict[str, dict[str, float]] = {key: dict.fromkeys(names.values(), 0.0) for key in rankings}
    for measures, judged in (([measure for measure in names if measure != gain], decisive), ([gain], relevant)):
        # trec_eval leaves out a question without a passage that was found, or that should be: it counts 0.
        asked = {key: judgement for key, judgement in judged.items() if judgement and run[key]}
        value: Any
        for value in ir_measures.iter_calc(measures, asked, {key: run[key] for key in asked}):
            measured[value.query_id][names[value.measure]] = float(value.value)
    return measured


def contains_all(text: str, wanted: Sequence[str]) -> bool:
    """Return whether ``text`` contains every string of ``wanted``, case, white space and Markdown markers folded."""
    folded = _folded(text)
    return all(_folded(answer) in folded for answer in wanted)


def token_f1(text: str, golds: Sequence[str]) -> float:
    """Return the best F1 of the words of ``text`` and one of ``golds``, as SQuAD has it (Rajpurkar et al., 2016).

    Case, punctuation and articles are left out. A text without words equals one without words only.
    """
    return max(_f1(_squad_words(text), _squad_words(gold)) for gold in golds)


def exact_match(text: str, golds: Sequence[str]) -> float:
    """Return 1 where ``text`` has the words of one of ``golds``, as SQuAD compares them, else 0."""
    return float(any(_squad_words(text) == _squad_words(gold) for gold in golds))


def auroc(scores: ArrayLike, positive: ArrayLike) -> float | None:
    """Return the chance that a positive scores above a negative, ties counting half (Mann-Whitney U).

    ``positive`` is 1 or 0 for each of ``scores``; with one sort only there is no value.
    """
    values, flags = np.asarray(scores, np.float64), np.asarray(positive, bool)
    above, below = values[flags], np.sort(values[~flags])
    if not len(above) or not len(below):
        return None
    won = np.searchsorted(below, above, side="left") + np.searchsorted(below, above, side="right")
    return float(won.sum()) / (2 * len(above) * len(below))


def calibration_error(confidences: ArrayLike, correct: ArrayLike, bins: int = 10) -> float:
    """Return the expected calibration error over ``bins`` bins of equal mass (Naeini et al., 2015), NaN of nothing."""
    if not np.size(confidences):
        return math.nan
    parts = reliability(confidences, correct, bins)
    return sum(part.n * abs(part.confidence - part.accuracy) for part in parts) / sum(part.n for part in parts)


def reliability(confidences: ArrayLike, correct: ArrayLike, bins: int = 10) -> list[Bin]:
    """Return up to ``bins`` bins of equal mass, the least confident first; equal confidences keep their order.

    No confidence at all gives no bin.
    """
    values, right = np.asarray(confidences, np.float64), np.asarray(correct, np.float64)
    parts = np.array_split(np.argsort(values, kind="stable"), bins)
    return [Bin(float(values[part].mean()), float(right[part].mean()), len(part)) for part in parts if len(part)]


def risk_coverage(confidences: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coverages, rising to 1, and the share of wrong answers at each (El-Yaniv & Wiener, 2010).

    One point for each confidence that there is: whoever answers a question answers those of the same confidence.
    """
    values, right = np.asarray(confidences, np.float64), np.asarray(correct, np.float64)
    order = np.argsort(-values, kind="stable")
    last_of_its_confidence = np.append(np.diff(values[order]) != 0, True)
    answered = np.arange(1, len(values) + 1)
    risk = 1 - np.cumsum(right[order]) / answered
    return (answered / len(values))[last_of_its_confidence], risk[last_of_its_confidence]


def area_under_risk(confidences: ArrayLike, correct: ArrayLike) -> float:
    """Return the mean risk over all coverages (Geifman & El-Yaniv, 2017), a step at each point, NaN of nothing."""
    if not np.size(confidences):
        return math.nan
    coverage, risk = risk_coverage(confidences, correct)
    return float((np.diff(coverage, prepend=0.0) * risk).sum())


def _folded(text: str) -> str:
    return " ".join(_MARKERS.sub(" ", text).casefold().split())


def _squad_words(text: str) -> list[str]:
    # The order of SQuAD's own script: case, punctuation, articles, white space.
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    if not found or not wanted:
        return float(found == wanted)
    common = (Counter(found) & Counter(wanted)).total()
    return 2 * common / (len(found) + len(wanted))
