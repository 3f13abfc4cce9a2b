from studybot.places import place, span


def test_a_place_is_a_note_with_its_line_or_lines() -> None:
    assert place("biology/cells.md", 3, 3) == "biology/cells.md:3"
    assert place("biology/cells.md", 3, 12) == "biology/cells.md:3-12"
    assert (span(3, 3), span(3, 12)) == ("3", "3-12")


def test_a_whole_note_is_named_without_lines() -> None:
    assert place("cells.md", None, None) == "cells.md"
