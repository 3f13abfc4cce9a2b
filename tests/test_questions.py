import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from studybot.errors import QuestionSetInvalid
from studybot.questions import Evidence, Question, append, load, locate

KING = "Louis XVI was executed in 1793."
BROTHER = "His brother became king in 1814."
NOTE = ["# Kings", "", KING, BROTHER]
EVIDENCE = {"note": "kings.md", "start_line": 3, "end_line": 3, "quote": KING}
GOOD: dict[str, Any] = {
    "id": "k-1",
    "question": "Who was executed in 1793?",
    "kind": "fact",
    "answerable": True,
    "answers": ["Louis XVI"],
    "evidence": [EVIDENCE],
}
UNANSWERABLE = {**GOOD, "id": "u-1", "answerable": False, "answers": [], "evidence": []}


def question(*evidence: dict[str, Any], **fields: Any) -> Question:
    return Question.model_validate({**GOOD, "evidence": list(evidence) or [EVIDENCE], **fields})


def written(tmp_path: Path, *rows: object) -> Path:
    """Return a file with one row a line; text and bytes stand as they are."""
    file = tmp_path / "questions.jsonl"
    lines = [row if isinstance(row, str | bytes) else json.dumps(row) for row in rows]
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return file


def notes(**lines: Sequence[str]) -> Callable[[str], Sequence[str] | None]:
    return {f"{name}.md": text for name, text in lines.items()}.get


def places(*questions: Question) -> list[tuple[str, int | None, int | None]]:
    return [(e.note, e.start_line, e.end_line) for q in questions for e in q.evidence]


def test_a_file_gives_its_questions_in_order(tmp_path: Path) -> None:
    table = {**GOOD, "id": "k-2", "needs_all_evidence": True, "reference_answer": ["Louis"], "options": ["a", "b"]}
    found = load(written(tmp_path, GOOD, "", table, "  ", UNANSWERABLE, ""))
    assert [q.id for q in found] == ["k-1", "k-2", "u-1"]
    assert found[0].evidence == [Evidence(note="kings.md", start_line=3, end_line=3, quote=KING)]
    assert (found[0].needs_all_evidence, found[0].options, found[0].golds) == (False, None, ["Louis XVI"])
    assert (found[1].needs_all_evidence, found[1].options, found[1].golds) == (True, ["a", "b"], ["Louis"])
    assert (found[2].answerable, found[2].golds) == (False, [])


def test_one_reference_answer_needs_no_list(tmp_path: Path) -> None:
    one, several = ({**GOOD, "id": str(given), "reference_answer": given} for given in ("Louis", ["Louis", "he"]))
    assert [q.golds for q in load(written(tmp_path, one, several))] == [["Louis"], ["Louis", "he"]]


