"""Where one sentence ends and the next begins, in prose that may be wrapped at a width or hold a fact a line."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

Position = tuple[int, int]
"""A 1-based line and a column in it."""

# A full stop, question or exclamation mark, with what may close behind it, before white space and a new beginning; the
# marks of Chinese, Japanese, Arabic and Hindi end a sentence by themselves or before white space.
_END = re.compile(
    r"(?<![.!?\u2026])[.!?\u2026]++[\"'\u201d\u2019)\]*_]*(?=\s+\S)|[\u3002\uff01\uff1f]+[\u201d\u2019\u300d\uff09]*|[\u061f\u06d4\u0964](?=\s)"
)
_TICKS = re.compile(r"`+")
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
    for run in runs(lines, contents):
        words = sum(len(lines[line - 1][start:end].split()) for line, start, end in run)
        if whole and words <= _MAX_ITEM_WORDS:
            text = "\n".join(lines[line - 1][start:end] for line, start, end in run)
            yield from _located(text, run, _starts(run), 0, len(text))
        else:
            yield from _sentences(lines, run)


def runs(lines: Sequence[str], contents: Sequence[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Yield a paragraph's ``contents`` in runs that are one text wrapped at a width."""
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
    readable = _without_code(text)
    starts = _starts(run)
    begin = 0
    for found in _END.finditer(readable):
        if found.group().startswith(".") and _ABBREVIATION.search(
            readable, max(0, found.start() - 12), found.start() + 1
        ):
            continue
        following = readable[found.end() : found.end() + 8].lstrip()
        if following[:1].islower():
            continue
        yield from _located(text, run, starts, begin, found.end())
        begin = found.end()
    yield from _located(text, run, starts, begin, len(text))


def _without_code(text: str) -> str:
    """Return ``text`` with as many x in place of each `code`: full stops within it end nothing, and offsets stay.

    Code ends at the next run of as many ticks as it began with. A run that nothing ends may begin with fewer. To look
    for that with a regular expression takes the square of the length of the text.
    """
    runs = [found.span() for found in _TICKS.finditer(text)]
    by_length: dict[int, list[int]] = {}
    for number, (start, end) in enumerate(runs):
        by_length.setdefault(end - start, []).append(number)
    pieces = []
    done = number = 0
    while number < len(runs):
        start, end = runs[number]
        number += 1
        for length in range(end - start, 0, -1):
            alike = by_length.get(length, [])
            next_one = bisect_left(alike, number)
            if next_one < len(alike):
                last = runs[alike[next_one]][1]
                pieces += [text[done : end - length], "x" * (last - end + length)]
                done, number = last, alike[next_one] + 1
                break
    return "".join([*pieces, text[done:]])


def _starts(run: Sequence[tuple[int, int, int]]) -> list[int]:
    """Return where each line of ``run`` starts in their text."""
    return list(accumulate((end - start + 1 for _, start, end in run), initial=0))[:-1]


def _located(
    text: str, run: Sequence[tuple[int, int, int]], starts: Sequence[int], begin: int, end: int
) -> Iterator[tuple[Position, Position]]:
    """Yield the lines and columns of ``text[begin:end]`` without white space at either end, unless it is empty."""
    sentence = text[begin:end]
    if sentence.strip():
        begin += len(sentence) - len(sentence.lstrip())
        end -= len(sentence) - len(sentence.rstrip())
        yield _position(run, starts, begin), _position(run, starts, end)


def _position(run: Sequence[tuple[int, int, int]], starts: Sequence[int], offset: int) -> Position:
    number = bisect_right(starts, offset) - 1
    line, start, _ = run[number]
    return line, start + offset - starts[number]
