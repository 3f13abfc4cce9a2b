"""From questions with known evidence to the numbers in ``fitted.json``: fusion weights and confidence.

What ships is fitted on all collections. What is told is measured on each collection with what was fitted on the others
alone, every step of it: the figures are those of notes that were not seen. The same questions over the same notes give
the same bytes.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from studybot import evaluation, metrics
from studybot.answering import answer, features
from studybot.bot import ANSWERING_HITS, StudyBot
from studybot.errors import TrainingInvalid
from studybot.fitted import Confidence, Fitted, Fusion
from studybot.questions import Question
from studybot.types import Answer, Hit

# What the questions of a collection weigh, by what was done to them. Most of a student's questions are answered by the
# notes, some are not: the confidence is a probability only where questions come in shares such as these.
_WEIGHTS = {"own": 1.0, "hidden": 0.1, "foreign": 0.2}
_REFUSED_AT_MOST = 0.02
"""Share of the answerable training questions that the threshold may refuse."""
_HIDING_DEPTH = 30
_RIDGE = 1e-5

_Matrix = NDArray[np.float64]
_PARTS = ("dense", "statement", "lexical")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One collection, measured with what was fitted on the others.

    ``mrr_before`` is its MRR@10 with the weights in use before, which may have been fitted on it. Where several places
    are needed, the first counts. Shares ``refused`` are those at the threshold, by what was done to the questions.
    """

    n: int
    mrr: float
    mrr_before: float
    auroc_hidden: float | None
    auroc_foreign: float | None
    calibration_error: float
    refused: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """What was fitted, and how it does on each collection that it has not seen, by name."""

    fitted: Fitted
    held_out: Mapping[str, HeldOut]


@dataclass(frozen=True, slots=True)
class _Found:
    """The passages that may answer one question: shape ``(n, 3)``, and which of them are relevant."""

    parts: _Matrix
    relevant: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Judged:
    """The features of one result, whether its answer was right, and what was done to make it."""

    features: Mapping[str, float]
    correct: bool
    origin: str


class _Collection:
    """Questions that their notes answer, and what is found there; every question is encoded once."""

    def __init__(self, bot: StudyBot, questions: Sequence[Question]) -> None:
        self.questions = questions
        self.bot = bot
        self._lookup = bot.lookup()
        self._query = cache(self._lookup.query)
        self.found = [self._found(question) for question in questions]

    def hits(self, question: str, fusion: Fusion, top_k: int) -> list[Hit]:
        return self._lookup.hits(self._query(question), fusion, top_k)

    def _found(self, question: Question) -> _Found:
        # Whatever the weights in use are, every list is asked.
        every = replace(self.bot.fitted.fusion, dense=1.0, lexical=1.0)
        matches = self._lookup.matches(self._query(question.question), every)
        passages = self._lookup.store.passages([match.number for match in matches])
        return _Found(
            np.array([[match.dense, match.statement, match.lexical] for match in matches]).reshape(-1, len(_PARTS)),
            np.array([evaluation.is_relevant(passages[match.number], question) for match in matches], bool),
        )


def fit(collections: Mapping[str, tuple[StudyBot, Sequence[Question]]]) -> Fit:
    """Return what fits best the questions of all collections, each with the bot to ask; every collection counts alike.

    Raises:
        TrainingInvalid: there are fewer than two collections, or one of them has no question to learn from.
        QuestionSetInvalid: a question's evidence is not in its note.
    """
    if len({id(bot) for bot, _ in collections.values()}) < 2:
        raise TrainingInvalid("fitting needs questions over two folders of notes: each is measured with the others")
    known = {
        name: _Collection(bot, [question for question in evaluation.locate(bot, asked) if question.answerable])
        for name, (bot, asked) in sorted(collections.items())
    }
    for name, collection in known.items():
        if not any(one.relevant.any() for one in collection.found):
            raise TrainingInvalid(f"{name}: no question has its evidence among the passages that are looked at")
    before = next(iter(known.values())).bot.fitted
    held_out = {}
    for name, collection in known.items():
        # Notes that stand in two collections are left out with both.
        rest = {other: one for other, one in known.items() if one.bot is not collection.bot}
        fitted = _fitted(rest, before)
        foreign = next(iter(rest.values())).questions
        held_out[name] = _measured(collection, _judged(collection, fitted, foreign), fitted, before.fusion)
    return Fit(_fitted(known, before), held_out)


