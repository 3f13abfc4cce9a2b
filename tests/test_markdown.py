import time

import pytest

from studybot.markdown import parse
from studybot.types import Block, Document, Section

PROSE = "Snapshots are kept for seven days unless the instance is deleted before that time."


def statements(text: str) -> list[tuple[str, str]]:
    return [(s.kind, s.text) for section in parse(text).sections for s in section.statements]


def parents(text: str) -> dict[str, str | None]:
    """Each statement's text, and that of its parent."""
    found = [statement for section in parse(text).sections for statement in section.statements]
    by_start = {statement.start: statement.text for statement in found}
    return {s.text: None if s.parent is None else by_start[s.parent] for s in found}


def outline(document: Document) -> list[tuple[tuple[str, ...], int, int, int]]:
    return [(s.heading, s.start_line, s.body_line, s.end_line) for s in document.sections]


def block_lines(section: Section) -> list[tuple[int, int]]:
    return [(block.start_line, block.end_line) for block in section.blocks]


def test_an_empty_note_has_no_sections() -> None:
    assert parse("") == parse(" \n\n\t") == Document((), ())


def test_a_section_ends_above_the_next_heading_and_knows_the_headings_above_it() -> None:
    text = "# A\na\n\n## B\nb\n### C\nc\n## D ##\nd\n# E\ne\n"
    assert outline(parse(text)) == [
        (("A",), 1, 2, 3),
        (("A", "B"), 4, 5, 5),
        (("A", "B", "C"), 6, 7, 7),
        (("A", "D"), 8, 9, 9),
        (("E",), 10, 11, 11),
    ]


@pytest.mark.parametrize(("end", "last_line"), [("", 2), ("\n", 2), ("\n\n", 3), ("\n ", 3)])
def test_the_last_section_ends_with_the_last_line(end: str, last_line: int) -> None:
    assert outline(parse(f"# A\na{end}")) == [(("A",), 1, 2, last_line)]


def test_a_heading_at_the_end_is_a_section_of_its_own_line() -> None:
    assert outline(parse("# A\n")) == outline(parse("# A")) == [(("A",), 1, 2, 1)]


@pytest.mark.parametrize("fence", ["```", "~~~", "````md"])
def test_a_hash_in_a_fence_is_no_heading(fence: str) -> None:
    text = f"# A\n{fence}\n# not a heading\n\nmake\n{fence.removesuffix('md')}\nafter\n"
    (section,) = parse(text).sections
    assert section.heading == ("A",)
    assert block_lines(section) == [(2, 6), (7, 7)]
    assert statements(text) == [("code", "# not a heading\n\nmake"), ("sentence", "after")]


def test_a_fence_that_is_not_closed_goes_to_the_end() -> None:
    assert statements("```\n# code\nmore") == [("code", "# code\nmore")]


def test_a_hash_without_a_space_is_no_heading() -> None:
    assert outline(parse("#tag and #another\n")) == [((), 1, 1, 1)]


def test_setext_headings_take_all_their_lines() -> None:
    assert outline(parse("Title\n=====\ntext\n\nA long\nheading\n---\nmore\n")) == [
        (("Title",), 1, 3, 4),
        (("Title", "A long heading"), 5, 8, 8),
    ]


def test_a_heading_is_told_in_words() -> None:
    text = "# **Bold**, `code`, [a link](b.md) &amp;   Users \\& Groups\n"
    assert parse(text).sections[0].heading == ("Bold, code, a link & Users & Groups",)


def test_a_heading_without_words_is_not_in_the_path() -> None:
    assert outline(parse("# A\n##\n### C\ntext")) == [(("A",), 1, 2, 1), (("A",), 2, 3, 2), (("A", "C"), 3, 4, 4)]


def test_headings_in_quotes_and_lists_open_no_section() -> None:
    text = "# A\n> # quoted\n\n- # listed\n"
    assert outline(parse(text)) == [(("A",), 1, 2, 4)]


def test_front_matter_is_left_out() -> None:
    document = parse("---\ntitle: x\n# no: heading\n---\n# A\ntext\n")
    assert document.left_out == ((1, 4),)
    assert outline(document) == [(("A",), 5, 6, 6)]


