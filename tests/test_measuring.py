import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Done

from studybot import ablation, comparison, fitted, measuring, questions, results
from studybot.bot import StudyBot
from studybot.cli import app
from studybot.errors import QuestionSetInvalid, ResultInvalid
from studybot.measuring import Collection, QuestionFile, Show, Wanted
from tests.test_ablation import WAYS
from tests.word_encoder import WordEncoder

Run = Callable[..., Done]

QUESTION = "Who was executed in 1793?"
EXECUTED = {
    "id": "k-1",
    "question": QUESTION,
    "kind": "fact",
    "answerable": True,
    "answers": ["Louis XVI"],
    "evidence": [{"note": "kings.md", "start_line": 3, "end_line": 3, "quote": "Louis XVI was executed in 1793."}],
}
# A note that says all that the question says, so that it is found before the one that answers.
IN_THE_WAY = f"# {QUESTION}\n\n{QUESTION}\n"
PLANETS = "# Planets\n\nVenus is the hottest planet.\n"
HOTTEST = {
    "id": "p-1",
    "question": "Which planet is the hottest?",
    "kind": "fact",
    "answerable": True,
    "answers": ["Venus"],
    "evidence": [{"note": "planets.md", "start_line": 3, "end_line": 3}],
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return where a student's own index lies, or would."""
    return tmp_path / "own"


@pytest.fixture
def run(own: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs the command with the double."""
    monkeypatch.setattr("studybot.encoding.SentenceEncoder", lambda model: WordEncoder())
    monkeypatch.setenv("STUDYBOT_INDEX", str(own))
    return lambda *words, typed=None: CliRunner().invoke(app, list(map(str, words)), input=typed)


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Return a file of one question about the notes."""
    return written(tmp_path / "kings.jsonl", EXECUTED)


@pytest.fixture
def planets(tmp_path: Path) -> Path:
    """Return a folder of other notes."""
    folder = tmp_path / "planets"
    folder.mkdir()
    (folder / "planets.md").write_text(PLANETS, encoding="utf-8")
    return folder


def written(file: Path, *rows: Any) -> Path:
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return file


def gate(folder: Path, kept: Path, floor: float) -> Path:
    entry = {"result": str(kept), "floors": {"MRR@10": floor}}
    return Path(written(folder / "gate.json", {"kings.jsonl": entry}))


def one_line_error(done: Done) -> str:
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    *before, error = done.stderr.splitlines()
    # What the sync did is told before, and nothing else.
    assert all(" passages, " in line for line in before)
    assert error.startswith("studybot: ")
    return error


def paths(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_figures_are_printed_and_kept_and_the_same_each_time(
    run: Run, notes: Path, asked: Path, tmp_path: Path
) -> None:
    table = run("eval", asked, "--notes", notes, "--save", tmp_path / "kept.json")
    found = results.read(tmp_path / "kept.json")
    assert (table.exit_code, table.stdout) == (0, f"{results.table(found)}\n")
    assert table.stderr.startswith("2 notes, 4 passages, 10 statements (2 added, ")
    assert table.stdout.startswith("MRR@10                         1.000   [1.000, 1.000]   n=1\n")
    assert (found.questions, found.n, found.notes["passages"]) == ("kings.jsonl", 1, 4)
    first, second = (run("eval", asked, "--notes", notes, "--json") for _ in range(2))
    assert first.stdout == second.stdout == (tmp_path / "kept.json").read_text(encoding="utf-8")
    assert json.loads(first.stdout)["figures"]["all"]["answer accuracy"]["value"] == 1.0
    assert first.stderr.endswith(table.stdout)


def test_a_run_is_compared_with_a_kept_one_and_judged_by_the_gate(
    run: Run, notes: Path, asked: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    assert run("eval", asked, "--notes", notes, "--save", kept).exit_code == 0
    assert run("eval", asked, "--notes", notes, "--gate", gate(tmp_path, kept, 1.0)).exit_code == 0
    (notes / "a.md").write_text(IN_THE_WAY, encoding="utf-8")

    # MRR@10 is 1/2 now.
    done = run("eval", asked, "--notes", notes, "--against", kept, "--gate", gate(tmp_path, kept, 0.5))
    after = run("eval", asked, "--notes", notes, "--save", tmp_path / "after.json")
    differences = comparison.compare(*(results.read(tmp_path / f"{name}.json").outcomes for name in ("kept", "after")))
    assert differences["MRR@10"].difference.value == -0.5
    compared = f"against {kept}:\n{comparison.table(differences)}\n"
    told = "the gate: open\nworse than before: k-1: MRR@10 1.000 -> 0.500\n"
    assert done.stdout.startswith(after.stdout + compared + told)
    assert done.exit_code == 0

    done = run("eval", asked, "--notes", notes, "--gate", gate(tmp_path, kept, 0.51), "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["figures"]["all"]["MRR@10"]["value"] == 0.5
    assert "below its floor: MRR@10 0.5000, wanted 0.5100\nworse than before: k-1: " in done.stderr


def test_what_to_compare_with_is_looked_for_before_asking(run: Run, notes: Path, asked: Path, tmp_path: Path) -> None:
    done = run("eval", asked, "--notes", notes, "--against", tmp_path / "lost.json", "--save", tmp_path / "kept.json")
    assert "lost.json cannot be read: No such file or directory" in one_line_error(done)
    assert (done.stdout, (tmp_path / "kept.json").exists()) == ("", False)


def test_a_result_of_other_questions_is_refused_before_asking(
    bot: StudyBot, encoder: WordEncoder, asked: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    told: list[tuple[str, int, int]] = []

    @contextmanager
    def progress() -> Iterator[Show]:
        yield lambda stage, done, total: told.append((stage, done, total))

    known = measuring.loaded(asked)
    other = QuestionFile("other.jsonl", tuple(one.model_copy(update={"id": "o-1"}) for one in known.questions))
    kept = tmp_path / "kept.json"
    result, _ = measuring.measure(Collection(known, bot), Wanted(save=kept), said.append, progress)
    assert (said, told, results.read(kept)) == ([results.table(result)], [("asking", 1, 1)], result)

    said.clear()
    encoder.encoded.clear()
    with pytest.raises(
        ResultInvalid, match=r"kept\.json is of kings\.jsonl, .* no question in common with other\.jsonl$"
    ):
        measuring.measure(Collection(other, bot), Wanted(against=kept), said.append, progress)
    assert (encoder.encoded, said, told) == ([], [], [("asking", 1, 1)])
    # One is enough to compare with.
    both = QuestionFile("both.jsonl", (*other.questions, *known.questions))
    measuring.measure(Collection(both, bot), Wanted(against=kept), said.append, progress)
    assert said[1].startswith(f"against {kept}:\n")


def test_a_report_is_written(run: Run, notes: Path, asked: Path, tmp_path: Path) -> None:
    done = run("eval", asked, "--notes", notes, "--report", tmp_path / "report")
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, f"the report: {tmp_path / 'report' / 'report.html'}")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "<h1>Evaluation: kings.jsonl</h1>" in page


def test_ways_to_retrieve_are_told_and_kept(run: Run, notes: Path, asked: Path, tmp_path: Path) -> None:
    done = run("eval", asked, "--notes", notes, "--ablations", "--save", tmp_path / "ablations.json")
    kept = results.read_ablation(tmp_path / "ablations.json")
    assert (done.exit_code, [way.name for way in kept.ways], kept.n) == (0, WAYS, 1)
    assert done.stdout.splitlines() == [ablation.HEADER, *map(ablation.row, kept.ways)]


def test_a_students_own_index_stays_as_it_was(
    run: Run, notes: Path, asked: Path, planets: Path, own: Path, tmp_path: Path
) -> None:
    assert run("index", notes).exit_code == 0
    status = run("status").stdout
    assert status.startswith(f"notes folder  {notes}\n")

    about_planets = written(tmp_path / "planets.jsonl", HOTTEST)
    done = run("eval", about_planets, "--notes", planets)
    assert (done.exit_code, done.stderr.startswith("1 notes, 1 passages, 1 statements (1 added, ")) == (0, True)
    assert [folder.name.rpartition("-")[0] for folder in (own / "measured").iterdir()] == ["planets"]
    assert run("status").stdout == status

    # The student's own notes are where they are, named or not.
    for words in ((), ("--notes", notes)):
        assert "(0 added, " in run("eval", asked, *words).stderr
    assert len(list((own / "measured").iterdir())) == 1
    assert run("ask", QUESTION).stdout.startswith("Louis XVI was executed in 1793. [1]\n")


def test_an_index_that_is_named_is_taken_for_the_notes_that_are_named(
    run: Run, asked: Path, notes: Path, planets: Path, own: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index"
    for folder in (planets, notes):
        assert run("index", folder, "--index", index).exit_code == 0
    assert run("eval", asked, "--notes", notes, "--index", index).exit_code == 0
    assert run("status", "--index", index).stdout.startswith(f"notes folder  {notes}\n")
    assert not (index / "measured").exists()
    assert not own.exists()


def test_each_file_is_asked_of_its_own_notes(
    run: Run, asked: Path, notes: Path, planets: Path, own: Path, tmp_path: Path
) -> None:
    two = (asked, "--notes", notes, written(tmp_path / "planets.jsonl", HOTTEST), "--notes", planets)
    done = run("eval", *two, "--index", tmp_path / "index")
    assert done.exit_code == 0
    assert done.stdout.count("MRR@10                         1.000   [1.000, 1.000]   n=1\n") == 2
    measured = sorted(folder.name.rpartition("-")[0] for folder in (tmp_path / "index" / "measured").iterdir())
    assert measured == ["notes", "planets"]
    assert not own.exists()

    # Good enough are all or none.
    entries = {
        name: {"result": "kept.json", "floors": {"MRR@10": floor}}
        for name, floor in (("kings.jsonl", 1.1), ("planets.jsonl", 1.0))
    }
    assert run("eval", asked, "--notes", notes, "--save", tmp_path / "kept.json").exit_code == 0
    done = run("eval", *two, "--gate", written(tmp_path / "gate.json", entries))
    assert (done.exit_code, done.stdout.count("below its floor: MRR@10 1.0000, wanted 1.1000")) == (1, 1)
    assert done.stdout.count("MRR@10                         1.000") == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "name a file of questions, or begin one: studybot eval --new"),
        (("--fit",), "name a file of questions, or begin one: studybot eval --new"),
        (("q.jsonl", "--notes", "a", "--notes", "b"), "1 question files need as many --notes, found 2"),
        (("q.jsonl", "r.jsonl", "--notes", "a"), "2 question files need as many --notes, found 1"),
        (("q.jsonl", "--fit", "--new"), "--fit and --new do not go together"),
        (("q.jsonl", "--new", "--ablations"), "--new and --ablations do not go together"),
        (("q.jsonl", "r.jsonl", "--fit", "--ablations"), "do not go together"),
        (("q.jsonl", "--fit", "--gate", "a.json"), "--fit and --gate do not go together"),
        (("q.jsonl", "--ablations", "--gate", "a.json"), "--ablations and --gate do not go together"),
        (("q.jsonl", "r.jsonl", "--report", "a"), "more than one question file"),
        (("q.jsonl", "r.jsonl", "--save", "a.json"), "more than one question file"),
        (("q.jsonl", "r.jsonl", "--against", "a.json"), "more than one question file"),
        (("q.jsonl", "r.jsonl", "--new"), "more than one question file"),
        (("q.jsonl", "r.jsonl", "--json"), "more than one question file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_exits_with_two_and_does_nothing(
    run: Run, tmp_path: Path, words: tuple[str, ...], problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("eval", *words)
    # The message is in a box, its lines broken anywhere, on GitHub in colours.
    shown = " ".join(re.sub(r"\x1b\[[\d;]*m|│", " ", done.stderr).split())
    assert (done.exit_code, done.stdout, problem in shown) == (2, "", True)
    assert paths(tmp_path) == []


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["no question"], "kings.jsonl, line 1: "),
        ([EXECUTED, EXECUTED], "kings.jsonl, line 2: the id 'k-1' stands twice"),
        ([], "kings.jsonl has no answerable question"),
        (None, "kings.jsonl cannot be read: "),
    ],
)
def test_a_file_that_cannot_be_used_is_named_before_anything_is_indexed(
    run: Run, notes: Path, tmp_path: Path, rows: list[Any] | None, problem: str
) -> None:
    file = tmp_path / "kings.jsonl"
    if rows is not None:
        written(file, *rows)
    before = paths(tmp_path)
    done = run("eval", file, "--notes", notes, "--save", tmp_path / "kept.json", "--report", tmp_path / "report")
    assert problem in one_line_error(done)
    assert (done.stdout, paths(tmp_path)) == ("", before)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["no question"], "kings.jsonl, line 1: "),
        ([EXECUTED, EXECUTED], "kings.jsonl, line 2: the id 'k-1' stands twice"),
    ],
)
def test_no_question_is_written_into_a_file_of_something_else(
    run: Run, notes: Path, tmp_path: Path, rows: list[Any], problem: str
) -> None:
    file = written(tmp_path / "kings.jsonl", *rows)
    before, content = paths(tmp_path), file.read_bytes()
    done = run("eval", file, "--new", "--notes", notes)
    assert problem in one_line_error(done)
    # Nor is anything indexed.
    assert (done.stdout, paths(tmp_path), file.read_bytes()) == ("", before, content)


