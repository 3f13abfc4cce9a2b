"""From questions with known evidence to the numbers in ``fitted.json``: weights of fusion and selection, confidence.

What ships is fitted on all collections. What is told is measured on each collection with what was fitted on the others
alone, every step of it: the figures are those of notes that were not seen. The same questions over the same notes give
the same bytes.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np

from studybot import evaluation, metrics, regression
from studybot.answering import choices, features, quotes
from studybot.bot import ANSWERING_HITS, StudyBot
from studybot.errors import TrainingInvalid
from studybot.fitted import Confidence, Fitted, Fusion, Selection
from studybot.questions import Question
from studybot.regression import Options
from studybot.training import PARTS, Found, Training
from studybot.types import Answer, Hit

# What the questions of a collection weigh, by what was done to them. Most of a student's questions are answered by the
# notes, some are not: the confidence is a probability only where questions come in shares such as these.
_WEIGHTS = {"own": 1.0, "near-miss": 0.15, "hidden": 0.05, "foreign": 0.1}
_WITHHELD_AT_MOST = 0.05
"""Share of the right answers to training questions that the threshold may withhold."""
_HIDING_DEPTH = 30
_RIDGE = 1e-5


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One collection, measured with what was fitted on the others.

    ``mrr_before`` is its MRR@10 with the weights in use before, which may have been fitted on it. Where several places
    are needed, the first counts. By the origin of the questions that it has: the ``auroc`` of its own against those,
    and the shares that are ``refused`` at the threshold.
    """

    n: int
    mrr: float
    mrr_before: float
    auroc: Mapping[str, float]
    calibration_error: float
    refused: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """What was fitted, and how it does on each collection that it has not seen, by name."""

    fitted: Fitted
    held_out: Mapping[str, HeldOut]


@dataclass(frozen=True, slots=True)
class _Judged:
    """The features of one result, whether its answer was right, and what was done to make it."""

    features: Mapping[str, float]
    correct: bool
    origin: str


def fit(collections: Mapping[str, tuple[StudyBot, Sequence[Question]]]) -> Fit:
    """Return what fits best the questions of all collections, each with the bot to ask; every collection counts alike.

    Raises:
        TrainingInvalid: there are fewer than two collections, or one of them has no question to learn from.
        QuestionSetInvalid: a question's evidence is not in its note.
    """
    if len({id(bot) for bot, _ in collections.values()}) < 2:
        raise TrainingInvalid("fitting needs questions over two folders of notes: each is measured with the others")
    known = {name: Training(bot, evaluation.locate(bot, asked)) for name, (bot, asked) in sorted(collections.items())}
    for name, collection in known.items():
        if not any(one.relevant.any() for one in collection.found):
            raise TrainingInvalid(f"{name}: no question has its evidence among the passages that are looked at")
    before = next(iter(known.values())).bot.fitted
    held_out = {}
    for name, collection in known.items():
        # Notes that stand in two collections are left out with both.
        rest = {other: one for other, one in known.items() if one.bot is not collection.bot}
        fitted = _fitted(rest, before)
        judged = _judged(collection, fitted, _foreign(name, known))
        held_out[name] = _measured(collection, judged, fitted, before.fusion)
    return Fit(_fitted(known, before), held_out)


