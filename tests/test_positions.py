"""Every line of a note is in exactly one passage, and every position is exact: for random notes and for real ones."""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studybot.chunking import MARKER_TOKENS, passages, statement_texts
from studybot.encoding import SentenceEncoder
from studybot.markdown import parse
from studybot.notes import list_notes, read_note
from studybot.types import CountTokens, Document, Note, Passage, Statement

# Notes of other people, which a checkout need not have beside it.
SHARED = Path(__file__).parents[2] / "shared"
FOLDERS = ["notes", *(f"data/{folder.name}" for folder in sorted((SHARED / "data").glob("*")))]
FRONT_MATTER = re.compile(rb"\A---\n.*?\n---\n", re.DOTALL)
SMALL_WINDOW = 32


def count_tokens(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


def faults(note: Note, count_tokens: CountTokens, max_tokens: int) -> list[str]:
    """What is wrong with the passages of ``note``, each with its line."""
    document = parse(note.text)
    found = passages(note, document, count_tokens, max_tokens)
    starts = [0, *accumulate(len(line) + 1 for line in note.text.split("\n"))]
    statements = [statement for section in document.sections for statement in section.statements]
    return [
        f"{note.path}:{line}: {fault}"
        for line, fault in [
            *_section_faults(note.text, document),
            *_coverage_faults(note.text, document, found),
            *_text_faults(note.text, found, count_tokens([passage.text for passage in found]), max_tokens),
            *_statement_faults(note.text, starts, statements),
            *_parent_faults(statements, found),
            *chain.from_iterable(_statement_faults(note.text, starts, p.statements, within=p) for p in found),
        ]
    ]


def _section_faults(text: str, document: Document) -> list[tuple[int, str]]:
    """Sections follow each other without a hole, to the last line."""
    lines = text.count("\n") + (not text.endswith("\n"))
    wrong = [
        (below.start_line, "the section above ends elsewhere")
        for above, below in pairwise(document.sections)
        if above.end_line + 1 != below.start_line
    ]
    if document.sections and document.sections[-1].end_line != lines:
        wrong.append((lines, f"is the last line, the last section ends in {document.sections[-1].end_line}"))
    return wrong


def _coverage_faults(text: str, document: Document, found: list[Passage]) -> list[tuple[int, str]]:
    lines = text.split("\n")
    in_no_passage = set(chain.from_iterable(range(start, end + 1) for start, end in document.left_out))
    for section in document.sections:
        in_no_passage.update(range(section.start_line, section.body_line))
    owners: dict[int, list[Passage]] = {}
    for passage in found:
        for number in range(passage.start_line, passage.end_line + 1):
            owners.setdefault(number, []).append(passage)

    wrong = []
    for number, line in enumerate(lines, start=1):
        of_line = owners.get(number, [])
        if number in in_no_passage:
            if of_line:
                wrong.append((number, "is a heading or left out, and in a passage"))
        elif not of_line:
            if line.strip():
                wrong.append((number, "is in no passage"))
        elif len(of_line) > 1:
            if any(passage.start_line != passage.end_line for passage in of_line):
                wrong.append((number, f"is in {len(of_line)} passages"))
            elif "".join(passage.text for passage in of_line) != line:
                wrong.append((number, "its parts do not add up to it"))
        elif of_line[0].text != "\n".join(lines[of_line[0].start_line - 1 : of_line[0].end_line]):
            wrong.append((number, "is in a passage that is not its lines"))
    return wrong


def _text_faults(text: str, found: list[Passage], tokens: list[int], max_tokens: int) -> list[tuple[int, str]]:
    wrong = []
    for passage, count in zip(found, tokens, strict=True):
        if passage.text != text[passage.start : passage.end]:
            wrong.append((passage.start_line, "the passage is not the text at its offsets"))
        if count + MARKER_TOKENS > max_tokens:
            wrong.append((passage.start_line, f"the passage has {count} tokens"))
    wrong += [(b.start_line, "overlaps the passage above") for a, b in pairwise(found) if b.start < a.end]
    if len({passage.id for passage in found}) < len(found):
        wrong.append((1, "two passages have the same id"))
    return wrong


def _statement_faults(
    text: str, starts: list[int], statements: Sequence[Statement], within: Passage | None = None
) -> list[tuple[int, str]]:
    wrong = []
    for statement in statements:
        line = bisect_right(starts, statement.start)
        if not statement.text.strip() or statement.text != text[statement.start : statement.end]:
            wrong.append((line, f"{statement.text!r} is not the text at its offsets"))
        if (statement.start_line, statement.end_line) != (line, bisect_right(starts, statement.end - 1)):
            wrong.append((line, f"{statement.text!r} says {statement.start_line} to {statement.end_line}"))
        if within and not (within.start <= statement.start and statement.end <= within.end):
            wrong.append((line, f"{statement.text!r} lies outside of its passage"))
    wrong += [(b.start_line, f"{b.text!r} overlaps {a.text!r}") for a, b in pairwise(statements) if b.start < a.end]
    return wrong


def _parent_faults(statements: list[Statement], found: list[Passage]) -> list[tuple[int, str]]:
    by_start = {statement.start: statement for statement in statements}
    wrong = [
        (statement.start_line, f"{statement.text!r} has a parent that is no statement above it")
        for statement in statements
        if statement.parent is not None and (statement.parent >= statement.start or statement.parent not in by_start)
    ]
    if not wrong:
        for passage in found:
            assert len(statement_texts(passage, by_start)) == len(passage.statements)
    return wrong


MARKUP = """# > - 1. --- === | ` ``` $$ \\ : <br> <!-- --> [x] **bold** `a. b` [link](#a) [[#a|b]] $x$""".split(" ")
PROSE = """a b Alpha beta. Gamma: 3.5 e.g. Dr. 🎓 👩‍🔬 é 数据库。 索引 هذا؟ هنا""".split()
# White space, and what other programs take for the end of a line.
SPACE = ["  ", *"\t\x0b\x0c\x1c\x85\u2028\u2029\xa0\u3000\ufeff\r\x00\u200b"]
LONG = ["x" * 90, "word " * 50, "，数据" * 40, "A fact. " * 20]
WORDS = st.sampled_from(MARKUP) | st.sampled_from(PROSE) | st.sampled_from(SPACE) | st.sampled_from(LONG)
LINE = st.lists(WORDS, max_size=8).flatmap(lambda words: st.sampled_from([" ".join(words), "".join(words)]))
TWO_LINES = st.builds("{}\n{}".format, LINE, LINE)
LINES = st.lists(LINE, max_size=6).map("\n".join)
MARK = st.sampled_from(["-", "*", "1.", "2)", "- [ ]"])
FENCE = st.sampled_from(["```", "~~~py", "$$", ""])
BLANK = st.sampled_from(["", " ", *SPACE])


def _table(cells: list[tuple[str, str]]) -> str:
    rows = [f"| {left} | {right} |" for left, right in cells]
    return "\n".join(["| a | b |", "|---|:-:|", *rows])


def _listed(items: list[tuple[int, str, str]]) -> str:
    return "\n".join("  " * depth + mark + " " + text for depth, mark, text in items)


def _prefixed(prefix: str, text: str) -> str:
    return "\n".join(prefix + line for line in text.split("\n"))


BLOCK = st.recursive(
    st.one_of(
        LINES,
        BLANK,
        st.builds("{} {}".format, st.sampled_from(["#", "##", "####", "######"]), LINE),
        st.builds("{}\n{}".format, LINE, st.sampled_from(["===", "---", "="])),
        st.builds("{}\n{}\n{}".format, FENCE, LINES, FENCE),
        st.builds("<{0}>\n{1}\n</{0}>".format, st.sampled_from(["details", "b", "pre"]), LINES),
        st.builds("<!-- {} -->".format, LINES),
        st.builds("---\n{}\n---".format, LINES),
        st.builds("> [!note]{}\n> {}".format, LINE, LINE),
        st.builds("[{}]: {}".format, LINE, LINE),
        st.lists(st.tuples(LINE, LINE), max_size=20).map(_table),
        st.lists(st.tuples(st.integers(0, 6), MARK, LINE | TWO_LINES), min_size=1, max_size=20).map(_listed),
        st.lists(st.sampled_from(["- [a](#a)", "  - [b](#b)", "[[#c]]"]), min_size=1).map("\n".join),
    ),
    lambda blocks: st.builds(
        _prefixed,
        st.sampled_from(["> ", ">", "  ", "    ", "\t", "- ", "1. ", "> - "]),
        st.lists(blocks).map("\n".join),
    ),
    max_leaves=4,
)
NOTE = st.lists(BLOCK, max_size=8).flatmap(lambda blocks: st.sampled_from(["\n".join(blocks), "\n\n".join(blocks)]))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=NOTE)
def test_each_line_of_a_random_markdown_note_is_in_one_passage_with_exact_positions(text: str) -> None:
    note = Note("random.md", text.replace("\r\n", "\n"), sha256="", encoding="utf-8")
    assert faults(note, count_tokens, SMALL_WINDOW) == []


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.text(max_size=300) | st.text(alphabet="#>-*`|[]()!<a1. \t\n\r\\$=:~", max_size=120))
def test_each_line_of_any_text_is_in_one_passage_with_exact_positions(text: str) -> None:
    note = Note("random.md", text.replace("\r\n", "\n"), sha256="", encoding="utf-8")
    assert faults(note, count_tokens, SMALL_WINDOW) == []