@pytest.mark.parametrize("separator", ["\u2028", "\x0b", "\x1e", "\x85"])
def test_only_a_newline_ends_a_line(tmp_path: Path, separator: str) -> None:
    row = json.dumps({**GOOD, "question": f"Who{separator}was it?"}, ensure_ascii=False)
    assert load(written(tmp_path, row))[0].question == f"Who{separator}was it?"
    assert load(written(tmp_path, json.dumps(GOOD) + "\r")) == [question()]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param((GOOD, "", "{not json"), "line 3: this is no JSON: ", id="malformed"),
        pytest.param((GOOD, json.dumps(GOOD)[:-1]), "line 2: this is no JSON: ", id="cut off"),
        pytest.param((b"\0\0\0",), "line 1: this is no JSON: ", id="NUL"),
        pytest.param((GOOD, [GOOD]), "line 2: Input should be a valid dictionary", id="a list"),
        pytest.param(("null",), "line 1: Input should be a valid dictionary", id="null"),
        pytest.param(({**GOOD, "colour": "red"},), "line 1: colour: Extra inputs are not permitted", id="unknown"),
        pytest.param(
            ({**GOOD, "evidence": [{**EVIDENCE, "page": 1}]},),
            r"line 1: evidence\.0\.page: Extra inputs are not permitted",
            id="unknown, of evidence",
        ),
        pytest.param(({"id": "k-1"},), "line 1: question: Field required", id="missing field"),
        pytest.param(({**GOOD, "id": 1},), "line 1: id: Input should be a valid string", id="number for text"),
        pytest.param(({**GOOD, "answerable": "perhaps"},), "line 1: answerable: Input should be", id="text for bool"),
        pytest.param(({**GOOD, "answers": "Louis"},), "line 1: answers: Input should be a valid list", id="text, list"),
        pytest.param(({**GOOD, "answers": [1793]},), r"line 1: answers\.0: Input should be a valid str", id="number"),
        pytest.param(
            ({**GOOD, "evidence": [{**EVIDENCE, "start_line": "three"}]},),
            r"line 1: evidence\.0\.start_line: Input should be a valid integer",
            id="text for a line",
        ),
        pytest.param(
            ({**GOOD, "evidence": [{**EVIDENCE, "start_line": 0}]},),
            r"line 1: evidence\.0\.start_line: Input should be greater than or equal to 1",
            id="line 0",
        ),
        pytest.param(
            ({**GOOD, "evidence": [{"note": "kings.md", "start_line": 3}]},),
            r"line 1: evidence\.0: evidence needs both start_line and end_line, or neither",
            id="only a start",
        ),
        pytest.param(
            ({**GOOD, "evidence": [{"note": "kings.md", "end_line": 3}]},),
            r"line 1: evidence\.0: evidence needs both start_line and end_line, or neither",
            id="only an end",
        ),
        pytest.param(
            ({**GOOD, "evidence": [{**EVIDENCE, "start_line": 4}]},),
            r"line 1: evidence\.0: evidence ends in line 3 before it starts in line 4",
            id="end before start",
        ),
        pytest.param(
            ({**GOOD, "evidence": [{"note": "kings.md", "quote": KING}]},),
            r"line 1: evidence\.0: a quote needs the lines that it was taken from",
            id="a quote without lines",
        ),
        pytest.param(({**GOOD, "question": "_?! …"},), "line 1: question: the question has no word", id="no word"),
        pytest.param(
            ({**GOOD, "reference_answer": 1793},),
            "line 1: reference_answer: Input should be a valid list",
            id="number for a list",
        ),
        pytest.param(
            ({**GOOD, "evidence": [EVIDENCE, {**EVIDENCE, "quote": BROTHER}], "answers": ["in 1793. His brother"]},),
            "line 1: the answer 'in 1793. His brother' is not in the quoted evidence",
            id="answer across two quotes",
        ),
        pytest.param(
            ({**GOOD, "answers": ["Louis XVI", "Louis XVIII"]},),
            "line 1: the answer 'Louis XVIII' is not in the quoted evidence",
            id="answer not in its quote",
        ),
        pytest.param(({**GOOD, "kind": "all"},), "line 1: kind: 'all' is no kind of question", id="kind all"),
        pytest.param(({**GOOD, "evidence": []},), "line 1: an answerable question needs evidence", id="no evidence"),
        pytest.param(
            ({**UNANSWERABLE, "evidence": [EVIDENCE]},),
            "line 1: a question that is not answerable has neither evidence nor answers",
            id="unanswerable, with evidence",
        ),
        pytest.param(
            ({**UNANSWERABLE, "answers": ["Louis"]},),
            "line 1: a question that is not answerable has neither evidence nor answers",
            id="unanswerable, with answers",
        ),
        pytest.param((GOOD, UNANSWERABLE, GOOD), "line 3: the id 'k-1' stands twice", id="id twice"),
        pytest.param((UNANSWERABLE,), "has no answerable question", id="none answerable"),
        pytest.param((), "has no answerable question", id="empty"),
        pytest.param(("[" * 100_000,), "line 1: this is no JSON", id="too deep"),
        pytest.param(
            # A letter that is none: trec_eval takes the process down with it.
            ({**GOOD, "id": "\ud800"},),
            "line 1: this is no JSON: 'utf-8' codec can't encode",
            id="half a letter",
        ),
        pytest.param((b"\xff\xfe{\0}\0",), "cannot be read: 'utf-8' codec can't decode", id="not UTF-8"),
    ],
)
def test_a_question_file_that_cannot_be_used_is_named(tmp_path: Path, rows: tuple[object, ...], message: str) -> None:
    with pytest.raises(QuestionSetInvalid, match=rf"questions\.jsonl,? {message}"):
        load(written(tmp_path, *rows))


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuestionSetInvalid, match=r"none\.jsonl cannot be read: .*No such file"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(QuestionSetInvalid, match="cannot be read"):
        load(tmp_path)