def test_three_dashes_further_down_are_no_front_matter() -> None:
    document = parse("text\n\n---\n\nmore: text\n\n---\n")
    assert document.left_out == ()
    assert block_lines(document.sections[0]) == [(1, 1), (3, 3), (5, 5), (7, 7)]


def test_a_skipped_heading_level_leaves_no_hole_in_the_path() -> None:
    assert [section.heading for section in parse("# A\n#### B\n## C\n# D\n### E\n").sections] == [
        ("A",),
        ("A", "B"),
        ("A", "C"),
        ("D",),
        ("D", "E"),
    ]


def test_text_above_the_first_heading_has_an_empty_heading_path() -> None:
    assert outline(parse("\nbefore\n\n# A\ntext\n")) == [((), 1, 1, 3), (("A",), 4, 5, 5)]


def test_an_empty_section_is_a_section_without_blocks() -> None:
    first, second = parse("# A\n\n# B\ntext").sections
    assert (first.heading, first.blocks, first.statements) == (("A",), (), ())
    assert second.heading == ("B",)


def test_the_same_heading_twice_is_two_sections() -> None:
    text = "# A\n## Notes\none\n## Notes\ntwo"
    assert outline(parse(text)) == [(("A",), 1, 2, 1), (("A", "Notes"), 2, 3, 3), (("A", "Notes"), 4, 5, 5)]
    assert statements(text) == [("sentence", "one"), ("sentence", "two")]


@pytest.mark.parametrize(
    "contents",
    [
        "- [One](#one)\n  - [Two \\& a half](#two--a-half)\n- [Three](#three)",
        "1. [One](#one)\n2. [Two](#two)\n3. [Three](#three)",
        "* **[One](#one)**\n* [Two](#two)\n\n* [Three [3]](#three)",
        "- [[#One]]\n- [[#Two|the second]]\n- [[#Three]]",
        "[One](#one) | [Two](#two)\n[Three](#three)",
    ],
    ids=["nested", "numbered", "loose", "wikilinks", "paragraph"],
)
def test_a_table_of_contents_is_left_out(contents: str) -> None:
    text = f"# Title\n\n{contents}\n\n## One\ntext\n"
    document = parse(text)
    assert document.left_out == ((3, 2 + len(contents.split("\n"))),)
    assert document.sections[0].blocks == ()
    assert statements(text) == [("sentence", "text")]


@pytest.mark.parametrize(
    "contents",
    [
        "- [One](one.md)\n- [Two](two.md)\n- [Three](three.md)",
        "- [One](one.md#one)\n- [Two](two.md#two)\n- [Three](three.md#three)",
        "- [[One]]\n- [[Two|the second]]\n- [[Three#part]]",
        "- [One](#one)\n- [Two](#two)",
        "- [One](#one)\n- [Two](#two)\n- [Three](#three) costs 5 dollars",
        "- [One](#one)\n- [Two](#two)\n- [Three](#three)\n- the fourth",
    ],
    ids=["other notes", "parts of other notes", "wikilinks to notes", "too few", "a fact", "an item without a link"],
)
def test_a_list_that_says_more_than_the_headings_of_its_note_is_kept(contents: str) -> None:
    document = parse(f"{contents}\n\n# One\ntext\n")
    assert document.left_out == ()
    assert block_lines(document.sections[0]) == [(1, len(contents.split("\n")))]


def test_a_tables_rows_have_its_header_as_parent() -> None:
    text = "| Class | Price |\n| --- | ---: |\n| Standard | 23 |\n| | |\n| Glacier | 4 |\n"
    assert statements(text) == [
        ("header", "| Class | Price |"),
        ("row", "| Standard | 23 |"),
        ("row", "| Glacier | 4 |"),
    ]
    assert parents(text) == {
        "| Class | Price |": None,
        "| Standard | 23 |": "| Class | Price |",
        "| Glacier | 4 |": "| Class | Price |",
    }


def test_a_table_may_be_cut_at_its_rows_and_names_its_header() -> None:
    (block,) = parse("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n").sections[0].blocks
    assert block == Block(1, 4, (Block(1, 2), Block(3, 3), Block(4, 4)), header=(1, 2))


