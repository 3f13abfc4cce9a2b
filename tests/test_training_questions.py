"""The questions that the encoder learns from stand where they say, in the notes that they are about."""

from pathlib import Path

import pytest

from studybot.metrics import contains_all
from studybot.notes import read_note
from studybot.questions import load, locate
from tests.conftest import CHECKOUT, SHARED

TRAINING = CHECKOUT / "eval" / "training"
SHELVES = sorted(folder.name for folder in TRAINING.iterdir() if folder.is_dir())
OTHERS = sorted(file.stem for file in TRAINING.glob("*.jsonl") if file.stem not in SHELVES)


def assert_found(name: str, notes: Path) -> None:
    asked = load(TRAINING / f"{name}.jsonl")

    def lines_of(note: str) -> list[str]:
        return read_note(notes, note).text.split("\n")

    assert locate(asked, lines_of) == asked
    for question in asked:
        texts = [
            "\n".join(lines_of(evidence.note)[evidence.start_line - 1 : evidence.end_line])
            for evidence in question.evidence
            if evidence.start_line and evidence.end_line
        ]
        assert contains_all("\n".join(texts), question.answers), question.id


@pytest.mark.parametrize("name", SHELVES)
def test_questions_over_notes_of_the_project_are_answered_where_they_say(name: str) -> None:
    assert_found(name, TRAINING / name)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared documents are not here")
@pytest.mark.parametrize("name", OTHERS)
def test_questions_over_other_documents_are_answered_where_they_say(name: str) -> None:
    data = SHARED / "data"
    places = (data / name / "notes", data / name, data / "real-notes" / name)
    assert_found(name, next(place for place in places if place.is_dir()))
