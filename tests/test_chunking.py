import re
from collections.abc import Sequence

import pytest

from studybot.chunking import MARKER_TOKENS, passage_text, passages, readable, statement_texts
from studybot.markdown import parse
from studybot.types import Note, Passage


def count_tokens(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


def cut(text: str, max_tokens: int, path: str = "a.md") -> list[Passage]:
    return passages(Note(path, text, sha256="", encoding="utf-8"), parse(text), count_tokens, max_tokens)


def texts(found: list[Passage]) -> list[str]:
    return [passage.text for passage in found]


def embedded(text: str, max_tokens: int = 100) -> list[str]:
    """What is embedded for each statement of a note."""
    by_start = {s.start: s for section in parse(text).sections for s in section.statements}
    return [line for passage in cut(text, max_tokens) for line in statement_texts(passage, by_start)]


def test_blocks_that_fit_are_one_passage() -> None:
    text = "# A\n\nOne two three.\n\n- four\n- five\n\n```\nsix\n```\n"
    (passage,) = cut(text, max_tokens=100)
    assert passage.text == "One two three.\n\n- four\n- five\n\n```\nsix\n```"
    assert (passage.note, passage.heading, passage.context) == ("a.md", ("A",), "")
    assert (passage.start, passage.start_line, passage.end_line) == (5, 3, 10)
    assert [s.text for s in passage.statements] == ["One two three.", "four", "five", "six"]


def test_a_block_that_does_not_fit_any_more_begins_a_passage_whole() -> None:
    text = "one two three\n\nfour five six\n\n- seven\n- eight\n- nine\n"
    assert texts(cut(text, max_tokens=6 + MARKER_TOKENS)) == [
        "one two three\n\nfour five six",
        "- seven\n- eight\n- nine",
    ]


@pytest.mark.parametrize(
    ("max_tokens", "wanted"), [(8, ["one two three\n\nfour five six"]), (7, ["one two three", "four five six"])]
)
def test_the_encoders_markers_count(max_tokens: int, wanted: list[str]) -> None:
    assert texts(cut("one two three\n\nfour five six", max_tokens)) == wanted


def test_no_passage_goes_across_a_heading() -> None:
    found = cut("before\n# A\none\n## B\ntwo\n\n# A\nthree\n", max_tokens=100)
    assert [(p.heading, p.text, p.start_line) for p in found] == [
        ((), "before", 1),
        (("A",), "one", 3),
        (("A", "B"), "two", 5),
        (("A",), "three", 8),
    ]


def test_what_is_left_out_is_in_no_passage_and_parts_what_stands_around_it() -> None:
    contents = "- [One](#one)\n- [Two](#two)\n- [Three](#three)"
    assert texts(cut(f"---\na: b\n---\nabove\n\n{contents}\n\nbelow\n", max_tokens=100)) == ["above", "below"]


def test_a_note_without_words_has_no_passages() -> None:
    assert cut("", max_tokens=10) == cut("\n \t\n\x0c\n", max_tokens=10) == cut("# A\n## B\n", max_tokens=10) == []


def test_a_long_table_is_cut_at_its_rows_and_later_parts_have_its_header_as_context() -> None:
    rows = [f"| name{number} | price{number} |" for number in range(5)]
    text = "\n".join(["| Name | Price |", "|---|---|", *rows])
    found = cut(text, max_tokens=24 + MARKER_TOKENS)

    # The header has 5 tokens, the line below it 9, a row 5.
    assert [(p.text.split("\n"), p.context) for p in found] == [
        (["| Name | Price |", "|---|---|", *rows[:2]], ""),
        (rows[2:], "Name Price"),
    ]
    assert [p.start_line for p in found] == [1, 5]
    assert passage_text(found[1]) == "Name Price\nname2 price2 name3 price3 name4 price4"


def test_a_header_that_leaves_no_room_for_a_row_is_left_away() -> None:
    text = "| Name | Price |\n|---|---|\n| one two | three four five |\n"
    found = cut(text, max_tokens=14 + MARKER_TOKENS)
    assert [p.context for p in found] == ["", "Name Price"]
    found = cut(text, max_tokens=9 + MARKER_TOKENS)
    assert [p.text for p in found] == ["| Name | Price |", "|---|---|", "| one two | three four five |"]
    assert [p.context for p in found] == ["", "", ""]


def test_a_fence_that_fits_alone_is_not_cut() -> None:
    fence = "```py\none\ntwo\n\nthree\n```"
    found = cut(f"a b c d\n\n{fence}\n\ne f g h\n", max_tokens=10 + MARKER_TOKENS)
    assert texts(found) == ["a b c d", fence, "e f g h"]


def test_a_fence_that_exceeds_the_window_is_cut_at_its_lines() -> None:
    found = cut("```\none two\nthree four\n\nfive six\n```\n", max_tokens=6 + MARKER_TOKENS)
    assert texts(found) == ["```\none two", "three four\n\nfive six", "```"]
    assert [[s.text for s in p.statements] for p in found] == [["one two"], ["three four\n\nfive six"], []]
    assert [(s.start_line, s.end_line) for p in found for s in p.statements] == [(2, 2), (3, 5)]


def test_a_list_that_exceeds_the_window_is_cut_at_its_items() -> None:
    text = "- one two three\n  four\n- five six\n  - seven\n  - eight\n- nine ten\n"
    assert texts(cut(text, max_tokens=8 + MARKER_TOKENS)) == [
        "- one two three\n  four",
        "- five six\n  - seven\n  - eight",
        "- nine ten",
    ]


def test_an_item_that_exceeds_the_window_is_cut_at_its_own_items() -> None:
    text = "- one two\n  - three four\n  - five six\n  - seven eight\n"
    assert texts(cut(text, max_tokens=6 + MARKER_TOKENS)) == [
        "- one two\n  - three four",
        "  - five six\n  - seven eight",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "A first sentence. " * 12 + "The end.",
        "one two three; four, five six " * 10,
        "word " * 50 + " word",
        "a  b   c    d     " * 10,
        "，数据库" * 30,
        "|" * 77,
        "| a |  | b | " * 20,
        "🎓\u200d👩 e\u0301 \u2028" * 20,
    ],
    ids=["sentences", "clauses", "words", "spaces", "Chinese", "marks", "cells", "odd"],
)
def test_a_line_that_exceeds_the_window_is_cut_into_parts_that_add_up_to_it(line: str) -> None:
    text = f"# A\n\nbefore\n\n{line}\n\nafter"
    found = cut(text, max_tokens=12 + MARKER_TOKENS)
    before, *parts, after = found
    assert (before.text, after.text) == ("before", "after")
    assert len(parts) > 1
    assert "".join(texts(parts)) == line
    assert {(p.start_line, p.end_line) for p in parts} == {(5, 5)}
    assert max(count_tokens(texts(parts))) <= 12
    for passage in found:
        assert text[passage.start : passage.end] == passage.text


