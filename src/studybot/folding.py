"""Passages that say the same, of which one is shown."""

import re
from itertools import islice

from studybot.types import Place

_LINE_BEGIN = re.compile(r"\n[ \t>]*(?:[-*+][ \t])?")
_MARKS = re.compile(r"[*`]+")
_WORD = re.compile(r"[^\W_]+")
# "15 minutes" under two headings are two facts: what is shorter than this takes its subject from its headings.
_SPEAKS_FOR_ITSELF = 5

Key = tuple[str, ...]


def key(place: Place, text: str) -> Key:
    """Return what two passages have in common if, and only if, they say the same: the wording of their ``text``.

    If that is short, their headings and their notes' names, whatever the folders, must be the same, too.
    """
    said = wording(text)
    if sum(1 for _ in islice(_WORD.finditer(said), _SPEAKS_FOR_ITSELF)) == _SPEAKS_FOR_ITSELF:
        return (said,)
    name = place.note.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return said, name, *(wording(title) for title in place.heading)


def wording(text: str) -> str:
    """Return ``text`` without case, white space and the marks of items, quotations and emphasis.

    All else is kept, link targets too. Likeness would not do: of the passages of notes that share nine words in ten,
    nearly all differ in just the word that tells them apart (JSON, YAML; installed, enabled; chapter 8, chapter 10).
    """
    return " ".join(_MARKS.sub(_between_words, _LINE_BEGIN.sub("\n", f"\n{text}")).casefold().split())


def _between_words(marks: re.Match[str]) -> str:
    """Return ``marks`` where they stand between letters or digits, as in 2*3; elsewhere they are emphasis: nothing."""
    before, after = marks.string[marks.start() - 1], marks.string[marks.end() : marks.end() + 1]
    return marks[0] if before.isalnum() and after.isalnum() else ""