def _fitted(known: Mapping[str, Training], before: Fitted) -> Fitted:
    """Return what is learned from the collections; a confidence from no more than the weights' own results."""
    fitted = replace(before, fusion=_fusion([collection.found for collection in known.values()], before.fusion))
    fitted = replace(fitted, selection=_selection(list(known.values()), fitted.fusion))
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
        *((name, getattr(before.fusion, name), getattr(fit.fitted.fusion, name)) for name in PARTS),
        *((f"quote {n}", before.selection.weights.get(n, 0.0), w) for n, w in fit.fitted.selection.weights.items()),
        ("intercept", before.confidence.intercept, fit.fitted.confidence.intercept),
        *((name, before.confidence.weights.get(name, 0.0), w) for name, w in fit.fitted.confidence.weights.items()),
        ("threshold", before.confidence.threshold, fit.fitted.confidence.threshold),
    ]
    lines = [f"{name:<15} {old:>8.3f} -> {new:.3f}" for name, old, new in changes]
    wrong = [origin for origin in _WEIGHTS if origin != "own"]
    lines += [
        f"\n{'':<36}MRR@10           {'AUROC against':<30} calibration   refused",
        f"{'left out':<28}    n   after (before) {_columns(wrong)}       error {_columns(_WEIGHTS)}",
    ]
    for name, held in fit.held_out.items():
        aurocs = _columns(f"{held.auroc[origin]:.3f}" if origin in held.auroc else "-" for origin in wrong)
        refused = _columns(f"{held.refused[origin]:.2f}" if origin in held.refused else "-" for origin in _WEIGHTS)
        mrr = f"{held.mrr:.3f} ({held.mrr_before:.3f}) "
        lines.append(f"{name:<28} {held.n:>4}   {mrr} {aurocs}       {held.calibration_error:.3f} {refused}")
    mean = float(np.mean([held.mrr for held in fit.held_out.values()]))
    lines.append(f"{'mean':<28} {'':>4}   {mean:.3f} ({np.mean([h.mrr_before for h in fit.held_out.values()]):.3f})")
    return "\n".join(lines)


def _columns(cells: Iterable[str]) -> str:
    return " ".join(f"{cell:>9}" for cell in cells)


def _foreign(name: str, known: Mapping[str, Training]) -> list[Question]:
    """Return the questions of all collections over other notes than those of ``name``.

    Of all: the subject of one of them may well be touched by these notes, too.
    """
    others = [one for one in known.values() if one.bot is not known[name].bot]
    return [question for other in others for question in other.questions]


def _fusion(collections: Sequence[Sequence[Found]], before: Fusion) -> Fusion:
    """Return the weights under which the evidence is the likeliest passage to be chosen.

    They are not negative, and divided by their sum, which does not change any order.
    """
    asked = [Options(one.parts, one.relevant, 1 / len(found)) for found in collections for one in found]
    weights = regression.conditional_logit(asked, _RIDGE, bounds=(0.0, None))
    if not weights.any():
        raise TrainingInvalid("no part of a passage's score tells the evidence from the other passages")
    dense, statement, _ = (round(float(weight), 3) for weight in weights / weights.sum())
    return Fusion(dense, statement, max(0.0, round(1 - dense - statement, 3)), before.fields)


def _selection(collections: Sequence[Training], fusion: Fusion) -> Selection:
    """Return the weights under which a statement of the evidence that holds the answer is the likeliest to be quoted.

    Only the hits that an answer is taken from are looked at. Where none of their statements is right, nothing is
    learned; where that is so for all questions, the weights are 0.
    """
    names: list[str] = []
    asked = []
    for collection in collections:
        for question in collection.questions:
            found = list(choices(collection.hits(question.question, fusion, ANSWERING_HITS)))
            if found:
                names = list(found[0].features)
                rows = np.array([[choice.features[name] for name in names] for choice in found])
                right = np.array([evaluation.is_answer(choice.passage, choice.statement, question) for choice in found])
                asked.append(Options(rows, right, 1 / len(collection.questions)))
    weights = regression.conditional_logit(asked, _RIDGE)
    return Selection({name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)})


