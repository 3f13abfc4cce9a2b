import json
from collections.abc import Callable
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.errors import QuestionSetInvalid
from studybot.evaluation import EvaluationQuestion, Evidence, evaluate, load_questions, rank_of, table
from studybot.types import Passage
from tests.conftest import CHECKOUT

GOOD = {
    "id": "k-1",
    "question": "Who was executed in 1793?",
    "kind": "fact",
    "answerable": True,
    "answers": ["Louis XVI"],
    "evidence": [{"note": "kings.md", "start_line": 3, "end_line": 3, "quote": "Louis XVI was executed in 1793."}],
}


def passage(start_line: int, end_line: int, note: str = "a.md") -> Passage:
    return Passage(f"{note}{start_line}", note, (), "", 0, start_line, end_line, ())


def question(*ranges: tuple[int, int], needs_all: bool = False) -> EvaluationQuestion:
    evidence = [Evidence(note="a.md", start_line=start, end_line=end) for start, end in ranges]
    return EvaluationQuestion(
        id="q", question="?", kind="fact", answerable=True, answers=[], evidence=evidence, needs_all_evidence=needs_all
    )


def test_a_passage_is_relevant_that_covers_half_of_the_lines() -> None:
    assert rank_of(question((10, 13)), [passage(1, 10), passage(12, 20)]) == 2
    assert rank_of(question((10, 13)), [passage(13, 20), passage(1, 9)]) is None
    assert rank_of(question((10, 10)), [passage(10, 10, "b.md"), passage(1, 10)]) == 2


def test_each_range_suffices_alone_unless_all_are_needed() -> None:
    found = [passage(30, 31), passage(1, 2), passage(10, 11)]
    assert rank_of(question((1, 2), (10, 11)), found) == 2
    assert rank_of(question((1, 2), (10, 11), needs_all=True), found) == 3
    assert rank_of(question((1, 2), (50, 51), needs_all=True), found) is None


def test_evidence_without_lines_is_the_whole_note() -> None:
    whole = EvaluationQuestion(
        id="q", question="?", kind="fact", answerable=True, answers=[], evidence=[Evidence(note="b.md")]
    )
    assert rank_of(whole, [passage(1, 2), passage(8, 9, "b.md")]) == 2


def test_a_run_gives_the_figures(bot: StudyBot) -> None:
    unanswerable = {**GOOD, "id": "k-2", "question": "Who built the bridge?", "answerable": False, "evidence": []}
    questions = [EvaluationQuestion.model_validate(row) for row in (GOOD, {**unanswerable, "answers": []})]
    report = evaluate(bot, questions)
    assert report.figures["MRR@10"].value == 1.0
    assert report.figures["answer accuracy"].value == 1.0
    assert set(report.refusals) == {"AUROC", "unanswerable refused", "answerable refused", "calibration error"}
    assert [(outcome.id, outcome.rank) for outcome in report.outcomes] == [("k-1", 1), ("k-2", None)]
    assert "MRR@10 fact" in table(report)
    assert evaluate(bot, questions) == report


def written(tmp_path: Path, *rows: object) -> Path:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((GOOD, "{not json"), "line 2: the line: Invalid JSON"),
        (({**GOOD, "colour": "red"},), "line 1: colour: Extra inputs"),
        ((GOOD, GOOD), "line 2: the id 'k-1' stands twice"),
        (({**GOOD, "answerable": False},), "has no answerable question"),
        ((), "has no answerable question"),
    ],
)
def test_a_question_file_that_cannot_be_used_is_named(tmp_path: Path, rows: tuple[object, ...], message: str) -> None:
    with pytest.raises(QuestionSetInvalid, match=message):
        load_questions(written(tmp_path, *rows))


def test_a_missing_question_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuestionSetInvalid, match="cannot be read"):
        load_questions(tmp_path / "none.jsonl")


def test_evidence_that_its_note_does_not_hold_is_named(bot: StudyBot, tmp_path: Path) -> None:
    row = {**GOOD, "evidence": [{"note": "kings.md", "start_line": 4, "end_line": 4, "quote": "Louis XVI was"}]}
    with pytest.raises(QuestionSetInvalid, match=r"question k-1: kings\.md, line 4"):
        evaluate(bot, load_questions(written(tmp_path, row)))


def test_the_projects_own_questions_quote_the_sample_notes(make_bot: Callable[..., StudyBot]) -> None:
    bot = make_bot(notes=CHECKOUT / "notes")
    bot.sync()
    report = evaluate(bot, load_questions(CHECKOUT / "eval" / "questions.jsonl"))
    assert len(report.outcomes) == 30
