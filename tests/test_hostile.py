"""Notes that are made to be slow: what is read of them grows with their length, not with its square."""

import time
from collections.abc import Callable

import pytest

from studybot import acronyms, citations
from studybot.chunking import passage_text, passages, statement_texts
from studybot.folding import key
from studybot.links import Links
from studybot.markdown import parse
from studybot.rendering import render
from studybot.types import Citation, Note, Place
from tests.test_positions import count_tokens

Shape = Callable[[int], str]
BYTES = 4_000


def of(unit: str) -> Shape:
    return lambda size: unit * (size // len(unit) + 1)


def between(begin: str, unit: str, end: str = "") -> Shape:
    return lambda size: begin + unit * (size // len(unit)) + end


def rows_of(columns: Callable[[int], int], row: str) -> Shape:
    def table(size: int) -> str:
        width = columns(size)
        return "|a" * width + "|\n" + "|-" * width + "|\n" + f"{row}\n" * (size // len(row))

    return table


SHAPES: dict[str, Shape] = {
    "one word": of("a"),
    "one word in capitals": of("A"),
    "words held together": of("A-b&c/d'"),
    "one line of words": of("word "),
    "one line of sentences": of("A fact. "),
    "lines of sentences in one paragraph": of("A fact. Another is 3.5.\n"),
    "one line in Chinese": of("，数据"),
    "headings": of("# a\n"),
    "headings at all levels": of("# a\n## b\n### c\n#### d\n##### e\n###### f\ntext\n"),
    "a heading of one word": between("# ", "A"),
    "a heading of brackets": between("# ", "[", "\n\ntext"),
    "a heading of stars": between("# ", "*a ", "\n\ntext"),
    "a heading above many passages": lambda size: "# " + "Ab " * (size // 6) + "\n" + "A fact. \n\n" * (size // 20),
    "quotes in one line": of("> "),
    "quotes in quotes": lambda size: "\n".join(">" * depth for depth in range(1, int((2 * size) ** 0.5))),
    "items": of("- a\n"),
    "items in items": lambda size: "\n".join("  " * depth + "- a" for depth in range(int(size**0.5))),
    "items below one long item": lambda size: "- " + "[a" * (size // 4) + "\n" + "  - b\n" * (size // 12),
    "a list with a lazy line": between("- a\n", "b\n"),
    "a fence that nothing ends": between("```\n", "a\n"),
    "fences that nothing ends": of("```\na\n~~~\n"),
    "ticks": of("`"),
    "ticks and words": lambda size: "`" * (size // 2) + "A fact. " * (size // 16),
    "ever more ticks": lambda size: " ".join("`" * count for count in range(1, int((2 * size) ** 0.5))),
    "formulas that nothing ends": of("$$\na\n"),
    "a table": between("| a | b |\n|---|---|\n", "| c | d |\n"),
    "a table whose header is half of it": rows_of(lambda size: size // 8, "|b"),
    "a table of empty cells": rows_of(lambda size: int(size**0.5), "|b"),
    "tables of empty cells": lambda size: (rows_of(lambda _: 40, "|b")(80) + "\n") * (size // 300),
    "tags": of("<a "),
    "comments": of("<!-- "),
    "comments in a block": between("<div>\n", "<!-- a\n"),
    "brackets": of("["),
    "links that nothing ends": of("[a]("),
    "parentheses in a link": between("[a](b", "(c)"),
    "links to headings that nothing ends": of("[a](#"),
    "a list of contents that nothing ends": lambda size: "- [a](#b)[c](#d)[e](#f)" + "[" * size,
    "wikilinks that nothing ends": of("[[a|"),
    "link definitions": lambda size: "".join(f"[{number}]: b\n" for number in range(size // 10)),
    "stars": of("**a"),
    "spaces": between("a", " ", "b"),
    "full stops": of(". "),
    "what closes a sentence": between(".", ")", "a"),
    "short forms": of("AB: Aa "),
    "parentheses behind words": of("A ("),
    "front matter that nothing ends": between("---\n", "a: b\n"),
    "marks over one letter": between("a", "\u0301"),
    "backslashes": of("\\"),
    "indents": lambda size: "\n".join(" " * depth + "a" for depth in range(int((2 * size) ** 0.5))),
}


def read(text: str) -> None:
    """Do all that indexing and showing do with a note."""
    document = parse(text)
    found = passages(Note("a.md", text, "", "utf-8"), document, count_tokens, 256)
    above = {statement.start: statement for section in document.sections for statement in section.statements}
    for passage in found:
        passage_text(passage)
        statement_texts(passage, above)
        key(Place(passage.note, passage.heading, passage.start_line, passage.end_line), passage.text)
    list(acronyms.forms(text))
    for section in document.sections:
        for title in section.heading:
            list(acronyms.initials(title))
    render(text, Links("a.md", lambda: ["a.md"]))


def seconds(text: str) -> float:
    began = time.process_time()
    read(text)
    return time.process_time() - began


def grows_with_the_square(shape: Shape) -> bool:
    """Return whether four times the note takes about sixteen times the work."""
    small, large = shape(BYTES), shape(4 * BYTES)
    # What takes the square takes 16 times as long, each time; a busy computer may do so once.
    return all(seconds(large) >= 9 * seconds(small) + 0.1 for _ in range(5))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_four_times_the_note_takes_no_sixteen_times_the_work(shape: Shape) -> None:
    assert not grows_with_the_square(shape)


def test_a_citation_that_names_half_of_a_large_note_is_not_searched_for() -> None:
    text = "a\n" * 100_000
    forged = Citation("a.md", 1, 50_000, "0" * 16, "0" * 8)
    began = time.process_time()
    assert citations.find(forged, text, parse(""), []).state == "changed"
    assert time.process_time() - began < 5
