"""A question's way to hits: passages near to it, passages that share its words, all scored anew by one fusion."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from studybot import folding
from studybot.fitted import Fusion
from studybot.fulltext import K1
from studybot.store import Store
from studybot.types import Hit, Place, Vectors
from studybot.vectors import VectorIndex, cosines

DEPTH = 100
"""How many passages each of the two lists gives to the fusion."""

_AHEAD = 10
"""How many passages behind those that are shown are looked at for the same words."""


@dataclass(frozen=True, slots=True)
class Match:
    """A passage that may answer, and the three numbers in [0, 1] that speak for it (a cosine may be below 0).

    ``cosines`` has one for each of its statements, in their order; ``statement`` is the highest.
    """

    number: int
    note: str
    start: int
    dense: float
    statement: float
    lexical: float
    cosines: tuple[float, ...]


def retrieve(
    words: Mapping[str, float],
    query: Vectors,
    store: Store,
    view: VectorIndex,
    fusion: Fusion,
    top_k: int,
    prefixes: Collection[str] | None = None,
) -> list[Hit]:
    """Return the ``top_k`` best passages for a question, best first; equal scores keep the order of the notes.

    ``words`` are those to look up, with their rarities, ``query`` is the question's vector, shape ``(dim,)``. With
    ``prefixes`` only notes whose path starts with one of them are looked at. The score is the convex sum of the three
    numbers of a ``Match``. Of passages that say the same only the best is a hit, which tells where the others stand.
    """
    scored = sorted(
        ((score(match, fusion), match) for match in matches(words, query, store, view, fusion, prefixes)),
        key=lambda pair: (-pair[0], pair[1].note, pair[1].start),
    )
    best = _folded(scored, store, top_k)
    passages = store.passages([first.number for _, first, _ in best])
    return [
        Hit(passages[first.number], min(max(points, 0.0), 1.0), first.cosines, also_at)
        for points, first, also_at in best
    ]


def matches(
    words: Mapping[str, float],
    query: Vectors,
    store: Store,
    view: VectorIndex,
    fusion: Fusion,
    prefixes: Collection[str] | None = None,
) -> list[Match]:
    """Return the passages that are near to a question or share its words; a list without weight is not asked for."""
    among = store.passage_numbers(prefixes) if prefixes is not None else None
    near = view.search(query, DEPTH, among) if fusion.dense or fusion.statement else []
    shares = lexical_shares(words, store, fusion, among) if fusion.lexical else {}
    candidates = store.candidates({neighbour.row for neighbour in near} | shares.keys())
    return [
        Match(
            number=candidate.number,
            note=candidate.note,
            start=candidate.start,
            dense=own,
            statement=max(theirs),
            lexical=shares.get(candidate.number, 0.0),
            cosines=tuple(theirs),
        )
        for candidate, (own, *theirs) in zip(
            candidates, cosines([candidate.vectors for candidate in candidates], query), strict=True
        )
    ]


def _folded(
    scored: Sequence[tuple[float, Match]], store: Store, top_k: int
) -> list[tuple[float, Match, tuple[Place, ...]]]:
    """Return the first ``top_k`` of ``scored`` that say something else than those before, and where that also stands.

    That is told of the passages that are looked at, ``_AHEAD`` more than ``top_k``, or more until enough are found.
    """
    folds: dict[folding.Key, list[tuple[float, Match, Place]]] = {}
    step = top_k + _AHEAD
    for start in range(0, len(scored), step):
        if len(folds) >= top_k:
            break
        batch = scored[start : start + step]
        wordings = store.wordings([match.number for _, match in batch])
        for points, match in batch:
            place, text = wordings[match.number]
            folds.setdefault(folding.key(place, text), []).append((points, match, place))
    return [
        (points, first, tuple(place for _, _, place in others))
        for (points, first, _), *others in list(folds.values())[:top_k]
    ]


def score(match: Match, fusion: Fusion) -> float:
    """Return the convex sum of what speaks for a passage."""
    return fusion.dense * match.dense + fusion.statement * match.statement + fusion.lexical * match.lexical


def lexical_shares(
    words: Mapping[str, float], store: Store, fusion: Fusion, among: Collection[int] | None = None
) -> dict[int, float]:
    """Return for the passages that hold one of ``words`` their BM25 as a share of the highest one possible, in [0, 1).

    Those are the ``DEPTH`` best of all, or of those whose numbers are ``among`` the given ones.
    A share means the same for every question: near 1 only where a passage holds all its words, the rare ones above all.
    Divided by the best passage's instead, the best of a question without any match counts as much as a perfect one
    (MRR@10 over three training collections, at equal weights: 0.700 instead of 0.724).
    """
    highest = sum(words.values()) * (K1 + 1)
    found = store.full_text.matches(words, fusion.fields, DEPTH, among)
    return {number: score / highest for number, score in found.items()}
