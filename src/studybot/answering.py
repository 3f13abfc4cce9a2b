"""From hits to an answer made of quotes, or an honest refusal."""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from studybot.fitted import Fitted, Selection
from studybot.types import Answer, Hit, Passage, Quote, Refusal, Statement
from studybot.words import asks_number, has_number, names

MAX_WORDS = 80
"""Longest answer, in words separated by white space."""

# How much less likely than the best statement one may be to be quoted, and how many are at most. On the development
# questions a fifth makes .75 of the answers right in 40 words, a tenth .80 in 47, a twentieth .81 in 51.
_LESS_LIKELY = 10
_MAX_CHOICES = 5
_LEADS = (":", "\uff1a")


_Ranked = tuple[int, Statement]
"""The rank of a hit and one of its statements."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A statement of the hit at ``rank`` that may be quoted, and what speaks for it, by name, each in [-1, 1].

    Its cosine with the question (``statement``), the score of its passage (``passage``) and one by the rank of that
    (``rank``). Words in common with the question, the length and the kind of the statement brought nothing more.
    """

    rank: int
    passage: Passage
    statement: Statement
    features: Mapping[str, float]


def answer(
    question: str, unknown: Collection[str], hits: Sequence[Hit], citable: int, learned: Fitted, least_confidence: float
) -> Answer | Refusal:
    """Return the statements of the ``hits`` of ``question`` that answer it, word for word, or a refusal.

    Every quote is a slice of a passage among the first ``citable`` hits. The confidence, in [0, 1], is the estimated
    probability that the answer is right, judged by all the hits and the words of the question that are ``unknown``: no
    passage has them. Below ``least_confidence`` the answer is withheld.
    """
    found = quotes(hits[:citable], learned.selection)
    if not found:
        return Refusal(0.0, "Your notes hold nothing near to this question.")
    confidence = learned.confidence.probability(features(question, unknown, hits, found))
    if confidence < least_confidence:
        return Refusal(confidence, "Nothing in your notes seems to answer this.", Answer(found, confidence))
    return Answer(found, confidence)


def quotes(hits: Sequence[Hit], selection: Selection) -> tuple[Quote, ...]:
    """Return what answers, at most ``MAX_WORDS`` words; a quote's citation is the rank of its hit.

    The likeliest statement comes first, with what is quoted of its list, then the rest of its passage, then the others;
    within these the order of the notes is kept.
    """
    chosen = _chosen(hits, selection)
    quoted = _within_words(_understandable(chosen))
    leading = {(c.rank, s.start) for c in chosen[:1] for s in (c.statement, *_needed(c), *_company(c))}
    ranks = list(dict.fromkeys(rank for rank, _ in quoted))
    quoted.sort(key=lambda pair: (ranks.index(pair[0]), (pair[0], pair[1].start) not in leading, pair[1].start))
    return tuple(Quote(said.text, rank, said.start, said.start_line, said.end_line) for rank, said in quoted)


def features(question: str, unknown: Collection[str], hits: Sequence[Hit], found: Sequence[Quote]) -> dict[str, float]:
    """Return what the confidence is estimated from, each in [-1, 1].

    How well the best passage fits (``score``) and the best statement (``statement``), and how far the best passage is
    above the mean of the others (``lead``): it, and not the gap to the second, tells hidden evidence from found one
    (AUROC on left-out collections .67, not .66; on the development questions .76, not .74). Whether the best statement
    stands in the best passage (``agreement``), whether a name in the question is ``unknown`` to the notes
    (``unknown_name``), and whether the question asks for a number and no quote has one (``number_lacking``).
    """
    first, *others = hits
    best = max(max(hit.statement_scores) for hit in hits)
    lacks_number = asks_number(question) and not any(has_number(quote.text) for quote in found)
    return {
        "score": first.score,
        "statement": best,
        "lead": first.score - fmean(hit.score for hit in others) if others else 0.0,
        "agreement": float(max(first.statement_scores) == best),
        "unknown_name": float(any(name in unknown for name in names(question))),
        "number_lacking": float(lacks_number),
    }


def choices(hits: Sequence[Hit]) -> Iterator[Choice]:
    """Yield what may be quoted of ``hits``, the best hit first; a table's header says nothing alone."""
    for rank, hit in enumerate(hits, 1):
        for statement, cosine in zip(hit.passage.statements, hit.statement_scores, strict=True):
            if statement.kind != "header":
                features = {"statement": cosine, "passage": hit.score, "rank": 1 / rank}
                yield Choice(rank, hit.passage, statement, features)


def _chosen(hits: Sequence[Hit], selection: Selection) -> list[Choice]:
    """Return the statements that are likely to answer, the likeliest first."""
    found = [(selection.utility(choice.features), choice) for choice in choices(hits)]
    least = max((utility for utility, _ in found), default=0.0) - math.log(_LESS_LIKELY)
    likely = sorted((pair for pair in found if pair[0] >= least), key=lambda pair: -pair[0])
    return [choice for _, choice in likely[:_MAX_CHOICES]]


def _understandable(chosen: Sequence[Choice]) -> list[_Ranked]:
    """Return the statements to quote, the likeliest first, each with what it needs to be understood.

    That is its parent, what a lead-in leads, and the rest of a list of which two items are chosen.
    """
    selected: list[_Ranked] = []
    for choice in chosen:
        is_lead = choice.statement.text.rstrip("*_ ").endswith(_LEADS)
        company = _company(choice) if is_lead else []
        selected += [(choice.rank, statement) for statement in (choice.statement, *_needed(choice), *company)]
    items = [choice for choice in chosen if choice.statement.kind == "item" and choice.statement.parent is not None]
    of_list = Counter((choice.rank, choice.statement.parent) for choice in items)
    for choice in items:
        if of_list[choice.rank, choice.statement.parent] > 1:
            selected += [(choice.rank, statement) for statement in _company(choice)]
    return list(dict.fromkeys(selected))


def _needed(choice: Choice) -> list[Statement]:
    """Return the statement's parent, where its passage has it: a table's header, a lead-in, the item above."""
    by_start = {statement.start: statement for statement in choice.passage.statements}
    parent = by_start.get(choice.statement.parent if choice.statement.parent is not None else -1)
    return [parent] if parent is not None else []


def _company(choice: Choice) -> list[Statement]:
    """Return the rest of the list that a statement leads or stands in."""
    statements = choice.passage.statements
    led = [statement for statement in statements if statement.parent == choice.statement.start]
    if led or choice.statement.parent is None:
        return led
    return [statement for statement in statements if statement.parent == choice.statement.parent]


def _within_words(selected: Sequence[_Ranked]) -> list[_Ranked]:
    """Return the first of ``selected`` that have ``MAX_WORDS`` words together; one that alone has more is cut."""
    kept: list[_Ranked] = []
    left = MAX_WORDS
    for rank, statement in selected:
        words = len(statement.text.split())
        if words <= left:
            kept.append((rank, statement))
            left -= words
        elif not kept:
            kept.append((rank, _beginning(statement)))
            break
    return kept


def _beginning(statement: Statement) -> Statement:
    """Return the first ``MAX_WORDS`` words of ``statement``."""
    *_, last = (word for word, _ in zip(re.finditer(r"\S+", statement.text), range(MAX_WORDS), strict=False))
    text = statement.text[: last.end()]
    return replace(statement, text=text, end_line=statement.start_line + text.count("\n"))