def test_an_answer_may_be_in_any_quote_and_is_not_looked_for_where_one_is_missing() -> None:
    other = {"note": "kings.md", "start_line": 4, "end_line": 4, "quote": BROTHER}
    assert question(EVIDENCE, other, answers=["louis XVI", "his **brother**"]).golds == ["louis XVI his **brother**"]
    assert question(EVIDENCE, {"note": "more.md"}, answers=["Robespierre"]).answers == ["Robespierre"]


@pytest.mark.parametrize(
    ("lines", "start_line"),
    [
        pytest.param(NOTE, 3, id="where it was"),
        pytest.param(["---", "---", *NOTE], 5, id="further down"),
        pytest.param([KING], 1, id="further up"),
        pytest.param([*NOTE, KING], 3, id="twice, once where it was"),
        pytest.param([KING, *NOTE[1:], KING], 3, id="three times, once where it was"),
    ],
)
def test_evidence_is_where_the_note_says_it_today(lines: list[str], start_line: int) -> None:
    (found,) = locate([question()], notes(kings=lines))
    assert found == question({**EVIDENCE, "start_line": start_line, "end_line": start_line})


def test_a_quote_of_several_lines_moves_as_a_whole() -> None:
    both = {"note": "kings.md", "start_line": 3, "end_line": 4, "quote": f"{KING}\n{BROTHER}"}
    moved = locate([question(both)], notes(kings=[KING, "", *NOTE]))
    assert places(*moved) == [("kings.md", 5, 6)]


@pytest.mark.parametrize("end_line", [3, 9])
def test_where_lines_and_quote_disagree_the_quote_is_right(end_line: int) -> None:
    both = {"note": "kings.md", "start_line": 3, "end_line": end_line, "quote": f"{KING}\n{BROTHER}"}
    assert places(*locate([question(both)], notes(kings=NOTE))) == [("kings.md", 3, 4)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param(NOTE[:2], "is not in kings.md: 'Louis XVI was executed in 1793.'", id="gone"),
        pytest.param([f"- {KING}"], "is not in kings.md: 'Louis XVI was executed in 1793.'", id="part of a line"),
        pytest.param([KING, KING, *NOTE[:2]], "stands 2 times in kings.md: 'Louis XVI", id="twice elsewhere"),
        pytest.param([], "is not in kings.md", id="an empty note"),
    ],
)
def test_a_quote_without_one_place_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(QuestionSetInvalid, match=f"^question k-1: its evidence {message}"):
        locate([question()], notes(kings=lines))


def test_a_long_quote_is_named_by_its_beginning() -> None:
    long = {**EVIDENCE, "quote": "x" * 61}
    with pytest.raises(QuestionSetInvalid, match=f"kings.md: '{'x' * 59}…'$"):
        locate([question(long, answers=[])], notes(kings=NOTE))


