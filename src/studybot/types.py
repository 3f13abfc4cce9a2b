"""The values that flow through studybot; each word is used for one idea (see the README's list of words).

Lines are 1-based and inclusive, counted by splitting the note's text on newline characters. Characters are offsets into
the note's text, so ``note.text[statement.start:statement.end] == statement.text`` holds for everything that is quoted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Rows of unit length: shape ``(n, dim)``, or ``(dim,)`` for one."""

StatementKind = Literal["sentence", "item", "header", "row", "code", "math"]


@dataclass(frozen=True, slots=True)
class Note:
    """One Markdown file below the notes folder, as text: no byte order mark, every line end a single newline."""

    path: str
    text: str
    sha256: str
    encoding: str


@dataclass(frozen=True, slots=True)
class Statement:
    """The smallest thing that can be quoted: a list item, a table row, a sentence, a code block."""

    kind: StatementKind
    text: str
    start: int
    start_line: int
    end_line: int
    parent: int | None = None
    """Where the statement starts that this one needs to be understood: a parent item, a lead-in, a table's header."""

    @property
    def end(self) -> int:
        """The offset behind the last character."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of whole lines that belong together, with the smaller runs it may be cut into when it is too long."""

    start_line: int
    end_line: int
    children: tuple["Block", ...] = ()
    header: tuple[int, int] | None = None
    """Lines that a later part of this block is not understood without: a table's header."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the blocks directly below it, up to the next heading.

    ``heading`` is the heading path. The heading itself takes the lines from ``start_line`` to the one above
    ``body_line``; text above a note's first heading has none.
    """

    heading: tuple[str, ...]
    blocks: tuple[Block, ...]
    statements: tuple[Statement, ...]
    start_line: int
    body_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Document:
    """A note, parsed. Lines in ``left_out`` are front matter or a table of contents and belong to no passage."""

    sections: tuple[Section, ...]
    left_out: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """A run of whole blocks of one section that fits the encoder's window; what is retrieved and cited.

    ``text`` is the verbatim text of lines ``start_line`` to ``end_line``, or a part of one line where that line alone
    exceeds the window.
    """

    id: str
    note: str
    heading: tuple[str, ...]
    text: str
    start: int
    start_line: int
    end_line: int
    statements: tuple[Statement, ...]
    context: str = ""
    """What the text needs to be understood and does not hold: the table header above a later part of a table."""

    @property
    def end(self) -> int:
        """The offset behind the last character."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of a note, and the heading path above the first of them."""

    note: str
    heading: tuple[str, ...]
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the stored passages and vectors were made with; another pipeline would make others."""

    model: str
    max_tokens: int
    chunking: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the fusion needs of a passage: its vector and those of its statements, packed one after another."""

    number: int
    note: str
    start: int
    vectors: bytes


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its score in [0, 1] for one question, and how well each of its statements fits the question.

    ``statement_scores`` has one cosine per statement of the passage, in their order. ``also_at`` is where other
    passages say the same, best first: they are no hits of their own.
    """

    passage: Passage
    score: float
    statement_scores: tuple[float, ...]
    also_at: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """The verbatim text of one statement, with its lines; ``citation`` is the rank of the hit that it is from."""

    text: str
    citation: int
    start: int
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One or more quotes, and the calibrated probability that they answer the question."""

    quotes: tuple[Quote, ...]
    confidence: float

    @property
    def text(self) -> str:
        """The quotes, one a line, each with its citation mark."""
        return "\n".join(f"{quote.text} [{quote.citation}]" for quote in self.quotes)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Not in your notes: the confidence was below what was asked for.

    ``withheld`` is the answer that was not given for that, None where there was nothing to quote. ``missing`` are words
    of the question that none of the nearest passages has.
    """

    confidence: float
    reason: str
    withheld: Answer | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a passage stood when it was cited, and the hash of what it said; see :mod:`studybot.citations`."""

    note: str
    start_line: int
    end_line: int
    content_hash: str
    heading_hash: str


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync found and did. Note names are sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unreadable: dict[str, str] = field(default_factory=dict)
    """Note name to the reason it could not be read, or was left out."""
    decoded: dict[str, str] = field(default_factory=dict)
    """Note name to the encoding it was read with, where that was a guess."""
    notes: int = 0
    passages: int = 0
    statements: int = 0
    embedded: int = 0
    """How many texts went through the encoder."""
    seconds: float = 0.0


CountTokens = Callable[[Sequence[str]], list[int]]
"""What tells how many tokens each text has; see :meth:`Encoder.count_tokens`."""


class Encoder(Protocol):
    """Turns texts into vectors. Implementations say which model they are, so that vectors are never mixed."""

    @property
    def fingerprint(self) -> str:
        """Names the model and the hash of its weights."""

    @property
    def dim(self) -> int:
        """Numbers in a row."""

    @property
    def max_tokens(self) -> int:
        """Longest text that is read whole, in tokens, markers included."""

    def damage(self) -> str | None:
        """Return what is wrong with the weights as they are kept, or None."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit-length row for each text, in order."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, markers not included."""
