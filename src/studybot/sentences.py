"""Where one sentence ends and the next begins, in prose that may be wrapped at a width or hold a fact a line."""

import re
from collections.abc import Iterator, Sequence

Position = tuple[int, int]
"""A 1-based line and a column in it."""

# A full stop, question or exclamation mark, with what may close behind it, before white space and a new beginning; the
# marks of Chinese, Japanese, Arabic and Hindi end a sentence by themselves or before white space.
_END = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019)\]*_]*(?=\s+\S)|[\u3002\uff01\uff1f]+[\u201d\u2019\u300d\uff09]*|[\u061f\u06d4\u0964](?=\s)"
)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[*_\"'])(?:[A-Za-z]|e\.g|i\.e|etc|vs|cf|approx|resp|incl|excl|ca|no|nos|fig|figs|eq|sec|ch|vol|pp|p|ed"
    r"|dr|mr|mrs|ms|prof|st|jr|sr|inc|ltd|corp|dept|u\.s|u\.k|a\.m|p\.m)\.$",
    re.IGNORECASE,
)
_MAX_ITEM_WORDS = 40


def paragraph_spans(
    lines: Sequence[str], contents: Sequence[tuple[int, int, int]], *, whole: bool
) -> Iterator[tuple[Position, Position]]:
    """Yield where each sentence of a paragraph starts and ends.

    ``contents`` names the paragraph's lines, with the columns between which each has its words. A line break ends a
    sentence where the writer broke the line by choice (:func:`_is_wrapped`). With ``whole`` (a list item) the lines
    stay one sentence unless they are long.
    """
    for run in _runs(lines, contents):
        words = sum(len(lines[line - 1][start:end].split()) for line, start, end in run)
        if whole and words <= _MAX_ITEM_WORDS:
            text = "\n".join(lines[line - 1][start:end] for line, start, end in run)
            yield from _located(text, run, 0, len(text))
        else:
            yield from _sentences(lines, run)


def _runs(lines: Sequence[str], contents: Sequence[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Yield the lines in runs that are one text wrapped at a width."""
    width = max(end for _, _, end in contents)
    run: list[tuple[int, int, int]] = []
    for content in contents:
        line, start, end = content
        if run and not _is_wrapped(lines[run[-1][0] - 1][: run[-1][2]], lines[line - 1][start:end], width):
            yield run
            run = []
        run.append(content)
    yield run


def _is_wrapped(line: str, following: str, width: int) -> bool:
    """Return whether ``following`` goes on where ``line`` was broken only because its next word did not fit.

    In "Group can only have users / Users can belong to multiple groups" the word "Users" would have fitted into the
    first line: the writer put one fact on each line.
    """
    if following[:1].islower():
        return True
    first_word = following.split(maxsplit=1)[0] if following.strip() else ""
    return len(line) + 1 + len(first_word) > width


def _sentences(lines: Sequence[str], run: Sequence[tuple[int, int, int]]) -> Iterator[tuple[Position, Position]]:
    text = "\n".join(lines[line - 1][start:end] for line, start, end in run)
    # Full stops within code end nothing; blanks of the same length keep the offsets.
    readable = _CODE.sub(lambda found: "x" * len(found.group()), text)
    begin = 0
    for found in _END.finditer(readable):
        if found.group().startswith(".") and _ABBREVIATION.search(
            readable, max(0, found.start() - 12), found.start() + 1
        ):
            continue
        following = readable[found.end() :][:8].lstrip()
        if following[:1].islower():
            continue
        yield from _located(text, run, begin, found.end())
        begin = found.end()
    yield from _located(text, run, begin, len(text))


def _located(
    text: str, run: Sequence[tuple[int, int, int]], begin: int, end: int
) -> Iterator[tuple[Position, Position]]:
    """Yield the lines and columns of ``text[begin:end]`` without white space at either end, unless it is empty."""
    sentence = text[begin:end]
    if sentence.strip():
        begin += len(sentence) - len(sentence.lstrip())
        end -= len(sentence) - len(sentence.rstrip())
        yield _position(run, begin), _position(run, end)


def _position(run: Sequence[tuple[int, int, int]], offset: int) -> Position:
    for line, start, end in run:
        if offset <= end - start:
            return line, start + offset
        offset -= end - start + 1
    raise ValueError(f"offset {offset} lies behind the paragraph")