def test_a_missing_note_is_left_out_where_another_suffices() -> None:
    gone = {**EVIDENCE, "note": "gone.md"}
    assert places(*locate([question(gone, EVIDENCE)], notes(kings=NOTE))) == [("kings.md", 3, 3)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (question({"note": "gone.md"}), "there is no note 'gone.md' to be read"),
        (question({"note": "gone.md"}, {"note": "lost.md"}), "there is no note 'gone.md' or 'lost.md' to be read"),
        (question(EVIDENCE, {"note": "gone.md"}, needs_all_evidence=True), "there is no note 'gone.md' to be read"),
    ],
)
def test_a_missing_note_that_is_needed_is_named(asked: Question, message: str) -> None:
    with pytest.raises(QuestionSetInvalid, match=f"^question k-1: {message}$"):
        locate([asked], notes(kings=NOTE))


def test_lines_without_a_quote_must_be_there() -> None:
    lines = {"note": "kings.md", "start_line": 3, "end_line": 4}
    assert places(*locate([question(lines)], notes(kings=NOTE))) == [("kings.md", 3, 4)]
    with pytest.raises(QuestionSetInvalid, match=r"^question k-1: kings\.md has 3 lines, wanted 4$"):
        locate([question(lines)], notes(kings=NOTE[:3]))


def test_a_whole_note_and_a_question_without_evidence_stay_as_they_are() -> None:
    asked = [question({"note": "kings.md"}), Question.model_validate(UNANSWERABLE)]
    assert locate(asked, notes(kings=NOTE)) == asked
    assert [e.is_whole_note for q in asked for e in q.evidence] == [True]


def test_questions_are_appended_in_order(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    asked = [
        question(),
        question({"note": "kings.md"}, id="k-2", question="Qui ? «é»\u2028"),
        question(EVIDENCE, id="k-3", needs_all_evidence=True, reference_answer=["Louis"], yes_no="yes", options=["x"]),
        Question.model_validate(UNANSWERABLE),
    ]
    for number, one in enumerate(asked, 1):
        append(one, file)
        assert load(file) == asked[:number]
    assert "«é»" in file.read_text(encoding="utf-8")
    assert file.read_bytes().count(b"\n") == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["mine.jsonl"]


def test_what_a_file_holds_is_kept_when_a_question_is_appended(tmp_path: Path) -> None:
    file = written(tmp_path, '{"kind":"fact", ' + json.dumps(GOOD)[1:])
    before = file.read_bytes()
    append(question(id="k-2"), file)
    assert file.read_bytes() == before + b"\n" + json.dumps({**GOOD, "id": "k-2"}).encode() + b"\n"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((GOOD, ""), "already has a question 'k-1'"),
        (("{not json",), "line 1: this is no JSON"),
        ((b"\xff",), "cannot be read"),
    ],
)
def test_a_refused_question_leaves_the_file_as_it_was(tmp_path: Path, rows: tuple[object, ...], message: str) -> None:
    file = written(tmp_path, *rows)
    before = file.read_bytes()
    with pytest.raises(QuestionSetInvalid, match=message):
        append(question(), file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(QuestionSetInvalid, match=r"mine\.jsonl cannot be written: No such file or directory"):
        append(question(), tmp_path / "no folder" / "mine.jsonl")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(QuestionSetInvalid, match="cannot be read"):
        append(question(), tmp_path)


@pytest.mark.parametrize("name", ["a file/mine.jsonl", "n" * 300])
def test_a_name_that_can_be_no_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(QuestionSetInvalid, match=r"cannot be (written|used)"):
        append(question(), tmp_path / name)


@pytest.mark.parametrize("rows", [(), (UNANSWERABLE,)])
def test_a_file_without_an_answerable_question_takes_its_first(tmp_path: Path, rows: tuple[object, ...]) -> None:
    file = written(tmp_path, *rows)
    append(question(), file)
    assert [q.id for q in load(file)] == [*(row["id"] for row in rows if isinstance(row, dict)), "k-1"]
