from collections.abc import Sequence
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.headings import Heading, completions, examples, headings, matching


def known(*titles: str) -> list[Heading]:
    return [Heading(title, "a.md", 1, f" {' '.join(title.lower().split())} ") for title in titles]


def completed(typed: str, *titles: str, most: int = 8) -> list[str]:
    return [one.text for one in completions(typed, known(*titles), most)]


def test_headings_are_found_once_each_with_the_first_note_and_without_numbering(bot: StudyBot, notes: Path) -> None:
    (notes / "later.md").write_text(
        "# 1. Cells\n\nOnce more.\n\n## 1.2 Walls\n\nOf plants.\n\n# 1984 in books\n\nOne.\n\n# ???\n\nTwo.\n",
        encoding="utf-8",
    )
    bot.sync()
    found = headings(bot.lookup().store.database)
    assert [(one.title, one.note, one.depth) for one in found] == [
        ("Cells", "biology/cells.md", 1),
        ("Mitochondria", "biology/cells.md", 2),
        ("Sizes", "biology/cells.md", 2),
        ("Kings", "kings.md", 1),
        ("Walls", "later.md", 2),
        ("1984 in books", "later.md", 1),
    ]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("vis", ["Visibility Timeout", "Queue Visibility"]),
        ("VIS", ["Visibility Timeout", "Queue Visibility"]),
        ("How long is the vis", ["How long is the Visibility Timeout", "How long is the Queue Visibility"]),
        ("How long is queue vis", ["How long is Queue Visibility", "How long is queue Visibility Timeout"]),
        ("visibility ", ["Visibility Timeout", "Queue Visibility"]),
        ("vis ", []),
        ("isib", []),
        ("v", []),
        ("What is the", []),
        ("Visibility Timeout", []),
        ("How long is the visibility timeout", []),
        ("", []),
        (" ?!", []),
        ("How long is the vis?", []),
    ],
)
def test_a_heading_completes_the_last_words(typed: str, expected: Sequence[str]) -> None:
    assert completed(typed, "Queue Visibility", "The Theory", "Visibility Timeout") == expected


def test_a_word_that_any_question_may_hold_begins_no_heading() -> None:
    assert completed("What is the theory of", "The Theory of Everything") == ["What is the The Theory of Everything"]
    assert completed("What is of", "Of Mice") == []


def test_no_more_headings_than_wanted_complete() -> None:
    assert completed("ki", "Kings", "Kinds", "Kin", most=2) == ["Kin", "Kinds"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("when", ["When was Louis XVI executed?", "Who was king when Napoleon was born?"]),
        ("lou exec", []),
        ("louis exec", ["When was Louis XVI executed?"]),
        ("king ", ["Who was king when Napoleon was born?"]),
        ("kin ", []),
        ("When was Louis XVI executed", []),
        ("w", []),
        ("?", []),
        ("", []),
    ],
)
def test_a_question_asked_before_is_found_by_its_words(typed: str, expected: list[str]) -> None:
    asked = ["Who was king when Napoleon was born?", "When was Louis XVI executed?"]
    assert matching(typed, asked, 8) == expected


def test_no_more_questions_than_wanted_match() -> None:
    assert matching("king", ["Which king?", "What king?", "King who?"], 2) == ["King who?", "Which king?"]


def test_examples_are_short_headings_of_different_notes_and_not_their_titles() -> None:
    found = examples(
        [
            Heading("Cells", "cells.md", 1, " cells "),
            Heading("Walls", "cells.md", 2, " walls "),
            Heading("W" * 61, "cells.md", 2, " w "),
            Heading("Kings", "kings.md", 1, " kings "),
            Heading("L" * 61, "long.md", 1, " l "),
        ],
        3,
    )
    assert {one.title for one in found} == {"Walls", "Kings"}
    assert len(examples(known("Kings", "Kinds"), 3)) == 1
