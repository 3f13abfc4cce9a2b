"""A note's sections, cut into passages that fit the encoder's window; and the texts that are embedded for them."""

import hashlib
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from studybot.types import Block, CountTokens, Document, Note, Passage, Section, Statement

VERSION = 1
"""Raised when the same note gives other passages or other texts to embed, so that an older index is built anew."""

MARKER_TOKENS = 2
"""What the encoder adds to each text: a start and an end marker."""

# The encoder reads less. What stands above many statements, and is read for each, may be a line of any length.
_MAX_ABOVE = 2_000


_SEPARATORS = [". ", "\u3002", "; ", "\uff0c", ", ", " ", ""]

_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)*(?:\s+\"[^\"\n]*\")?\)")
_WIKILINK = re.compile(r"!?\[\[(?:[^\]|\n]*\|)?([^\]|\n]*)\]\]")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>|<!--.*?-->", re.DOTALL)
_CELL_BORDER = re.compile(r"(?<!\\)\|")
_MARKS = re.compile(r"\|[\s|:-]+\||[*_~#=|>-]{2,}|[*`|]")


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines that are not cut any further, or a part of one line, which stands alone."""

    start_line: int
    end_line: int
    tokens: int
    start: int
    end: int
    header: tuple[int, int] | None = None
    is_part: bool = False


def passages(note: Note, document: Document, count_tokens: CountTokens, max_tokens: int) -> list[Passage]:
    """Return the passages of ``note`` in reading order.

    Every line that is not blank, not a heading and not left out by the parser is in exactly one passage. None has more
    than ``max_tokens`` tokens, the encoder's markers included, its heading path not: see :func:`passage_text`.
    """
    lines = _Lines(note.text, count_tokens)
    found: list[Passage] = []
    seen: Counter[str] = Counter()
    for section in document.sections:
        starts = [statement.start for statement in section.statements]
        for run in _runs(lines, section, max_tokens - MARKER_TOKENS):
            first, last = run[0], run[-1]
            text = note.text[first.start : last.end]
            key = "\0".join((note.path, *section.heading, "", text))
            seen[key] += 1
            found.append(
                Passage(
                    id=hashlib.sha256(f"{key}\0{seen[key]}".encode()).hexdigest()[:16],
                    note=note.path,
                    heading=section.heading,
                    text=text,
                    start=first.start,
                    start_line=first.start_line,
                    end_line=last.end_line,
                    statements=tuple(_within(section.statements, starts, first.start, last.end)),
                    context=readable(lines.text(*first.header)) if first.header else "",
                )
            )
    return found


def passage_text(passage: Passage) -> str:
    """Return what is embedded for a passage: its heading path, the table header it needs, its words.

    With its heading path a long passage may have more tokens than the encoder reads; the last ones are then not in its
    vector. Of 660 passages these were 19, which lost 6 tokens in the median and 22 at most; their 243 statements were
    read whole.
    """
    return "\n".join(part for part in (" > ".join(passage.heading), passage.context, readable(passage.text)) if part)


def statement_texts(passage: Passage, statements: Mapping[int, Statement]) -> list[str]:
    """Return what is embedded for each statement of ``passage``: its heading path, the statements it needs, its words.

    ``statements`` are those of the whole note by their start: a list that was cut keeps its parent items. Cells of a
    table are read each with its column's header.
    """
    heading = " > ".join(passage.heading)
    texts = []
    for statement in passage.statements:
        parts = [readable(statement.text)]
        above = statements.get(statement.parent) if statement.parent is not None else None
        if above is not None and above.kind == "header" and statement.kind == "row" and len(above.text) <= _MAX_ABOVE:
            parts = [_cells_with_headers(above.text, statement.text)]
            above = statements.get(above.parent) if above.parent is not None else None
        while above is not None:
            parts.append(_readable_above(above.text[:_MAX_ABOVE]))
            above = statements.get(above.parent) if above.parent is not None else None
        texts.append("\n".join(part for part in (heading, *reversed(parts)) if part))
    return texts


def _cells_with_headers(header: str, row: str) -> str:
    """Return "header: cell" for each cell of a table's row, or the row as it is where the two do not match."""
    titles, cells = ([readable(cell) for cell in _CELL_BORDER.split(line.strip().strip("|"))] for line in (header, row))
    if len(titles) != len(cells):
        return readable(row)
    return ", ".join(f"{title}: {cell}" if title else cell for title, cell in zip(titles, cells, strict=True) if cell)


def readable(text: str) -> str:
    """Return the words of Markdown ``text`` without markers, link targets and tags."""
    text = _WIKILINK.sub(r"\1", _LINK.sub(r"\1", text))
    return " ".join(_MARKS.sub(" ", _TAG.sub(" ", text)).split())


# A note with one long item has it above every other.
_readable_above = lru_cache(maxsize=128)(readable)


