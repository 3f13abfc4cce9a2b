"""A saved reply checked against today's notes: does each quote still stand where it was taken from?

Only the notes are asked. A reply holds the text of its passages, so neither an index nor an encoder is needed, and what
was never indexed is found as well. An index tells no more than where the notes lie.
"""

import contextlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Literal

from studybot import citations
from studybot.database import Database
from studybot.errors import IndexMissing, NotesError, NotesFolderMissing
from studybot.markdown import parse
from studybot.notes import list_notes, read_note
from studybot.saved import SavedPassage, SavedQuote, SavedReply
from studybot.store import Store
from studybot.types import Answer, Passage, Place, Quote, Section

State = Literal["verified", "moved", "changed", "gone", "forged"]

# Characters that an encoder's window takes in any case: only a line that has more is cut into passages, and only a run
# without a space that has more is cut within a word.
_NEVER_CUT = 100
# What is on either side of a place that is within a word, or within a number such as 4.5 or 4,500.
_WITHIN_WORD = re.compile(r"[^\W_]\0[^\W_]|\d[.,]\0\d|\d\0[.,]\d")
_SPACE = re.compile(r"[ \n]")


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a quote.

    ``verified``: byte for byte at its lines. ``moved``: byte for byte elsewhere in its note, or with its whole passage
    in another note. ``changed``: not there any more; ``now`` is its section, which is. ``gone``: its section or its
    note is not there, as ``reason`` tells. ``forged``: the reply contradicts itself, as ``reason`` tells.
    """

    text: str
    citation: int
    state: State
    then: Place | None
    now: Place | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of the quotes of a reply; a refusal has none.

    ``forgery`` says what is wrong with the answer as a whole, None where its text is that of its quotes.
    """

    question: str
    answered: bool
    notes_folder: str
    forgery: str | None
    quotes: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether all that was quoted stands in the notes, word for word."""
        return self.forgery is None and all(found.state in ("verified", "moved") for found in self.quotes)


def verify(reply: SavedReply, folder: Path) -> Verification:
    """Return what became of each quote of ``reply``, in order, in the notes that ``folder`` holds today.

    It says whether the words stand there, not whether they are a fair choice of those that do.

    Raises:
        NotesFolderMissing: ``folder`` is no folder.
        CitationInvalid: the passage of a quote has an id that is no citation.
    """
    notes = _Notes(folder)
    quotes = reply.answer.quotes if reply.answer else ()
    said = Answer(tuple(Quote(q.text, q.citation, 0, q.start_line, q.end_line) for q in quotes), confidence=0.0).text
    forgery = None
    if reply.answer and reply.answer.text != said:
        forgery = "the answer's text is not that of its quotes"
    passages = {passage.rank: passage for passage in reply.passages}
    findings = tuple(_finding(quote, passages.get(quote.citation), notes) for quote in quotes)
    return Verification(reply.question, reply.answered, str(folder), forgery, findings)


def indexed_folder(index: Path) -> Path:
    """Return the folder of the notes that the index in the folder ``index`` was made of last.

    Raises:
        NotesFolderMissing: none is known.
        IndexMismatch, IndexCorrupt: the index cannot be read.
    """
    folder = None
    with contextlib.suppress(IndexMissing), contextlib.closing(Database(index)) as database:
        folder = Store(database).notes_folder
    if folder is None:
        raise NotesFolderMissing("no notes folder is known; name it: `studybot verify FILE --notes DIR`")
    return folder


class _Note:
    """A note as it is today."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        return parse(self.text).sections

    def place(self, start: int, text: str) -> Place:
        """Return where ``text`` is, which begins at the offset ``start``."""
        line = bisect_right(self._starts, start)
        above = bisect_right(self.sections, line, key=lambda section: section.start_line)
        heading = self.sections[above - 1].heading if above else ()
        return Place(self.path, heading, line, line + text.count("\n"))