def _fitted(known: Mapping[str, _Collection], before: Fitted) -> Fitted:
    """Return what is learned from the collections; a confidence from no more than the weights' own results."""
    fitted = replace(before, fusion=_fusion([collection.found for collection in known.values()], before.fusion))
    judged = [_judged(collection, fitted, _foreign(name, known)) for name, collection in known.items()]
    return replace(
        fitted,
        pipeline=next(iter(known.values())).bot.pipeline,
        confidence=_confidence(judged),
        questions={name: len(collection.questions) for name, collection in known.items()},
    )


def table(fit: Fit, before: Fitted) -> str:
    """Return what changed, and what was measured, as lines to read."""
    changes = [
        *((name, getattr(before.fusion, name), getattr(fit.fitted.fusion, name)) for name in _PARTS),
        ("intercept", before.confidence.intercept, fit.fitted.confidence.intercept),
        *((name, before.confidence.weights.get(name, 0.0), w) for name, w in fit.fitted.confidence.weights.items()),
        ("threshold", before.confidence.threshold, fit.fitted.confidence.threshold),
    ]
    lines = [f"{name:<12} {old:>8.3f} -> {new:.3f}" for name, old, new in changes]
    lines.append(
        f"\n{'':<24}        MRR@10            AUROC against        calibration   refused"
        f"\n{'left out':<24}    n   after (before)    hidden   foreign      error         own    hidden   foreign"
    )
    for name, held in fit.held_out.items():
        aurocs = (f"{v:.3f}" if v is not None else f"{'-':>5}" for v in (held.auroc_hidden, held.auroc_foreign))
        refused = (f"{held.refused[origin]:.2f}" if origin in held.refused else f"{'-':>4}" for origin in _WEIGHTS)
        lines.append(
            f"{name:<24} {held.n:>4}   {held.mrr:.3f} ({held.mrr_before:.3f})     "
            + "     ".join(aurocs)
            + f"      {held.calibration_error:.3f}         "
            + "      ".join(refused)
        )
    mean = float(np.mean([held.mrr for held in fit.held_out.values()]))
    lines.append(f"{'mean':<24} {'':>4}   {mean:.3f} ({np.mean([h.mrr_before for h in fit.held_out.values()]):.3f})")
    return "\n".join(lines)


def _foreign(name: str, known: Mapping[str, _Collection]) -> Sequence[Question]:
    """Return the questions of the next collection over other notes than ``name``, which these do not answer."""
    names = list(known)
    place = names.index(name)
    for other in (*names[place + 1 :], *names[:place]):
        if known[other].bot is not known[name].bot:
            return known[other].questions
    return ()


def _fusion(collections: Sequence[Sequence[_Found]], before: Fusion) -> Fusion:
    """Return the weights under which the evidence is most likely to be the passage chosen.

    A conditional logit (McFadden, 1974): the chance of a passage is the softmax of its weighted parts over all passages
    that may answer. Its weights are not negative, and divided by their sum, which does not change any order.
    """
    from scipy.optimize import minimize

    # Where all or none of the passages is relevant there is nothing to choose.
    choices = [
        (one.parts, one.relevant, 1 / len(collection))
        for collection in collections
        for one in collection
        if one.relevant.any() and not one.relevant.all()
    ]

    def loss(weights: _Matrix) -> tuple[float, _Matrix]:
        total, slope = 0.0, np.zeros(len(weights))
        for parts, relevant, share in choices:
            utilities = parts @ weights
            chances = np.exp(utilities - utilities.max())
            chances /= chances.sum()
            right = chances[relevant].sum()
            total -= share * np.log(right)
            slope -= share * ((chances[relevant] / right) @ parts[relevant] - chances @ parts)
        # Just enough that a part which tells nothing weighs nothing, and one that tells all has an end.
        return total + _RIDGE * float(weights @ weights), slope + 2 * _RIDGE * weights

    bounds = [(0.0, None)] * len(_PARTS)
    found = minimize(loss, np.full(len(_PARTS), 10.0), jac=True, bounds=bounds, method="L-BFGS-B").x
    if not found.any():
        raise TrainingInvalid("no part of a passage's score tells the evidence from the other passages")
    dense, statement, _ = (round(float(weight), 3) for weight in found / found.sum())
    return Fusion(dense, statement, max(0.0, round(1 - dense - statement, 3)), before.fields)