class _Lines:
    """A note's lines, 1-based, each with its offset and its number of tokens."""

    def __init__(self, text: str, count_tokens: CountTokens) -> None:
        self._lines = text.split("\n")
        self._starts = list(accumulate((len(line) + 1 for line in self._lines), initial=0))
        # With its line end: white space never joins two words into one token, so that counts of lines can be added.
        self._tokens = count_tokens([line + "\n" for line in self._lines])
        self._count_tokens = count_tokens

    def text(self, start_line: int, end_line: int) -> str:
        return "\n".join(self._lines[start_line - 1 : end_line])

    def is_blank(self, start_line: int, end_line: int) -> bool:
        return not any(line.strip() for line in self._lines[start_line - 1 : end_line])

    def piece(self, start_line: int, end_line: int, header: tuple[int, int] | None = None) -> _Piece:
        tokens = sum(self._tokens[start_line - 1 : end_line])
        start, end = self._starts[start_line - 1], self._starts[end_line] - 1
        return _Piece(start_line, end_line, tokens, start, end, header)

    def parts(self, line: int, budget: int) -> Iterator[_Piece]:
        """Yield a line that is longer than ``budget`` in parts that are not."""
        # Few notes have such a line, and the import takes 0.3 s.
        from langchain_text_splitters import RecursiveCharacterTextSplitter

        splitter = RecursiveCharacterTextSplitter(
            separators=_SEPARATORS,
            keep_separator="end",
            chunk_size=budget,
            chunk_overlap=0,
            # What has no token, a second space, must still count: the splitter would repeat it in the next part.
            length_function=lambda text: max(self._count_tokens([text])[0], bool(text)),
            strip_whitespace=False,
            add_start_index=True,
        )
        for part in splitter.create_documents([self._lines[line - 1]]):
            start = self._starts[line - 1] + part.metadata["start_index"]
            end = start + len(part.page_content)
            yield _Piece(line, line, self._count_tokens([part.page_content])[0], start, end, is_part=True)


def _runs(lines: _Lines, section: Section, budget: int) -> Iterator[list[_Piece]]:
    """Yield the pieces of a section in runs that fit ``budget`` tokens and have nothing between them."""
    run: list[_Piece] = []
    tokens = 0
    for block in section.blocks:
        for piece in _pieces(lines, block, budget):
            if run and not (
                tokens + piece.tokens <= budget
                and not (run[-1].is_part or piece.is_part)
                and lines.is_blank(run[-1].end_line + 1, piece.start_line - 1)
            ):
                yield run
                run, tokens = [], 0
            if not run:
                piece = _with_header(lines, piece, budget)
            run.append(piece)
            tokens += piece.tokens
    if run:
        yield run


def _with_header(lines: _Lines, piece: _Piece, budget: int) -> _Piece:
    """Return the first piece of a run, with its table's first line where it needs that and both fit ``budget``."""
    if piece.header is None:
        return piece
    first, last = piece.header
    tokens = piece.tokens + lines.piece(first, first).tokens
    # The first part of a table holds the header itself.
    if piece.start_line <= last or tokens > budget:
        return replace(piece, header=None)
    return replace(piece, header=(first, first), tokens=tokens)


def _pieces(lines: _Lines, block: Block, budget: int, header: tuple[int, int] | None = None) -> Iterator[_Piece]:
    """Yield a block whole when it fits ``budget``; else its children, its lines, and at last parts of its lines."""
    whole = lines.piece(block.start_line, block.end_line, header)
    if whole.tokens <= budget:
        yield whole
    elif block.children:
        line = block.start_line
        for child in block.children:
            yield from _pieces_of_lines(lines, line, child.start_line - 1, budget)
            yield from _pieces(lines, child, budget, block.header)
            line = child.end_line + 1
        yield from _pieces_of_lines(lines, line, block.end_line, budget)
    elif block.start_line == block.end_line:
        yield from lines.parts(block.start_line, budget)
    else:
        yield from _pieces_of_lines(lines, block.start_line, block.end_line, budget)


def _pieces_of_lines(lines: _Lines, start_line: int, end_line: int, budget: int) -> Iterator[_Piece]:
    for line in range(start_line, end_line + 1):
        if not lines.is_blank(line, line):
            yield from _pieces(lines, Block(line, line), budget)


def _within(statements: Sequence[Statement], starts: Sequence[int], start: int, end: int) -> Iterator[Statement]:
    """Yield the ``statements``, in order, between two offsets; one that reaches over them is clipped."""
    for statement in statements[max(bisect_right(starts, start) - 1, 0) : bisect_left(starts, end)]:
        if statement.end <= start:
            continue
        first, last = max(statement.start, start), min(statement.end, end)
        text = statement.text[first - statement.start : last - statement.start]
        if (first, last) == (statement.start, statement.end):
            yield statement
        elif any(letter.isalnum() for letter in text):
            first += len(text) - len(text.lstrip())
            line = statement.start_line + statement.text[: first - statement.start].count("\n")
            text = text.strip()
            yield replace(statement, text=text, start=first, start_line=line, end_line=line + text.count("\n"))
