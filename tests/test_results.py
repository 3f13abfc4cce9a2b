from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from studybot import chunking, fitted, results
from studybot.ablation import Ablation
from studybot.bootstrap import Figure
from studybot.bot import StudyBot
from studybot.errors import ResultInvalid
from studybot.evaluation import evaluate, figures
from studybot.questions import ALL, Evidence, Question
from studybot.results import AblationResult, Result
from tests.conftest import CELLS, KINGS
from tests.test_comparison import outcome
from tests.word_encoder import WordEncoder

EXECUTED, BECAME = KINGS.split("\n")[2:4]
ASKED = [
    Question(
        id="k-1",
        question="Who was executed in 1793?",
        kind="fact",
        answerable=True,
        answers=["Louis XVI"],
        evidence=[Evidence(note="kings.md", start_line=3, end_line=3, quote=EXECUTED)],
    ),
    Question(
        id="k-2",
        question="Who became king in 1814?",
        kind="list",
        answerable=True,
        answers=["His brother"],
        evidence=[Evidence(note="kings.md", start_line=4, end_line=4, quote=BECAME)],
    ),
    # The heading's own line is in no passage.
    Question(
        id="k-3",
        question="What are Kings?",
        kind="fact",
        answerable=True,
        answers=[],
        evidence=[Evidence(note="kings.md", start_line=1, end_line=1)],
    ),
    Question(id="n-1", question="Who built the bridge?", kind="none", answerable=False, answers=[], evidence=[]),
]


def result_of(bot: StudyBot) -> Result:
    return results.result_of(evaluate(bot, ASKED, "kings.jsonl"), bot)


def test_a_result_tells_what_was_measured_and_with_what(bot: StudyBot) -> None:
    found = result_of(bot)
    assert (found.questions, found.n, found.unreachable, found.missing) == ("kings.jsonl", 4, ("k-3",), ())
    assert found.notes == {"notes": 2, "passages": 4, "statements": 10}
    # Nothing is refused, as the confidence was fitted for another model.
    pipeline = {
        "model": "words:1",
        "window": "64 tokens",
        "chunking": f"version {chunking.VERSION}",
        "refused below": "0",
    }
    versions = ["studybot", "sentence-transformers", "torch", "onnxruntime", "faiss-cpu", "numpy", "SQLite", "Python"]
    assert list(found.environment) == [*pipeline, *versions, "machine"]
    assert {name: found.environment[name] for name in pipeline} == pipeline
    assert [one.id for one in found.outcomes] == ["k-1", "k-2", "k-3", "n-1"]
    assert list(found.figures) == [ALL, "fact", "list", "none"]
    # The one passage of kings.md is the best one for both questions; k-3 has no relevant one.
    assert found.figures[ALL]["MRR@10"].value == pytest.approx(2 / 3)
    assert found.figures["fact"]["MRR@10"].value == pytest.approx(1 / 2)


def test_a_result_tells_below_which_confidence_is_refused(
    bot: StudyBot, make_bot: Callable[..., StudyBot], encoder: WordEncoder
) -> None:
    shipped = fitted.load()
    learned = replace(shipped, pipeline=bot.pipeline, confidence=replace(shipped.confidence, threshold=0.125))
    assert results.environment(StudyBot(bot.settings, encoder, learned))["refused below"] == "0.125"
    assert results.environment(make_bot(min_confidence=0.5))["refused below"] == "0.5"


def test_a_result_names_the_notes_that_are_not_there(bot: StudyBot) -> None:
    gone = Evidence(note="gone.md", start_line=1, end_line=1)
    asked = [ASKED[0].model_copy(update={"evidence": [*ASKED[0].evidence, gone]})]
    found = results.result_of(evaluate(bot, asked, "kings.jsonl"), bot)
    assert (found.missing, found.unreachable) == (("gone.md",), ())
    assert results.table(found).startswith(
        "Notes that are not there, so that other evidence has to do: gone.md\n\nMRR@10 "
    )


def test_the_same_questions_over_the_same_notes_give_the_same_bytes(
    bot: StudyBot, make_bot: Callable[..., StudyBot], tmp_path: Path
) -> None:
    another = make_bot(index=tmp_path / "another")
    another.sync()
    assert results.as_json(result_of(bot)) == results.as_json(result_of(bot)) == results.as_json(result_of(another))