def test_only_a_file_that_is_begun_may_be_missing_or_without_an_answerable_question(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    unanswerable = {**EXECUTED, "answerable": False, "answers": [], "evidence": []}
    for rows, ids in ((None, []), ([], []), ([unanswerable], ["k-1"])):
        if rows is not None:
            written(file, *rows)
        begun = measuring.loaded(file, is_begun=True)
        assert (begun.name, [one.id for one in begun.questions]) == ("own.jsonl", ids)
        with pytest.raises(QuestionSetInvalid):
            measuring.loaded(file)


def test_evidence_that_is_gone_is_named_and_nothing_is_kept(run: Run, notes: Path, asked: Path, tmp_path: Path) -> None:
    (notes / "kings.md").write_text("# Kings\n\nNone was executed.\n", encoding="utf-8")
    done = run("eval", asked, "--notes", notes, "--save", tmp_path / "kept.json")
    assert "question k-1: its evidence is not in kings.md: 'Louis XVI was" in one_line_error(done)
    assert (done.stdout, (tmp_path / "kept.json").exists()) == ("", False)


def test_notes_that_are_nowhere_are_asked_for(run: Run, asked: Path, own: Path) -> None:
    assert "no notes folder is known" in one_line_error(run("eval", asked))
    assert not own.exists()


def test_a_question_is_written_at_the_terminal(run: Run, notes: Path, tmp_path: Path) -> None:
    file = tmp_path / "my own.jsonl"
    words = ("eval", file, "--new", "--notes", notes)
    # The question, the lines of the first passage, the words that an answer must hold, the first kind.
    typed = [QUESTION, "1 3", "Louis XVI", ""]
    done = run(*words, typed="\n".join(typed[:2]) + "\n")
    assert (done.exit_code, done.stdout.endswith("Nothing was saved.\n"), file.exists()) == (0, True, False)
    done = run(*words, typed="\n".join(typed) + "\n")
    assert (done.exit_code, f"Saved as own-001 in {file}." in done.stdout) == (0, True)
    (question,) = questions.load(file)
    assert question.model_dump(exclude_defaults=True) == {**EXECUTED, "id": "own-001"}
    # The command that is told asks it, of the same notes.
    program, *told = shlex.split(done.stdout.splitlines()[-1])
    assert (program, told) == ("studybot", ["eval", str(file), "--notes", str(notes)])
    assert run(*told).stdout.startswith("MRR@10                         1.000 ")


def test_questions_of_one_s_own_begin_in_the_folder_where_one_is(
    run: Run, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, index = tmp_path / "here", tmp_path / "my index"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert run("index", notes, "--index", index).exit_code == 0
    done = run("eval", "--new", "--index", index, typed=f"{QUESTION}\n1 3\nLouis XVI\n\n")
    assert (done.exit_code, paths(folder)) == (0, [folder / "questions.jsonl"])
    assert done.stdout.splitlines()[-1] == f"  studybot eval questions.jsonl --index '{index}'"
    assert [question.id for question in questions.load(folder / "questions.jsonl")] == ["own-001"]


def test_nothing_is_fitted_to_one_file(run: Run, notes: Path, asked: Path) -> None:
    before = fitted.FILE.read_bytes()
    done = run("eval", asked, "--notes", notes, "--fit")
    assert "fitting needs questions over two folders of notes" in one_line_error(done)
    assert (done.stdout, fitted.FILE.read_bytes()) == ("", before)