def test_a_line_is_cut_behind_its_sentences_first() -> None:
    assert texts(cut("One two three. Four five six. Seven eight.", max_tokens=8 + MARKER_TOKENS)) == [
        "One two three. Four five six. ",
        "Seven eight.",
    ]


def test_a_statement_that_reaches_over_a_cut_is_clipped_to_each_passage() -> None:
    text = "- one two three four five six"
    found = cut(text, max_tokens=4 + MARKER_TOKENS)
    assert [[(s.kind, s.text) for s in p.statements] for p in found] == [
        [("item", "one two three")],
        [("item", "four five six")],
    ]
    assert [text[s.start : s.end] for p in found for s in p.statements] == ["one two three", "four five six"]


def test_the_same_passage_twice_below_the_same_heading_has_two_ids() -> None:
    found = cut("# A\nsame\n# A\nsame\n# B\nsame\n", max_tokens=100)
    assert texts(found) == ["same", "same", "same"]
    assert len({passage.id for passage in found}) == 3


def test_an_id_tells_the_note_the_headings_and_the_words() -> None:
    (passage,) = cut("# A\nwords\n", max_tokens=100)
    others = [*cut("# B\nwords\n", 100), *cut("# A\nother\n", 100), *cut("# A\nwords\n", 100, path="b.md")]
    assert re.fullmatch("[0-9a-f]{16}", passage.id)
    assert passage.id not in {other.id for other in others}