def test_a_result_holds_no_text_of_notes_or_questions(bot: StudyBot) -> None:
    written = results.as_json(result_of(bot)).casefold()
    said = [question.question for question in ASKED] + [answer for question in ASKED for answer in question.answers]
    said += [line for line in f"{CELLS}\n{KINGS}".split("\n") if line]
    assert [text for text in said if text.casefold() in written] == []
    assert "kings.md" not in written


def test_a_result_comes_back_as_it_was_written(bot: StudyBot, tmp_path: Path) -> None:
    found, file = result_of(bot), tmp_path / "new" / "folder" / "result.json"
    results.write(found, file)
    assert results.read(file) == found
    assert file.read_text(encoding="utf-8") == results.as_json(found)
    assert [path.name for path in file.parent.iterdir()] == ["result.json"]


ABLATED = AblationResult("kings.jsonl", 1, {}, (Ablation("+ words", {"MRR@10": Figure(1 / 3, 0.1, 0.5, 1)}, 15, 14),))


def test_an_ablation_comes_back_as_it_was_written(tmp_path: Path) -> None:
    results.write(ABLATED, tmp_path / "ablations.json")
    assert results.read_ablation(tmp_path / "ablations.json") == ABLATED


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file: Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (b"\xff\xfe", "the file: Invalid JSON: expected value at line 1 column 1"),
        (b"[1, 2]", "the file: Input should be an object"),
        (b'{"name": "left-pad"}', "questions: Field required"),
        (results.as_json(ABLATED).encode(), "notes: Field required"),
    ],
)
def test_a_file_that_is_no_result_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(content)
    with pytest.raises(ResultInvalid) as raised:
        results.read(file)
    assert str(raised.value) == f"{file} is no result of `studybot eval --save`: {problem}"


def test_a_part_of_a_result_that_is_wrong_is_named(bot: StudyBot, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    results.write(result_of(bot), file)
    with pytest.raises(ResultInvalid, match=r"result\.json is no .*: ways: Field required$"):
        results.read_ablation(file)
    file.write_text(file.read_text(encoding="utf-8").replace('"MRR@10": 1.0', '"MRR@10": "best"', 1), encoding="utf-8")
    with pytest.raises(ResultInvalid, match=r": outcomes\.0\.measures\.MRR@10: Input should be a valid number"):
        results.read(file)


def test_what_cannot_be_read_or_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ResultInvalid, match=r"missing\.json cannot be read: No such file or directory$"):
        results.read(tmp_path / "missing.json")
    with pytest.raises(ResultInvalid, match=r"cannot be read: Is a directory$"):
        results.read(tmp_path)
    taken = tmp_path / "taken"
    taken.write_text("kept", encoding="utf-8")
    for file in (taken / "result.json", taken / "folder" / "result.json", tmp_path):
        with pytest.raises(ResultInvalid, match=f"^{file} cannot be written: "):
            results.write(ABLATED, file)
    assert list(tmp_path.iterdir()) == [taken]
    assert taken.read_text(encoding="utf-8") == "kept"


def test_a_folder_is_no_file_to_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # It has no name that a draft beside it could be called by.
    with pytest.raises(ResultInvalid, match=r"^\. cannot be written: Is a directory$"):
        results.write(ABLATED, Path())
    assert list(tmp_path.iterdir()) == []


def test_figures_are_told_in_a_table() -> None:
    outcomes = (
        outcome("a", {"MRR@10": 1.0, "hit@5": 1.0}),
        outcome("b", {"MRR@10": 1.0, "hit@5": 1.0}),
        outcome("c", {"MRR@10": 0.0, "hit@5": 0.0}, kind="typo"),
        outcome("d", {"answer words": 12.0}, kind="none"),
    )
    # One in 27 resamples of three questions has the third one only: 3.7 %, more than the 2.5 % below the interval.
    shown = results.table(Result("q.jsonl", 4, {}, {}, ("c", "e"), ("a.md", "b.md"), figures(outcomes), outcomes))
    assert [line.rstrip() for line in shown.split("\n")] == [
        "No passage holds the evidence of: c, e",
        "",
        "Notes that are not there, so that other evidence has to do: a.md, b.md",
        "",
        "MRR@10                         0.667   [0.000, 1.000]   n=3",
        "hit@5                          0.667   [0.000, 1.000]   n=3",
        "answer words                  12.000   [12.000, 12.000]   n=1",
        "",
        "by kind                 n            MRR@10                       hit@5                  answer accuracy",
        "fact                    2     1.000 [1.000, 1.000]        1.000 [1.000, 1.000]",
        "typo                    1     0.000 [0.000, 0.000]        0.000 [0.000, 0.000]",
    ]
