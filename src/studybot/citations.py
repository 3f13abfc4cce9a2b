"""Citations that can be checked later: where a passage stood, and a hash of what it said, in one short text.

A citation holds all that is needed to find its passage again, so it outlives the index that it came from.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from studybot.errors import CitationInvalid
from studybot.types import Citation, Document, Passage

State = Literal["current", "moved", "changed"]

_FORM = re.compile(r"([A-Za-z0-9_-]+)\.(\d{1,9})-(\d{1,9})\.([0-9a-f]{16})\.([0-9a-f]{8})")


# How many lines are hashed at most to find a citation: seconds.
_MOST_LINES = 20_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a cited passage: the note it is in now, and its lines there with their text.

    ``current``: word for word where it was. ``moved``: word for word elsewhere. ``changed``: gone or rewritten; then
    the lines and the text are those of the section with the same heading path, or None where that is gone too.
    """

    state: State
    note: str
    start_line: int | None
    end_line: int | None
    text: str | None


def cite(passage: Passage) -> Citation:
    """Return the citation of ``passage``."""
    return Citation(
        passage.note, passage.start_line, passage.end_line, _hash(passage.text, 16), _heading_hash(passage.heading)
    )


def write(citation: Citation) -> str:
    """Return ``citation`` as a text that fits into an address: letters, digits, ``.``, ``-`` and ``_``."""
    note = urlsafe_b64encode(citation.note.encode()).decode().rstrip("=")
    lines = f"{citation.start_line}-{citation.end_line}"
    return f"{note}.{lines}.{citation.content_hash}.{citation.heading_hash}"


def read(text: str) -> Citation:
    """Return the citation that :func:`write` wrote.

    Raises:
        CitationInvalid: ``text`` is no citation.
    """
    form = _FORM.fullmatch(text)
    try:
        if form is None:
            raise ValueError("it has another form")
        encoded, start_line, end_line, content_hash, heading_hash = form.groups()
        note = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        if not 1 <= int(start_line) <= int(end_line):
            raise ValueError("its lines are out of order")
    except ValueError as error:
        raise CitationInvalid(f"{text[:80]!r} is no citation of studybot ({error}); copy the whole id") from error
    return Citation(note, int(start_line), int(end_line), content_hash, heading_hash)


def find(citation: Citation, text: str, document: Document, passages: Sequence[Passage]) -> Found:
    """Return what became of ``citation`` in a note that now says ``text``, parsed and cut as given."""
    lines = text.split("\n")
    height = citation.end_line - citation.start_line
    # A passage has few lines; what only pretends to be its citation may name half of a large note.
    starts = range(1, len(lines) - height + 1) if height * len(lines) <= _MOST_LINES else ()
    by_distance = sorted(starts, key=lambda line: abs(line - citation.start_line))
    for start_line in by_distance:
        window = "\n".join(lines[start_line - 1 : start_line + height])
        if _hash(window, 16) == citation.content_hash:
            state: State = "current" if start_line == citation.start_line else "moved"
            return Found(state, citation.note, start_line, start_line + height, window)
    # A part of a line, or lines that are wrapped otherwise, is found among the passages.
    for passage in passages:
        if _hash(passage.text, 16) == citation.content_hash:
            same = (passage.start_line, passage.end_line) == (citation.start_line, citation.end_line)
            state = "current" if same else "moved"
            return Found(state, citation.note, passage.start_line, passage.end_line, passage.text)
    for section in document.sections:
        if _heading_hash(section.heading) == citation.heading_hash:
            body = "\n".join(lines[section.start_line - 1 : section.end_line]).rstrip()
            end_line = section.start_line + body.count("\n")
            return Found("changed", citation.note, section.start_line, end_line, body)
    return Found("changed", citation.note, None, None, None)


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _heading_hash(heading: Sequence[str]) -> str:
    return _hash("\0".join(heading), 8)