def _judged(collection: Training, fitted: Fitted, foreign: Sequence[Question]) -> list[_Judged]:
    """Return what the confidence is learned from: the results of questions, by what was done to make them.

    That are the collection's questions as they are ("own"), with their evidence hidden, those that its notes nearly
    answer, and foreign ones.
    """
    judged = []
    for question in collection.questions:
        asked = question.question
        hits = collection.hits(asked, fitted.fusion, _HIDING_DEPTH)
        unknown = collection.unknown(asked)
        if question.answers:
            judged.append(_judgement(question, unknown, hits, fitted.selection, "own"))
        evidence = [hit.passage.id for hit in hits if evaluation.is_relevant(hit.passage, question)]
        hidden = [hit for hit in hits if hit.passage.id not in evidence]
        # A word that only the evidence has would not be known, either.
        judged.append(_judgement(question, collection.unknown(asked, evidence), hidden, fitted.selection, "hidden"))
    for origin, unanswerable in (("near-miss", collection.near_misses), ("foreign", foreign)):
        for question in unanswerable:
            hits = collection.hits(question.question, fitted.fusion, ANSWERING_HITS)
            unknown = collection.unknown(question.question)
            judged.append(_judgement(question, unknown, hits, fitted.selection, origin))
    return [one for one in judged if one.features]


def _judgement(
    question: Question, unknown: AbstractSet[str], hits: Sequence[Hit], selection: Selection, origin: str
) -> _Judged:
    first = hits[:ANSWERING_HITS]
    found = quotes(first, selection)
    is_right = origin == "own" and evaluation.is_right(Answer(found, 0.0), question)
    return _Judged(features(question.question, unknown, first, found) if first else {}, is_right, origin)


def _confidence(collections: Sequence[Sequence[_Judged]]) -> Confidence:
    """Return the logistic regression of being right on the features, and the threshold of a refusal."""
    judged = [one for collection in collections for one in collection]
    if len({one.correct for one in judged}) < 2:
        raise TrainingInvalid("fitting needs answers that are right and some that are wrong; found one sort only")
    names = tuple(judged[0].features)
    shares = []
    for collection in collections:
        counts = Counter(one.origin for one in collection)
        shares += [_WEIGHTS[one.origin] / counts[one.origin] for one in collection]
    rows = np.array([[one.features[name] for name in names] for one in judged])
    intercept, weights = regression.logistic(rows, [one.correct for one in judged], shares)
    fitted = Confidence(
        intercept=round(intercept, 3),
        weights={name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)},
        threshold=0.0,
    )
    right = [fitted.probability(one.features) for one in judged if one.correct]
    # Downwards, as a threshold rounded up could withhold more.
    threshold = math.floor(100 * np.quantile(right, _WITHHELD_AT_MOST, method="lower")) / 100
    return replace(fitted, threshold=threshold)


def _measured(collection: Training, judged: Sequence[_Judged], fitted: Fitted, before: Fusion) -> HeldOut:
    confidences = {
        origin: [fitted.confidence.probability(one.features) for one in judged if one.origin == origin]
        for origin in _WEIGHTS
    }
    own = confidences.pop("own")
    found = collection.found
    return HeldOut(
        n=len(found),
        mrr=float(np.mean([_reciprocal_rank(one, fitted.fusion) for one in found])),
        mrr_before=float(np.mean([_reciprocal_rank(one, before) for one in found])),
        auroc={
            origin: auroc
            for origin, wrong in confidences.items()
            if (auroc := metrics.auroc([*own, *wrong], [1] * len(own) + [0] * len(wrong))) is not None
        },
        calibration_error=metrics.calibration_error(own, [one.correct for one in judged if one.origin == "own"]),
        refused={
            origin: float(np.mean(np.array(found_so) < fitted.confidence.threshold))
            for origin, found_so in {"own": own, **confidences}.items()
            if found_so
        },
    )


def _reciprocal_rank(found: Found, fusion: Fusion) -> float:
    """Return 1 / the rank of the first relevant passage, 0 beyond rank 10; of equal scores the worst rank counts."""
    if not found.relevant.any():
        return 0.0
    scores = found.parts @ np.array([fusion.dense, fusion.statement, fusion.lexical])
    rank = 1 + int((scores[~found.relevant] >= scores[found.relevant].max()).sum())
    return 1 / rank if rank <= metrics.CUTOFF else 0.0
