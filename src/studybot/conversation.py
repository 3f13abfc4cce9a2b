"""A conversation's turns, and how a follow-up is completed from them: no model, only the words that stand in them."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from studybot.followup import PREPOSITIONS, OpenEnd, open_end
from studybot.words import terms, words

_WORD = re.compile(r"[^\W_]+(?:[-./&'’][^\W_]+)*")
_EXTENT = re.compile(r"\bhow\s+[^\W_]+", re.IGNORECASE)
# Not the first word, which every question writes so.
_NAME = re.compile(r"(?<=\s)[^\W\d_]*[A-Z]\S*[^\W_]")
_ARTICLE = re.compile(r"\b(?:the|an?)\s+", re.IGNORECASE)
_MARKUP = re.compile(r"^[\d.)\s]+|[*_`#\[\]]")
_MOST_PHRASES = 3
# A longer one would push the follow-up itself out of the encoder's window.
_LONGEST_BASE = 300
RECENT = 10
"""How many turns a follow-up looks back to."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage that an answer quotes: the mark of its quotes in the answer's text, its citation, its heading path."""

    mark: int
    citation: str
    heading: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it, with all that a follow-up needs: notes may be gone when it is asked.

    ``asked`` is in seconds since 1970. A refusal has no answer ("") and cites nothing.
    """

    question: str
    interpreted_as: str | None
    answer: str
    refused: bool
    cited: tuple[Cited, ...]
    asked: float = 0.0

    @property
    def understood(self) -> str:
        """The question as it was looked up."""
        return self.interpreted_as or self.question


def completed(question: str, turns: Sequence[Turn]) -> str | None:
    """Return ``question`` with what it leaves to the ``turns`` before it, or None where it stands alone.

    The topic is put behind a question whose pronoun stands for it: "how long does it keep them? (SQS)". Where the rest
    of the question is left out, the last whole one is asked again, about the new thing if it is clear what the new one
    replaces: "Which port does EFS need? (and EFS?)".
    """
    left = open_end(question) if turns else None
    if left is None:
        return None
    recent = turns[-RECENT:]
    base = (_last_whole(recent) if left.words else recent[-1]).understood
    if left.points or len(base) > _LONGEST_BASE:
        topic = _topic(recent)
        return f"{question} ({topic})" if topic else None
    again = _about(left.words, base, _topic(recent, base)) if left.words else None
    return f"{base} {question}" if again is None else f"{again} ({question})"


def _left(turn: Turn) -> OpenEnd | None:
    """Return what the question of ``turn`` left to the one before it."""
    return open_end(turn.question) if turn.interpreted_as is not None else None


def _last_whole(turns: Sequence[Turn]) -> Turn:
    """Return the last turn whose question is more than a fragment."""
    lefts = ((turn, _left(turn)) for turn in reversed(turns))
    return next((turn for turn, left in lefts if left is None or left.points), turns[0])


def _topic(turns: Sequence[Turn], last: str | None = None) -> str:
    """Return what the ``turns`` are about, up to the ``last`` question understood so; "" if that cannot be told.

    A fragment names it. A pronoun keeps it, unless the answer has nothing of it. Any other question is about what it
    shares with the headings of the passages that answered it; or else with the answer, names first; or else about the
    last of these headings, or after a refusal about all that it says.
    """
    topic = ""
    for turn in turns:
        left = _left(turn)
        headings = [title for one in turn.cited for title in one.heading]
        answer = _stems(" ".join((*headings, turn.answer)))
        if left is not None and not left.points:
            topic = _phrases(left.words, _stems(_EXTENT.sub("", left.words))) or topic
        elif left is None or not (turn.refused or answer & _stems(topic)):
            asked = _EXTENT.sub("how", turn.understood)
            topic = (
                _phrases(asked, _stems(" ".join(headings)))
                or _phrases(asked, answer & _stems(" ".join(_NAME.findall(asked))))
                or _phrases(asked, answer)
                or _MARKUP.sub("", headings[-1] if headings else "").strip()
                or _phrases(asked, _stems(asked))
            )
        if turn.understood == last:
            break
    return topic


def _about(new: str, base: str, old: str) -> str | None:
    """Return the question ``base`` about something ``new``, or None where it is not clear what that replaces.

    "for …" replaces "for …"; a name replaces the names of the ``old`` topic, and anything else all of it.
    """
    first, *others = words(new)
    if first in PREPOSITIONS:
        parallels = list(re.finditer(rf"\b{first}\b", base, re.IGNORECASE))
        return f"{base[: parallels[-1].start()]}{new}?" if parallels else None
    article = _ARTICLE.match(new)
    if (article and len(others) == 1) or not PREPOSITIONS.isdisjoint(others):
        # "the second" is one of what was asked about, "the price of …" is something of the new topic.
        return None
    names = " ".join(_NAME.findall(f" {old}"))
    if new[article.end() if article else 0].isupper():
        old = names
    elif names:
        return None
    found = re.search(rf"(?<!\S){re.escape(old)}(?=[\s.,;:?!)'’]|$)", base) if old else None
    if found is None:
        return None
    begin = base[: found.start()]
    return f"{begin}{_ARTICLE.sub('', new) if _ARTICLE.search(begin[-4:]) else new}{base[found.end() :]}"


def _phrases(text: str, wanted: Collection[str]) -> str:
    """Return the first runs of words of ``text`` that have one of the ``wanted`` stems each."""
    return " ".join(dict.fromkeys(list(_runs(text, wanted))[:_MOST_PHRASES]))


def _runs(text: str, wanted: Collection[str]) -> Iterator[str]:
    begin = end = 0
    for word in _WORD.finditer(text):
        if _stems(word[0]).isdisjoint(wanted):
            continue
        if text[end : word.start()].strip():
            if end:
                yield text[begin:end]
            begin = word.start()
        elif not end:
            begin = word.start()
        end = word.end()
    if end:
        yield text[begin:end]


def _stems(text: str) -> set[str]:
    """Return the words of ``text`` that carry its subject, without the s of a plural; no numbers."""
    said = [term for term in terms(text) if not term.isdigit()]
    return {word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word for word in said}
