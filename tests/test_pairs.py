from collections.abc import Callable
from pathlib import Path

import pytest

from studybot.errors import QuestionSetInvalid
from studybot.pairs import Pair, mined
from studybot.questions import Evidence, Question
from tests.word_encoder import WordEncoder

MEMBRANES = """# Cells

## Membranes

- They have two membranes:
  - the outer one is smooth
  - the inner one is folded into cristae

## Folds

The inner membrane of plants is folded, too.
"""
KINGS = "# Kings\n\nLouis XVI was executed in 1793.\nHis brother became king in 1814.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cells.md").write_text(MEMBRANES, encoding="utf-8")
    (tmp_path / "kings.md").write_text(KINGS, encoding="utf-8")
    return tmp_path


def asked(text: str, *evidence: Evidence, answers: tuple[str, ...] = ()) -> Question:
    return Question(
        id="q", question=text, kind="fact", answerable=bool(evidence), answers=list(answers), evidence=list(evidence)
    )


@pytest.fixture
def mine(folder: Path, encoder: WordEncoder) -> Callable[..., list[Pair]]:
    def run(*questions: Question) -> list[Pair]:
        return mined(folder, questions, encoder, lambda line: None)

    return run


CRISTAE = Evidence(note="cells.md", start_line=7, end_line=7)


def test_a_passage_and_a_statement_are_learned_as_an_index_embeds_them(mine: Callable[..., list[Pair]]) -> None:
    membranes = Evidence(note="cells.md", start_line=5, end_line=7)
    passage, statement = mine(asked("What is folded into cristae?", membranes, answers=("inner",)))
    assert (passage.kind, statement.kind) == ("passage", "statement")
    assert passage.positive.startswith("Cells > Membranes\n")
    assert "folded into cristae" in passage.positive
    # With the item above it, without which nobody knows what is meant.
    assert statement.positive == "Cells > Membranes\nThey have two membranes:\nthe inner one is folded into cristae"


def test_what_does_not_answer_comes_with_the_nearest_first(mine: Callable[..., list[Pair]]) -> None:
    membranes = Evidence(note="cells.md", start_line=5, end_line=7)
    passage, _ = mine(asked("Which membrane is folded into cristae?", membranes, answers=("inner",)))
    assert [text.split("\n")[0] for text in passage.negatives] == ["Cells > Folds", "Kings"]


def test_no_wrong_passage_overlaps_evidence(mine: Callable[..., list[Pair]]) -> None:
    either = Evidence(note="cells.md", start_line=11, end_line=11)
    membranes = Evidence(note="cells.md", start_line=5, end_line=7)
    found = mine(asked("What is folded?", membranes, either))
    passages = [pair for pair in found if pair.kind == "passage"]
    assert [pair.positive.split("\n")[0] for pair in passages] == ["Cells > Membranes", "Cells > Folds"]
    assert all(text.startswith("Kings") for pair in passages for text in pair.negatives)


def test_a_statement_beside_the_evidence_is_one_that_does_not_answer(mine: Callable[..., list[Pair]]) -> None:
    found = mine(asked("What is smooth?", Evidence(note="cells.md", start_line=5, end_line=6), answers=("outer",)))
    statement = next(pair for pair in found if pair.kind == "statement")
    assert statement.positive.endswith("the outer one is smooth")
    assert any(text.endswith("cristae") for text in statement.negatives)


def test_lines_of_one_note_are_no_evidence_in_another(mine: Callable[..., list[Pair]]) -> None:
    membranes, king = (
        Evidence(note="cells.md", start_line=3, end_line=7),
        Evidence(note="kings.md", start_line=3, end_line=3),
    )
    found = mine(asked("Whose brother became king in 1814?", membranes, king))
    # Line 4 of the note on kings is not evidence, although line 4 of the other note is.
    (said,) = (pair for pair in found if pair.kind == "statement")
    assert said.positive == "Kings\nLouis XVI was executed in 1793."
    assert "Kings\nHis brother became king in 1814." in said.negatives


def test_where_only_the_note_is_known_the_passage_with_the_answer_is_taken(mine: Callable[..., list[Pair]]) -> None:
    found = mine(asked("Where is the membrane of plants?", Evidence(note="cells.md"), answers=("folded, too",)))
    assert found
    assert all(pair.is_weak for pair in found)
    assert found[0].positive.startswith("Cells > Folds")
    assert all("Cells" not in text for pair in found for text in pair.negatives)


def test_a_note_that_does_not_hold_the_answer_teaches_nothing(mine: Callable[..., list[Pair]]) -> None:
    assert mine(asked("Which membrane of plants is folded?", Evidence(note="cells.md"), answers=("xylem",))) == []


def test_questions_that_the_notes_do_not_answer_teach_nothing(mine: Callable[..., list[Pair]]) -> None:
    assert mine(asked("Who was the last tsar?")) == []


def test_evidence_that_is_gone_is_an_error(mine: Callable[..., list[Pair]]) -> None:
    with pytest.raises(QuestionSetInvalid, match="its evidence is not in"):
        mine(asked("?q", Evidence(note="cells.md", start_line=1, end_line=1, quote="Cell walls")))
