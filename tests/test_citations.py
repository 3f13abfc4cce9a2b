import pytest

from studybot.chunking import passages
from studybot.citations import Found, cite, find, read, write
from studybot.errors import CitationInvalid
from studybot.markdown import parse
from studybot.types import Citation, Note, Passage
from tests.word_encoder import WordEncoder

TEXT = "# Tea\n\n- Green tea: 80 °C\n- Black tea: 95 °C\n\n# Coffee\n\n- Filter: 92 °C\n"


def cut(text: str) -> list[Passage]:
    encoder = WordEncoder()
    return passages(Note("hot drinks/☕.md", text, "", "utf-8"), parse(text), encoder.count_tokens, encoder.max_tokens)


def what_became_of(citation: Citation, text: str) -> Found:
    return find(citation, text, parse(text), cut(text))


def test_a_citation_is_read_as_it_was_written() -> None:
    citation = cite(cut(TEXT)[0])
    assert (citation.note, citation.start_line, citation.end_line) == ("hot drinks/☕.md", 3, 4)
    assert read(write(citation)) == citation
    assert all(letter.isalnum() or letter in "._-" for letter in write(citation))


@pytest.mark.parametrize(
    "text", ["", "x", "YQ.1-2.0123456789abcdef", "YQ.2-1.0123456789abcdef.01234567", "_w.1-2.0123456789abcdef.01234567"]
)
def test_what_is_no_citation_is_refused(text: str) -> None:
    with pytest.raises(CitationInvalid, match="is no citation"):
        read(text)


def test_an_unchanged_passage_is_current() -> None:
    found = what_became_of(cite(cut(TEXT)[0]), TEXT)
    assert (found.state, found.start_line, found.end_line) == ("current", 3, 4)
    assert found.text == "- Green tea: 80 °C\n- Black tea: 95 °C"


def test_a_passage_below_new_lines_has_moved() -> None:
    found = what_became_of(cite(cut(TEXT)[0]), "Drinks.\n\n" + TEXT)
    assert (found.state, found.start_line, found.end_line) == ("moved", 5, 6)


def test_of_two_places_that_say_the_same_the_nearest_is_meant() -> None:
    assert what_became_of(cite(cut(TEXT)[0]), TEXT + "\n# Again\n\n" + TEXT).start_line == 3


def test_a_rewritten_passage_has_changed_and_its_section_is_told() -> None:
    found = what_became_of(cite(cut(TEXT)[0]), TEXT.replace("80", "75"))
    assert (found.state, found.start_line, found.end_line) == ("changed", 1, 4)
    assert found.text == "# Tea\n\n- Green tea: 75 °C\n- Black tea: 95 °C"


def test_a_passage_whose_section_is_gone_has_no_lines() -> None:
    found = what_became_of(cite(cut(TEXT)[0]), "# Coffee\n\n- Filter: 92 °C\n")
    assert (found.state, found.start_line, found.text) == ("changed", None, None)


def test_a_part_of_a_long_line_is_found_again() -> None:
    text = "# Long\n\n" + " ".join(f"word{number}" for number in range(200)) + "\n"
    part = cut(text)[1]
    assert part.start_line == part.end_line == 3
    assert what_became_of(cite(part), text).state == "current"
    assert what_became_of(cite(part), "Above.\n\n" + text).state == "moved"
