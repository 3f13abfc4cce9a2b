import pytest

from studybot.sentences import paragraph_spans


def sentences(text: str, *, whole: bool = False) -> list[str]:
    lines = text.split("\n")
    contents = [(number, 0, len(line)) for number, line in enumerate(lines, start=1)]
    found = []
    for (first, start), (last, end) in paragraph_spans(lines, contents, whole=whole):
        # The last line is cut first: a sentence within one line is cut at both ends.
        pieces = [*lines[first - 1 : last - 1], lines[last - 1][:end]]
        found.append("\n".join([pieces[0][start:], *pieces[1:]]))
    return found


@pytest.mark.parametrize(
    "wanted",
    [
        ["One.", "Two!", "Three?", "Four…", "Really?!", "Yes"],
        ["It ended.", "(It ended.)", "[It ended.]", "**It ended.**", "_It ended._", "Next."],
        ['He said "stop."', "He said 'stop.'", "“Stop.”", "‘Stop.’", "Then he left."],
        ["Node.js is a file.", "Visit example.com.", "OK"],
        ["“好！”", "他说。"],
    ],
)
def test_a_sentence_ends_at_its_mark_with_what_closes_behind_it(wanted: list[str]) -> None:
    assert sentences(" ".join(wanted)) == wanted


@pytest.mark.parametrize(
    "sentence",
    [
        "Use e.g. S3, i.e. Amazon's storage.",
        "Dr. Smith and Prof. Lee vs. Mr. Jones (approx. 3 PM).",
        "See Fig. 3, No. 5, Vol. 2 and pp. 7 of U.S. Army etc. and etc. Manuals.",
        "J. R. R. Tolkien wrote it.",
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence: str) -> None:
    assert sentences(f"{sentence} Next one.") == [sentence, "Next one."]


def test_a_point_within_a_number_ends_no_sentence() -> None:
    assert sentences("It has 3.5 GB of memory. Version 1.2.3 has .5 too.") == [
        "It has 3.5 GB of memory.",
        "Version 1.2.3 has .5 too.",
    ]


@pytest.mark.parametrize("code", ["`a. B`", "``a. `B` c. D``", "`Stop! Now?`"])
def test_a_full_stop_within_code_ends_no_sentence(code: str) -> None:
    assert sentences(f"Call {code} now. Done.") == [f"Call {code} now.", "Done."]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("数据库。索引！“好。”下一个？", ["数据库。", "索引！", "“好。”", "下一个？"]),
        ("ما هذا؟ هنا ردّ۔ نعم", ["ما هذا؟", "هنا ردّ۔", "نعم"]),
        ("यह है। वह है।", ["यह है।", "वह है।"]),
    ],
    ids=["Chinese", "Arabic", "Hindi"],
)
def test_other_scripts_have_their_own_marks(text: str, wanted: list[str]) -> None:
    assert sentences(text) == wanted


def test_a_lower_case_word_begins_no_sentence() -> None:
    assert sentences("It costs 5 dol. a month. Next.") == ["It costs 5 dol. a month.", "Next."]


def test_white_space_at_either_end_belongs_to_no_sentence() -> None:
    assert sentences("  One.\u00a0 Two.\t ") == ["One.", "Two."]


def test_lines_that_the_writer_broke_by_choice_are_a_sentence_each() -> None:
    lines = [
        "Group can only have users",
        "Users can belong to multiple groups",
        "A user does not have to belong to a group",
    ]
    assert sentences("\n".join(lines)) == lines


def test_lines_that_were_wrapped_at_a_width_stay_one_text() -> None:
    text = "This line goes on as far as the width of the text lets it,\nGoogle included. The next sentence\nis here."
    assert sentences(text) == [
        "This line goes on as far as the width of the text lets it,\nGoogle included.",
        "The next sentence\nis here.",
    ]


def test_a_line_that_begins_in_lower_case_goes_on() -> None:
    assert sentences("a user\nand a group\nof users that is longer than both") == [
        "a user\nand a group\nof users that is longer than both"
    ]


def test_a_short_item_stays_whole() -> None:
    forty_words = "An item. " * 20
    assert sentences(forty_words.strip(), whole=True) == [forty_words.strip()]


def test_an_item_of_more_than_forty_words_is_split() -> None:
    forty_two_words = "An item. " * 21
    assert sentences(forty_two_words.strip(), whole=True) == ["An item."] * 21


def test_an_item_ends_with_its_words_though_white_space_follows() -> None:
    assert sentences("An item.\n\u00a0", whole=True) == ["An item."]