def test_a_nested_item_has_its_item_as_parent() -> None:
    assert parents("- Storage\n  - Blocks\n    1. EBS\n  - Objects\n- Network\n") == {
        "Storage": None,
        "Blocks": "Storage",
        "EBS": "Blocks",
        "Objects": "Storage",
        "Network": None,
    }


def test_tabs_nest_items_too() -> None:
    assert parents("- Storage\n\t- Blocks\n\t\t- EBS\n") == {"Storage": None, "Blocks": "Storage", "EBS": "Blocks"}


def test_a_paragraph_within_an_item_has_the_item_as_parent() -> None:
    assert parents("- Storage\n\n  More of it. Still more.\n\n  ```\n  code\n  ```\n") == {
        "Storage": None,
        "More of it.": "Storage",
        "Still more.": "Storage",
        "  code": "Storage",
    }


@pytest.mark.parametrize("lead", ["There are two:", "**There are two:**", "有两种："])
@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_a_paragraph_that_ends_with_a_colon_is_the_parent_of_the_list_below(lead: str, between: str) -> None:
    assert parents(f"{lead}{between}- one\n- two\n\nAfter.\n\n- three\n") == {
        lead: None,
        "one": lead,
        "two": lead,
        "After.": None,
        "three": None,
    }


def test_only_the_last_sentence_of_a_paragraph_leads_and_a_heading_ends_the_lead() -> None:
    assert parents("A fact. There are two:\n\n- one\n\nThere is more:\n\n# B\n- two\n") == {
        "A fact.": None,
        "There are two:": None,
        "one": "There are two:",
        "There is more:": None,
        "two": None,
    }


@pytest.mark.parametrize(
    ("below", "statement"),
    [
        ("```\nmake\n```", "make"),
        ("    make", "    make"),
        ("| a | b |\n|---|---|", "| a | b |"),
        ("$$\na = b\n$$", "a = b"),
    ],
)
def test_a_lead_is_the_parent_of_code_tables_and_formulas_too(below: str, statement: str) -> None:
    assert parents(f"Like this:\n\n{below}\n") == {"Like this:": None, statement: "Like this:"}


def test_facts_on_consecutive_lines_are_a_statement_each() -> None:
    text = "Group can only have users\nUsers can belong to multiple groups\nA user does not have to belong to a group\n"
    assert statements(text) == [("sentence", line) for line in text.strip().split("\n")]


def test_wrapped_prose_stays_together() -> None:
    text = (
        "This is a long line of prose that was wrapped at a width by\n"
        "an editor, and it goes on. A second sentence is here and is\nwrapped too.\n"
    )
    (section,) = parse(text).sections
    assert [(s.text, s.start_line, s.end_line) for s in section.statements] == [
        ("This is a long line of prose that was wrapped at a width by\nan editor, and it goes on.", 1, 2),
        ("A second sentence is here and is\nwrapped too.", 2, 3),
    ]


def test_a_hard_break_is_no_part_of_a_statement() -> None:
    assert statements("A fact\\\nAnother fact\\\nA third fact that is longer\\\n") == [
        ("sentence", "A fact"),
        ("sentence", "Another fact"),
        ("sentence", "A third fact that is longer"),
    ]


@pytest.mark.parametrize("blank", ["\\", "\u00a0"])
def test_an_item_ends_with_its_last_line_of_words(blank: str) -> None:
    text = f"- An item\n  {blank}\n"
    (statement,) = parse(text).sections[0].statements
    assert (statement.text, statement.start_line, statement.end_line) == ("An item", 1, 1)


def test_a_callouts_kind_is_no_part_of_what_it_says() -> None:
    assert statements(f"> [!warning]- Backups\n> {PROSE}\n") == [("sentence", "Backups"), ("sentence", PROSE)]
    assert statements(f"> [!NOTE]\n> {PROSE}\n") == [("sentence", PROSE)]