def versions_once(folder: Path, paths: list[str]) -> list[str]:
    """Return the first of those files that are the same below their front matter: a manual has a folder per version."""
    first: dict[bytes, str] = {}
    for path in paths:
        text = (folder / path).read_bytes().replace(b"\r\n", b"\n")
        first.setdefault(hashlib.sha256(FRONT_MATTER.sub(b"", text)).digest(), path)
    return list(first.values())


@pytest.fixture(scope="module")
def model() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="there are no shared notes beside this checkout")
@pytest.mark.parametrize("folder", FOLDERS)
def test_each_line_of_each_shared_note_is_in_one_passage_with_exact_positions(
    model: SentenceEncoder, folder: str
) -> None:
    listing = list_notes(SHARED / folder)
    assert listing.left_out == {}
    paths = versions_once(SHARED / folder, [file.path for file in listing.files])
    assert paths

    found = []
    for path in paths:
        found += faults(read_note(SHARED / folder, path), model.count_tokens, max_tokens=256)
    assert not found, f"{len(found)} faults, the first: " + "\n".join(found[:20])


@pytest.mark.skipif(not (SHARED / "notes").is_dir(), reason="there are no shared notes beside this checkout")
def test_the_table_of_contents_of_the_architect_notes_is_left_out() -> None:
    assert parse(read_note(SHARED / "notes", "architect-associate.md").text).left_out == ((3, 561),)
