import pytest

from studybot.folding import key, wording
from studybot.types import Place


def place(note: str = "n.md", heading: tuple[str, ...] = ("Top", "Limits")) -> Place:
    return Place(note, heading, 1, 2)


FACT = "A message is kept for 4 days"


@pytest.mark.parametrize(
    "text",
    [
        "a message  is KEPT\nfor 4 days",
        "- A **message** is kept for `4` days",
        "> A message is kept\n> for 4 days",
        "  * A message is *kept for 4 days*",
    ],
)
def test_case_white_space_and_marks_make_no_difference(text: str) -> None:
    assert key(place(), text) == key(place("other.md", ("Else",)), FACT)


@pytest.mark.parametrize(
    "text",
    [
        "A message is kept for 5 days",
        "A message is kept for 14 days",
        "A note is kept for 4 days",
        "A message is not kept for 4 days",
        "A message is kept for 4 days each",
        "A [message](a.md) is kept for 4 days",
    ],
)
def test_one_number_or_word_makes_a_difference(text: str) -> None:
    assert key(place(), text) != key(place(), FACT)


def test_signs_between_letters_and_digits_are_no_marks() -> None:
    assert wording("2*3 is not 23, 2**3 is 8, snake_case and __init__") == (
        "2*3 is not 23, 2**3 is 8, snake_case and __init__"
    )
    assert wording("x -5 - 6") == "x -5 - 6"


def test_short_texts_say_the_same_only_under_the_same_headings_and_names() -> None:
    assert key(place(), "- 5 GB") == key(place("old/n.txt", ("Top", "**limits**")), "5 GB")
    assert key(place(), "- 5 GB") != key(place(heading=("Top", "Prices")), "- 5 GB")
    assert key(place(), "- 5 GB") != key(place("m.md"), "- 5 GB")
    assert key(place(heading=()), "") == key(place(heading=()), "\n")