def test_nested_quotes_are_told_without_their_marks() -> None:
    (section,) = parse("> One.\n>\n> > Two.\n> > - three\n>\n> Four.\n").sections
    assert [(s.kind, s.text, s.start_line) for s in section.statements] == [
        ("sentence", "One.", 1),
        ("sentence", "Two.", 3),
        ("item", "three", 4),
        ("sentence", "Four.", 6),
    ]
    assert block_lines(section) == [(1, 6)]


@pytest.mark.parametrize("comment", ["<!-- no -->", "<!-- no\nnot this\n\n# nor this -->", "> <!-- no -->"])
def test_a_comment_says_nothing_and_belongs_to_a_block(comment: str) -> None:
    (section,) = parse(f"{comment}\n\nYes.\n").sections
    assert [s.text for s in section.statements] == ["Yes."]
    assert block_lines(section)[0] == (1, len(comment.split("\n")))


@pytest.mark.parametrize(
    "line", ["<p>Said</p>", "<p>Said <!-- not --></p>", "<!-- not --> Said", "<div><!-- not --><!-- nor -->Said</div>"]
)
def test_a_line_of_html_says_what_stands_outside_of_its_tags(line: str) -> None:
    assert statements(f"<br>\n{line}\n<hr/>\n") == [("sentence", line)]


def test_words_behind_the_end_of_a_comment_are_said() -> None:
    assert statements("<div>\n<!-- not\nthis --> Said\n</div>\n") == [("sentence", "this --> Said")]


def test_details_are_read_like_other_text() -> None:
    assert statements("<details>\n<summary>Why?</summary>\n\nBecause.\n\n</details>\n") == [
        ("sentence", "<summary>Why?</summary>"),
        ("sentence", "Because."),
    ]


def test_wikilinks_and_tags_are_quoted_as_they_stand() -> None:
    assert statements("See [[s3|the notes]] and ![[a.png]] #aws.\n") == [
        ("sentence", "See [[s3|the notes]] and ![[a.png]] #aws.")
    ]


@pytest.mark.parametrize("formula", ["a\n= b\n====", "a\n---", "# x", "- y\n\n> z"])
def test_nothing_within_a_formula_is_markdown(formula: str) -> None:
    text = f"$$\n{formula}\n$$\n\nAfter.\n"
    (section,) = parse(text).sections
    assert section.heading == ()
    assert statements(text) == [("math", formula), ("sentence", "After.")]
    assert block_lines(section)[0] == (1, 2 + len(formula.split("\n")))


@pytest.mark.parametrize(
    ("formula", "said", "lines"),
    [
        ("$$E = mc^2$$", "$$E = mc^2$$", (1, 1)),
        ("$$ a = b\n= c\n$$", "$$ a = b\n= c", (1, 2)),
        ("$$\na = b\n= c $$", "a = b\n= c $$", (2, 3)),
        ("$$\na\n$$ (1)", "a\n$$ (1)", (2, 3)),
        ("$$ \na\n$$ ", "a", (2, 2)),
        # In a quote or an item its words are those behind the marks; lines below stand as they are.
        ("> $$a$$", "$$a$$", (1, 1)),
        ("> $$ a\n> = b\n> $$", "$$ a\n> = b", (1, 2)),
        ("- $$a$$", "$$a$$", (1, 1)),
        ("- $$\n  a\n  $$", "  a", (2, 2)),
        ("> 2. $$ a\n>    = b $$", "$$ a\n>    = b $$", (1, 2)),
    ],
)
def test_a_line_of_a_formula_with_more_than_dollar_signs_is_part_of_it(
    formula: str, said: str, lines: tuple[int, int]
) -> None:
    text = f"{formula}\n\nAfter.\n"
    math, after = parse(text).sections[0].statements
    assert (math.kind, math.text, (math.start_line, math.end_line)) == ("math", said, lines)
    assert text[math.start : math.end] == said
    assert after.text == "After."


@pytest.mark.parametrize("mark", ["-", "*", "+", "1.", "23)", "- [ ]", "- [x]", "> -", "- -"])
def test_what_marks_an_item_is_no_part_of_it(mark: str) -> None:
    assert statements(f"{mark} Buy 3. eggs\n") == [("item", "Buy 3. eggs")]