def test_ids_stay_when_lines_are_added_above() -> None:
    text = "# A\none\n\n# B\ntwo\n# A\none\n"
    before = cut(text, max_tokens=100)
    after = cut(f"new\n\n# New\nlines\n\n\n{text}", max_tokens=100)
    assert [p.id for p in after[2:]] == [p.id for p in before]
    assert [p.start_line for p in after[2:]] == [p.start_line + 6 for p in before]


def test_a_passage_is_embedded_with_all_its_headings() -> None:
    (passage,) = cut("# AWS\n## **Storage**\n### S3\n\n- Keeps *objects*\n- for [ever](ever.md)\n", max_tokens=100)
    assert passage_text(passage) == "AWS > Storage > S3\n- Keeps objects - for ever"


def test_a_passage_without_headings_is_embedded_alone() -> None:
    (passage,) = cut("just **words**\n", max_tokens=100)
    assert passage_text(passage) == "just words"


def test_a_statement_is_embedded_with_its_headings_and_its_parent_items() -> None:
    text = "# Storage\n## S3\nClasses:\n- Standard\n  - *Price*\n    - 23 dollars\n"
    assert embedded(text) == [
        "Storage > S3\nClasses:",
        "Storage > S3\nClasses:\nStandard",
        "Storage > S3\nClasses:\nStandard\nPrice",
        "Storage > S3\nClasses:\nStandard\nPrice\n23 dollars",
    ]


@pytest.mark.parametrize("max_tokens", [100, 16 + MARKER_TOKENS], ids=["whole", "cut"])
def test_a_row_is_embedded_with_its_tables_header(max_tokens: int) -> None:
    text = "# S3\n| Class | Price |\n|---|---|\n| Standard | 23 |\n| Glacier | 4 |\n"
    assert [sorted(re.findall(r"\w+", line)) for line in embedded(text, max_tokens)] == [
        ["Class", "Price", "S3"],
        ["23", "Class", "Price", "S3", "Standard"],
        ["4", "Class", "Glacier", "Price", "S3"],
    ]


def test_an_item_whose_parent_is_in_another_passage_keeps_it() -> None:
    text = "- one two\n  - three four\n  - five six\n  - seven eight\n"
    assert len(cut(text, max_tokens=6 + MARKER_TOKENS)) == 2
    assert embedded(text, max_tokens=6 + MARKER_TOKENS) == [
        "one two",
        "one two\nthree four",
        "one two\nfive six",
        "one two\nseven eight",
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("**bold**, *slanted*, `code` and ~~gone~~", "bold , slanted , code and gone"),
        ("see [the notes](s3.md) and ![a picture](a.png)", "see the notes and a picture"),
        ('[titled](s3.md "A title"), [braced](a_(b).md)', "titled, braced"),
        ("[[S3]], [[s3|the notes]], ![[a.png]]", "S3, the notes, a.png"),
        ("a<br>b <img src='a.png'/> <b>c</b> <!-- not\nthis --> d", "a b c d"),
        ("| a | b |\n|---|:-:|\n| 1 |  |", "a b 1"),
        ("3 < 4 and a_b-c and 5 > 2", "3 < 4 and a_b-c and 5 > 2"),
        ("  two\n\n\tlines \u00a0", "two lines"),
    ],
    ids=["emphasis", "links", "titles", "wikilinks", "tags", "tables", "plain", "white space"],
)
def test_readable_strips_what_is_not_words(text: str, wanted: str) -> None:
    assert readable(text) == wanted