class _Notes:
    """The notes of a folder as they are today, each read when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths = [file.path for file in list_notes(folder).files]
        self._notes: dict[str, _Note] = {}

    def note(self, path: str) -> _Note:
        if path not in self._notes:
            self._notes[path] = _Note(path, read_note(self._folder, path).text)
        return self._notes[path]

    def others(self, path: str) -> Iterator[_Note]:
        """Yield the notes that can be read, but for the one called ``path``."""
        for other in self._paths:
            if other != path:
                with contextlib.suppress(NotesError):
                    yield self.note(other)


def _finding(quote: SavedQuote, passage: SavedPassage | None, notes: _Notes) -> Finding:
    """Return what became of ``quote``, whose citation is the rank of ``passage``."""
    if passage is None:
        reason = f"the reply has no passage {quote.citation}"
        return Finding(quote.text, quote.citation, "forged", None, None, reason)
    then = Place(passage.note, passage.heading, quote.start_line, quote.end_line)

    def found(state: State, now: Place | None, reason: str | None = None) -> Finding:
        return Finding(quote.text, quote.citation, state, then, now, reason)

    if not _is_as_cited(passage):
        return found("forged", None, "its passage is not the one that was cited")
    offset = _offset(quote, passage)
    if offset is None:
        return found("forged", None, "its passage does not say so in these lines")
    section, reason = None, f"{passage.note} has no such section any more"
    try:
        note = notes.note(passage.note)
    except NotesError as error:
        reason = str(error)
    else:
        now = _nearest(note, then, quote.text, passage.text, offset)
        if now is not None:
            return found("verified" if now.start_line == then.start_line else "moved", now)
        section = _section(note, then)
    elsewhere = [
        other.place(start + offset, quote.text)
        for other in notes.others(passage.note)
        for start in _wholes(other.text, passage.text)
    ]
    if elsewhere:
        return found("moved", min(elsewhere, key=lambda place: place.heading != then.heading))
    return found("changed", section) if section else found("gone", None, reason)


def _nearest(note: _Note, then: Place, quote: str, passage: str, offset: int) -> Place | None:
    """Return the place of ``quote`` in its note: at the lines that it had, or with its passage, or the nearest one."""
    with_passage = [note.place(start + offset, quote) for start in _wholes(note.text, passage)]
    by_itself = [note.place(start, quote) for start in _words(note.text, quote)]
    at_its_lines = [place for place in (*with_passage, *by_itself) if place.start_line == then.start_line]
    return min(
        at_its_lines or with_passage or by_itself,
        key=lambda place: (place.heading != then.heading, abs(place.start_line - then.start_line)),
        default=None,
    )


def _section(note: _Note, then: Place) -> Place | None:
    """Return the lines of the section with the heading path of ``then``, of several the nearest, without blank ones."""
    places = [
        Place(
            note.path,
            section.heading,
            section.start_line,
            max((b.end_line for b in section.blocks), default=section.body_line - 1),
        )
        for section in note.sections
        if section.heading == then.heading
    ]
    return min(places, key=lambda place: abs(place.start_line - then.start_line), default=None)


def _is_as_cited(passage: SavedPassage) -> bool:
    """Return whether note, heading path, lines and text are those that the citation was made of.

    Raises:
        CitationInvalid: it is no citation.
    """
    lines = passage.start_line, passage.end_line
    cited = Passage("", passage.note, passage.heading, passage.text, 0, *lines, statements=())
    return citations.cite(cited) == citations.read(passage.citation)


def _offset(quote: SavedQuote, passage: SavedPassage) -> int | None:
    """Return where in the passage's text the quote begins, None where it is not in the lines that it names."""
    if quote.end_line - quote.start_line != quote.text.count("\n"):
        return None
    line = quote.start_line - passage.start_line
    return next((at for at in _words(passage.text, quote.text) if passage.text.count("\n", 0, at) == line), None)


def _words(text: str, wanted: str) -> Iterator[int]:
    """Yield where ``wanted`` begins in ``text``, but not within a word: 25 nm is not in 125 nm."""
    for start in _offsets(text, wanted):
        if not _cuts_a_word(text, start, start + len(wanted)):
            yield start


def _wholes(text: str, passage: str) -> Iterator[int]:
    """Yield where ``passage`` begins in ``text``, as whole lines or as a part of one that is too long for a window."""
    for start in _offsets(text, passage):
        first = text.rfind("\n", 0, start) + 1
        end = start + len(passage)
        last = text.find("\n", end)
        last = len(text) if last < 0 else last
        is_part = "\n" not in passage and last - first > _NEVER_CUT and not _cuts_a_word(text, start, end)
        if is_part or (first, last) == (start, end):
            yield start


def _offsets(text: str, wanted: str) -> Iterator[int]:
    start = text.find(wanted)
    while start >= 0:
        yield start
        start = text.find(wanted, start + 1)


def _cuts_a_word(text: str, start: int, end: int) -> bool:
    """Return whether ``text[start:end]`` begins or ends within a word or a number."""
    for at in (start, end):
        before, after = text[max(at - _NEVER_CUT, 0) : at], text[at : at + _NEVER_CUT]
        # A mark that is put on the letter before, an accent or an Arabic vowel, is a part of it.
        is_within = _WITHIN_WORD.search(f"{before[-2:]}\0{after[:2]}") or unicodedata.combining(after[:1] or " ")
        if is_within and len(_SPACE.split(before)[-1]) + len(_SPACE.split(after)[0]) <= _NEVER_CUT:
            return True
    return False