def test_a_link_definition_says_nothing_and_belongs_to_a_block() -> None:
    text = 'See [a].\n\n[a]: https://example.com "A title"\n[b]: b.md\n'
    assert statements(text) == [("sentence", "See [a].")]
    assert block_lines(parse(text).sections[0]) == [(1, 1), (3, 4)]


@pytest.mark.parametrize("mark", [">", "> ", "- ", "1. ", "> - "])
@pytest.mark.parametrize("levels", [30, 100, 3000])
def test_deep_nesting_loses_no_line(mark: str, levels: int) -> None:
    text = "\n".join(mark * depth + f"level {depth}" for depth in (1, 2, levels - 1, levels)) + "\n\n# B\nend\n"
    sections = parse(text).sections
    headings = {line for section in sections for line in range(section.start_line, section.body_line)}
    in_blocks = [n for section in sections for start, end in block_lines(section) for n in range(start, end + 1)]
    assert len(set(in_blocks)) == len(in_blocks)
    assert headings | set(in_blocks) >= {1, 2, 3, 4, 6, 7}


@pytest.mark.parametrize("levels", [12, 30])
def test_each_level_of_a_deep_list_is_a_statement_and_a_heading_below_opens_a_section(levels: int) -> None:
    items = [f"level {depth}" for depth in range(levels)]
    text = "\n".join("  " * depth + f"- {item}" for depth, item in enumerate(items)) + "\n\n# B\nend\n"
    assert statements(text) == [*(("item", item) for item in items), ("sentence", "end")]
    assert parents(text) == {**dict(zip(items, [None, *items[:-1]], strict=True)), "end": None}
    assert [section.heading for section in parse(text).sections] == [(), ("B",)]


@pytest.mark.parametrize("odd", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_what_other_programs_take_for_a_line_end_shifts_no_line(odd: str) -> None:
    text = f"# A{odd}a\none{odd}two\n{odd}\n- three{odd}four\n\n```\nfive{odd}six\n```\n# B\nend"
    first, second = parse(text).sections
    assert [(s.text, s.start_line, s.end_line) for s in first.statements] == [
        (f"one{odd}two", 2, 2),
        (f"three{odd}four", 4, 4),
        (f"five{odd}six", 7, 7),
    ]
    assert (second.heading, second.start_line) == (("B",), 9)


def test_each_statement_is_a_slice_of_its_note_and_knows_its_lines() -> None:
    text = f"""---
title: x
---
Before: 🎓 two.  Sentences.

# A
> [!note] Titled
> quoted
> - item

1. {"An item of words. " * 12}
   wrapped
   * [ ] task\\

| a | b |
|---|---|
| 数据 | 2 |

\t code

$$
x
$$
<p>html</p>
"""
    lines = text.split("\n")
    found = [statement for section in parse(text).sections for statement in section.statements]
    assert [s.kind for s in found].count("item") == 14
    assert {s.kind for s in found} == {"sentence", "item", "header", "row", "code", "math"}
    for statement in found:
        assert text[statement.start : statement.end] == statement.text == statement.text.rstrip()
        assert text.count("\n", 0, statement.start) + 1 == statement.start_line
        assert text.count("\n", 0, statement.end) + 1 == statement.end_line
        assert statement.text in "\n".join(lines[statement.start_line - 1 : statement.end_line])


@pytest.mark.parametrize(
    "line",
    ["a" + "." * 20_000 + "b", "[" * 20_000, "[a](b) " * 10_000, "[a](#b) " * 3_000 + "end", "A word. " * 10_000],
    ids=["dots", "brackets", "links", "links to headings", "sentences"],
)
def test_a_very_long_line_is_parsed_in_time_that_grows_with_its_length(line: str) -> None:
    # Quadratic time is 4 to 10 s, linear time 0.1 s.
    before = time.process_time()
    (section,) = parse(line).sections
    assert block_lines(section) == [(1, 1)]
    assert time.process_time() - before < 2.0


def test_many_link_definitions_are_parsed_in_time_that_grows_with_their_number() -> None:
    before = time.process_time()
    (section,) = parse("\n".join(f"[{number}]: a.md" for number in range(20_000))).sections
    assert block_lines(section) == [(1, 20_000)]
    assert time.process_time() - before < 4.0