def _judged(collection: _Collection, fitted: Fitted, foreign: Sequence[Question]) -> list[_Judged]:
    """Return what the confidence is learned from: answers as they are, with evidence hidden, to foreign questions."""
    judged = []
    for question in collection.questions:
        hits = collection.hits(question.question, fitted.fusion, _HIDING_DEPTH)
        hidden = [hit for hit in hits if not evaluation.is_relevant(hit.passage, question)]
        if question.answers:
            judged.append(_Judged(_features(hits), _is_right(question, hits, fitted), "own"))
        judged.append(_Judged(_features(hidden), correct=False, origin="hidden"))
    for question in foreign:
        hits = collection.hits(question.question, fitted.fusion, ANSWERING_HITS)
        judged.append(_Judged(_features(hits), correct=False, origin="foreign"))
    return [one for one in judged if one.features]


def _features(hits: Sequence[Hit]) -> Mapping[str, float]:
    return features(hits[:ANSWERING_HITS]) if hits else {}


def _is_right(question: Question, hits: Sequence[Hit], fitted: Fitted) -> bool:
    first = hits[:ANSWERING_HITS]
    found = answer(question.question, first, ANSWERING_HITS, fitted.selection, fitted.confidence, 0.0)
    return isinstance(found, Answer) and evaluation.is_right(found, question)


def _confidence(collections: Sequence[Sequence[_Judged]]) -> Confidence:
    """Return the logistic regression of being right on the features, and the threshold of a refusal."""
    from sklearn.linear_model import LogisticRegression

    judged = [one for collection in collections for one in collection]
    if len({one.correct for one in judged}) < 2:
        raise TrainingInvalid("fitting needs answers that are right and some that are wrong; found one sort only")
    names = tuple(judged[0].features)
    shares = []
    for collection in collections:
        counts = Counter(one.origin for one in collection)
        shares += [_WEIGHTS[one.origin] / counts[one.origin] for one in collection]
    # The mean weight is 1, so that the penalty means the same however many questions there are.
    sample_weight = np.array(shares) * (len(judged) / sum(shares))
    table = np.array([[one.features[name] for name in names] for one in judged])
    model = LogisticRegression(C=1.0).fit(table, [one.correct for one in judged], sample_weight=sample_weight)
    fitted = Confidence(
        intercept=round(float(model.intercept_[0]), 3),
        weights={name: round(float(weight), 3) for name, weight in zip(names, model.coef_[0], strict=True)},
        threshold=0.0,
    )
    own = [fitted.probability(one.features) for one in judged if one.origin == "own"]
    # Downwards, as a threshold rounded up could refuse more.
    threshold = math.floor(100 * np.quantile(own, _REFUSED_AT_MOST, method="lower")) / 100
    return replace(fitted, threshold=threshold)


def _measured(collection: _Collection, judged: Sequence[_Judged], fitted: Fitted, before: Fusion) -> HeldOut:
    confidences = {
        origin: [fitted.confidence.probability(one.features) for one in judged if one.origin == origin]
        for origin in _WEIGHTS
    }
    own = [one.correct for one in judged if one.origin == "own"]
    found = collection.found
    return HeldOut(
        n=len(found),
        mrr=float(np.mean([_reciprocal_rank(one, fitted.fusion) for one in found])),
        mrr_before=float(np.mean([_reciprocal_rank(one, before) for one in found])),
        auroc_hidden=_auroc(confidences["own"], confidences["hidden"]),
        auroc_foreign=_auroc(confidences["own"], confidences["foreign"]),
        calibration_error=metrics.calibration_error(confidences["own"], own),
        refused={
            origin: float(np.mean(np.array(found_so) < fitted.confidence.threshold))
            for origin, found_so in confidences.items()
            if found_so
        },
    )


def _auroc(positives: Sequence[float], negatives: Sequence[float]) -> float | None:
    return metrics.auroc([*positives, *negatives], [1] * len(positives) + [0] * len(negatives))


def _reciprocal_rank(found: _Found, fusion: Fusion) -> float:
    """Return 1 / the rank of the first relevant passage, 0 beyond rank 10; of equal scores the worst rank counts."""
    if not found.relevant.any():
        return 0.0
    scores = found.parts @ np.array([fusion.dense, fusion.statement, fusion.lexical])
    rank = 1 + int((scores[~found.relevant] >= scores[found.relevant].max()).sum())
    return 1 / rank if rank <= metrics.CUTOFF else 0.0
