import json
import shlex
from pathlib import Path

import pytest

from studybot.authoring import KINDS, write_question
from studybot.bot import StudyBot
from studybot.errors import IndexMismatch, IndexMissing, QuestionSetInvalid
from studybot.evaluation import evaluate
from studybot.questions import Evidence, Question, load, locate
from studybot.settings import Settings
from tests.word_encoder import WordEncoder

WHO = "Who was executed in 1793?"
KING = "Louis XVI was executed in 1793."
BROTHER = "His brother became king in 1814."
MEMBRANES = "- They have two membranes:\n  - the outer one is smooth\n  - the inner one is folded into cristae"
ROW = (
    '{"id": "own-001", "question": "Who was executed in 1793?", "kind": "fact", "answerable": true,'
    ' "answers": ["Louis XVI"], "evidence": [{"note": "kings.md", "start_line": 3, "end_line": 3,'
    ' "quote": "Louis XVI was executed in 1793."}]}\n'
)
EXAMPLE = "Please type which passage or note, then its lines, as in 1 3-4. Put ; between several."


class Student:
    """Types prepared lines, then the input ends. ``heard`` is what was said before each of them, and after the last."""

    def __init__(self, *typed: str) -> None:
        self.typed = list(typed)
        self.prompts: list[str] = []
        self.heard: list[list[str]] = [[]]

    def ask(self, prompt: str) -> str:
        self.prompts.append(prompt)
        if not self.typed:
            raise EOFError
        self.heard.append([])
        return self.typed.pop(0)

    def say(self, text: str) -> None:
        assert "\n" not in text
        self.heard[-1].append(text)

    def write(self, bot: StudyBot, file: Path, options: str = "") -> Question:
        return write_question(bot, file, options, self.ask, self.say)

    def leave(self, bot: StudyBot, file: Path) -> list[str]:
        """Return what was said after the last typed line."""
        with pytest.raises(EOFError):
            self.write(bot, file)
        assert self.typed == []
        return self.heard[-1]


def places(question: Question) -> list[tuple[str, int | None, int | None, str | None]]:
    return [(e.note, e.start_line, e.end_line, e.quote) for e in question.evidence]


def lines_of(bot: StudyBot, note: str) -> list[str]:
    return bot.note(note)[0].text.split("\n")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where questions go; nothing is there yet."""
    return tmp_path / "own.jsonl"


@pytest.fixture
def begun(bot: StudyBot, file: Path) -> Path:
    """Return a file with one question."""
    Student(WHO, "1 3", "Louis XVI", "").write(bot, file)
    return file


def test_a_question_becomes_one_line_of_the_file(bot: StudyBot, file: Path) -> None:
    student = Student(f"  {WHO} ", "1 3", "Louis XVI", "fact")
    written = student.write(bot, file)
    assert file.read_text(encoding="utf-8") == ROW
    assert load(file) == [written]
    assert locate([written], lambda note: lines_of(bot, note)) == [written]
    assert student.heard[-1] == [
        "",
        f"Saved as own-001 in {file}. To ask all the questions of this file:",
        f"  studybot eval {file}",
    ]


def test_the_student_sees_each_passage_with_its_place_and_line_numbers(bot: StudyBot, file: Path) -> None:
    shown = Student(WHO).leave(bot, file)
    assert shown[:4] == ["", "[1] kings.md › Kings", f"  3  {KING}", f"  4  {BROTHER}"]
    start = next(number for number, line in enumerate(shown) if line.endswith("› Mitochondria"))
    assert shown[start - 1 : start + 5] == [
        "",
        f"[{shown[start][1]}] biology/cells.md › Cells › Mitochondria",
        "   7  - Mitochondria make most of the cell's ATP.",
        "   8  - They have two membranes:",
        "   9    - the outer one is smooth",
        "  10    - the inner one is folded into cristae",
    ]
    assert shown[shown.index("Which lines answer it? Type for example") + 1].startswith("  1 3-4  ")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "the question has no word; wanted something like 'How long does SQS keep a message?'"),
        ("?!", "the question has no word; wanted something like 'How long does SQS keep a message?'"),
        ("x" * 1001, "the question has 1,001 characters; wanted 1 to 1,000"),
    ],
)
def test_a_question_that_cannot_be_asked_is_asked_for_again(
    bot: StudyBot, file: Path, typed: str, message: str
) -> None:
    student = Student(typed, WHO, "1 3", "Louis XVI", "")
    assert student.write(bot, file).question == WHO
    assert student.heard[1] == [f"Please try again: {message}."]
    assert student.prompts[:3] == ["Your question: ", "Your question: ", "Lines: "]


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("1 4", ("kings.md", 4, 4, BROTHER)),
        ("1 3-4", ("kings.md", 3, 4, f"{KING}\n{BROTHER}")),
        ("[1]  3 – 4 ;", ("kings.md", 3, 4, f"{KING}\n{BROTHER}")),
        ("1:3", ("kings.md", 3, 3, KING)),
        ("kings.md 3", ("kings.md", 3, 3, KING)),
        ("biology/cells.md:8-10", ("biology/cells.md", 8, 10, MEMBRANES)),
        ("kings.md: 1-4", ("kings.md", 1, 4, f"# Kings\n\n{KING}\n{BROTHER}")),
        ("1 3; 1 3", ("kings.md", 3, 3, KING)),
    ],
)
def test_lines_are_marked_by_passage_or_by_note(
    bot: StudyBot, file: Path, typed: str, place: tuple[str, int, int, str]
) -> None:
    student = Student(WHO, typed)
    shown = student.leave(bot, file)
    note, start_line, end_line, quote = place
    lines = str(start_line) if start_line == end_line else f"{start_line}-{end_line}"
    numbers = range(start_line, end_line + 1)
    marked = [f"  {n:>{len(str(end_line))}}  {line}" for n, line in zip(numbers, quote.split("\n"), strict=True)]
    assert shown[: len(marked) + 2] == ["", f"You marked {note}:{lines}:", *marked]
    word = next(word for word in ("smooth", "Louis", "brother") if word in quote)
    assert places(Student(WHO, typed, word, "").write(bot, file)) == [place]


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        pytest.param("", [EXAMPLE], id="nothing"),
        pytest.param("3", [EXAMPLE], id="a number"),
        pytest.param("3-4", [EXAMPLE], id="lines only"),
        pytest.param("3 - 4", [EXAMPLE], id="lines only, spaced"),
        pytest.param("1 3 4", [EXAMPLE], id="lines without a dash"),
        pytest.param("1 3;; 1 4", [EXAMPLE], id="semicolons"),
        pytest.param("1 3, 4", [EXAMPLE], id="comma"),
        pytest.param("0 3", ["There is no passage 0; they are numbered 1 to 4."], id="rank 0"),
        pytest.param("5 3", ["There is no passage 5; they are numbered 1 to 4."], id="rank 5"),
        pytest.param(
            f"{'9' * 5000} 3", [f"There is no passage {'9' * 5000}; they are numbered 1 to 4."], id="big rank"
        ),
        pytest.param("1 4-3", ["Line 3 stands above line 4: type 3-4."], id="reversed"),
        pytest.param(
            "1 2-3",
            ["Passage 1 has the lines 3-4. For other lines of its note, type kings.md:2-3"],
            id="not in the passage",
        ),
        pytest.param("kings.md:0", ["kings.md has the lines 1-4, you typed 0."], id="line 0"),
        pytest.param("kings.md:4-5", ["kings.md has the lines 1-4, you typed 4-5."], id="behind the end"),
        pytest.param("kings.md:2", ["There are no words in kings.md:2. Mark the lines that answer."], id="blank"),
        pytest.param(
            "kings.md:1",
            ["No passage has half of these lines. Mark fewer, and the text rather than its heading."],
            id="heading",
        ),
        pytest.param("none of them", ["'none of them' is no place in your notes. Type for example 1 3-4, or none."]),
        pytest.param(
            "kings.md",
            [
                "  1  # Kings",
                "  2  ",
                f"  3  {KING}",
                f"  4  {BROTHER}",
                "Which of these lines? Type kings.md:LINES",
            ],
            id="a note",
        ),
        pytest.param(
            "cells.md:3",
            ["Please try again: there is no note 'cells.md'.", "Did you mean biology/cells.md?"],
            id="without folder",
        ),
        pytest.param(
            "Biology\\Cells:3",
            [
                "Please try again: 'Biology\\\\Cells' cannot be a note; wanted a relative path such as"
                " 'biology/cells.md'.",
                "Did you mean biology/cells.md?",
            ],
            id="without suffix",
        ),
        pytest.param(
            "kngs.md:3", ["Please try again: there is no note 'kngs.md'.", "Did you mean kings.md?"], id="misspelled"
        ),
        pytest.param("zebra.md:3", ["Please try again: there is no note 'zebra.md'."], id="no note"),
        pytest.param(
            "../kings.md:3",
            [
                "Please try again: '../kings.md' cannot be a note; wanted a relative path such as 'biology/cells.md'.",
                "Did you mean kings.md?",
            ],
            id="out of the folder",
        ),
        pytest.param("1 3; kings.md:9", ["kings.md has the lines 1-4, you typed 9."], id="second of two"),
    ],
)
def test_what_marks_no_lines_is_explained(bot: StudyBot, file: Path, typed: str, heard: list[str]) -> None:
    student = Student(WHO, typed, "1 3", "Louis XVI", "")
    assert places(student.write(bot, file)) == [("kings.md", 3, 3, KING)]
    assert student.heard[2] == heard
    assert student.prompts[1:3] == ["Lines: ", "Lines: "]


def test_lines_that_stand_twice_need_more_lines(bot: StudyBot, notes: Path, file: Path) -> None:
    (notes / "loud.md").write_text("# Loud\n\nlouder still\n\nonce\nlouder still\n", encoding="utf-8")
    bot.sync()
    student = Student("How loud?", "loud.md:6", "loud.md:5-6", "louder still", "")
    assert places(student.write(bot, file)) == [("loud.md", 5, 6, "once\nlouder still")]
    assert student.heard[2] == [
        "loud.md says this 2 times. Mark a line more, above or below, to tell this place apart."
    ]


def test_a_note_that_is_not_indexed_is_named(bot: StudyBot, notes: Path, file: Path) -> None:
    (notes / "new.md").write_text("# New\n\nNot indexed.\n", encoding="utf-8")
    assert Student(WHO, "new.md:3").leave(bot, file) == [
        "new.md is not indexed under this name. Type quit, run studybot index, and try again."
    ]


def test_evidence_that_was_not_found_is_marked_by_its_note(bot: StudyBot, notes: Path, file: Path) -> None:
    for number in range(5):
        (notes / f"{number}.md").write_text(
            f"# {number}\n\nWho was executed, and who was not in {number}?\n", encoding="utf-8"
        )
    bot.sync()
    student = Student("Who was executed, and who was not?", "biology/cells.md:16", "25 nm", "table")
    written = student.write(bot, file)
    assert (written.kind, written.answers) == ("table", ["25 nm"])
    assert places(written) == [("biology/cells.md", 16, 16, "| Ribosome | 25 nm |")]
    assert not any("biology/cells.md ›" in line for line in student.heard[1])
    assert student.heard[-1][1] == "studybot did not find your lines: such a question teaches the most."


@pytest.mark.parametrize(("typed", "needs_all"), [("", False), ("each", False), ("ALL", True)])
def test_of_several_places_each_suffices_or_all_are_needed(
    bot: StudyBot, file: Path, typed: str, needs_all: bool
) -> None:
    student = Student("Who was a king?", "kings.md:3; kings.md:4", "both", typed, "in", "")
    written = student.write(bot, file)
    assert places(written) == [("kings.md", 3, 3, KING), ("kings.md", 4, 4, BROTHER)]
    assert written.needs_all_evidence is needs_all
    assert student.heard[3] == ["'both' is none of them. Please type one of: each, all."]
    assert load(file) == [written]


@pytest.mark.parametrize(
    ("lines", "typed", "answers"),
    [
        ("kings.md:3", "", [KING]),
        ("biology/cells.md:9", "", ["the outer one is smooth"]),
        ("biology/cells.md:16", "", ["| Ribosome | 25 nm |"]),
        ("biology/cells.md:16", "| Ribosome | 25 nm |", ["Ribosome", "25 nm"]),
        ("kings.md:3-4", "louis xvi | BROTHER", ["louis xvi", "BROTHER"]),
    ],
)
def test_the_answer_is_the_marked_lines_own_words(
    bot: StudyBot, file: Path, lines: str, typed: str, answers: list[str]
) -> None:
    assert Student(WHO, lines, typed, "").write(bot, file).answers == answers
    assert load(file)[0].answers == answers


def test_a_whole_line_is_its_sentences(bot: StudyBot, notes: Path, file: Path) -> None:
    (notes / "two.md").write_text("# Two\n\nIt has one part. It has\nanother part.\n", encoding="utf-8")
    bot.sync()
    assert Student("Which parts?", "two.md:3", "", "").write(bot, file).answers == ["It has one part.", "It has"]


@pytest.mark.parametrize(
    ("lines", "typed", "message"),
    [
        pytest.param("1 3-4", "", "Please type the words that make an answer right.", id="enter for two lines"),
        pytest.param("1 3", " | ", "Please type the words that make an answer right.", id="no words"),
        pytest.param(
            "1 3",
            "Louis XVI | 1814",
            "'1814' does not stand in kings.md:3. Copy the words as they stand there.",
            id="not there",
        ),
        pytest.param(
            "1 3-4",
            "in 1793. His brother",
            "No sentence, item or row holds 'in 1793. His brother' whole: put \" | \" between its parts.",
            id="two sentences",
        ),
    ],
)
def test_words_that_cannot_be_an_answer_are_explained(
    bot: StudyBot, file: Path, lines: str, typed: str, message: str
) -> None:
    student = Student(WHO, lines, typed, "Louis XVI", "")
    assert student.write(bot, file).answers == ["Louis XVI"]
    assert student.heard[3] == [message]
    assert student.prompts[2] == student.prompts[3]


def test_where_each_place_suffices_each_has_the_answer(bot: StudyBot, file: Path) -> None:
    lines = "kings.md:3; kings.md:4"
    assert Student(WHO, lines, "each", "1793").leave(bot, file) == [
        "'1793' does not stand in kings.md:4. Copy the words as they stand there."
    ]
    assert Student(WHO, lines, "all", "1815").leave(bot, file) == [
        "'1815' does not stand in kings.md:3 or kings.md:4. Copy the words as they stand there."
    ]
    assert Student(WHO, lines, "all", "1793 | 1814", "").write(bot, file).answers == ["1793", "1814"]


def test_back_marks_other_lines(bot: StudyBot, file: Path) -> None:
    student = Student(WHO, "1 4", "back", "1 3", "Louis XVI", "")
    student.write(bot, file)
    assert file.read_text(encoding="utf-8") == ROW


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_chosen(bot: StudyBot, file: Path, kind: str) -> None:
    student = Student(WHO, "1 3", "Louis XVI", "essay", f" {kind.upper()} ")
    assert student.write(bot, file).kind == kind
    assert student.heard[4] == [f"'essay' is none of them. Please type one of: {', '.join(KINDS)}."]


def test_none_makes_it_unanswerable(bot: StudyBot, begun: Path) -> None:
    student = Student("Who built the bridge?", "None")
    assert student.write(bot, begun) == Question(
        id="own-002", question="Who built the bridge?", kind="unanswerable", answerable=False, answers=[], evidence=[]
    )
    assert begun.read_text(encoding="utf-8") == ROW + (
        '{"id": "own-002", "question": "Who built the bridge?", "kind": "unanswerable", "answerable": false,'
        ' "answers": [], "evidence": []}\n'
    )
    assert student.heard[-1][1] == 'studybot should refuse this question: "not in your notes".'


def test_the_first_question_of_a_file_may_be_unanswerable(bot: StudyBot, file: Path) -> None:
    Student("Who built the bridge?", "none").write(bot, file)
    Student("Who became king in 1814?", "kings.md:4", "His brother", "").write(bot, file)
    assert [question.answerable for question in load(file)] == [False, True]


def test_a_second_question_has_the_next_id(bot: StudyBot, begun: Path) -> None:
    Student("Who became king in 1814?", "kings.md:4", "His brother", "").write(bot, begun)
    assert [question.id for question in load(begun)] == ["own-001", "own-002"]
    assert begun.read_text(encoding="utf-8").startswith(ROW)


@pytest.mark.parametrize(
    ("there", "given"),
    [
        (("q-7",), "own-001"),
        (("own-001", "own-007"), "own-008"),
        (("own-999", "own-x", "own-1 "), "own-1000"),
    ],
)
def test_the_next_id_is_free_and_never_was_another_ones(
    bot: StudyBot, file: Path, there: tuple[str, ...], given: str
) -> None:
    rows = [{**json.loads(ROW), "id": name, "question": f"Who is {name}?"} for name in there]
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    Student(WHO, "1 3", "Louis XVI", "").write(bot, file)
    assert [question.id for question in load(file)] == [*there, given]


def test_a_question_that_the_file_has_is_not_written_twice(bot: StudyBot, begun: Path) -> None:
    assert Student(WHO.upper()).leave(bot, begun) == [
        "The file already has this question, as own-001. Ask another one."
    ]


@pytest.mark.parametrize("end", [("quit",), ("Quit ",), ()])
@pytest.mark.parametrize("steps", range(5))
def test_whoever_stops_early_leaves_the_file_as_it_was(
    bot: StudyBot, begun: Path, steps: int, end: tuple[str, ...]
) -> None:
    typed = ("Who was a king?", "kings.md:3; kings.md:4", "all", "Louis")[:steps]
    Student(*typed, *end).leave(bot, begun)
    assert begun.read_text(encoding="utf-8") == ROW
    assert not list(begun.parent.glob("*.part"))


def test_an_interrupt_passes_through(bot: StudyBot, file: Path) -> None:
    def interrupt(prompt: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_question(bot, file, "", interrupt, lambda _: None)
    assert not file.exists()


def test_a_written_file_can_be_evaluated(bot: StudyBot, begun: Path) -> None:
    Student("Who built the bridge?", "none").write(bot, begun)
    Student("How large is a ribosome?", "biology/cells.md:16; biology/cells.md:14", "all", "25 nm", "table").write(
        bot, begun
    )
    run = evaluate(bot, load(begun), "own")
    assert run.unreachable == ()
    assert [(o.id, o.kind, o.answerable) for o in run.outcomes] == [
        ("own-001", "fact", True),
        ("own-002", "unanswerable", False),
        ("own-003", "table", True),
    ]
    assert (run.outcomes[0].measures["MRR@10"], run.outcomes[0].correct) == (1.0, True)


def test_a_whole_line_is_a_right_answer_when_it_is_quoted(bot: StudyBot, file: Path) -> None:
    Student("Which organelle has 25 nm diameter, the ribosome?", "biology/cells.md:16", "", "").write(bot, file)
    Student(WHO, "kings.md:3", "", "").write(bot, file)
    assert [outcome.correct for outcome in evaluate(bot, load(file), "own").outcomes] == [True, True]


@pytest.mark.parametrize("name", ["my questions.jsonl", "what's new.jsonl"])
def test_the_command_that_is_told_is_typed_as_it_stands(bot: StudyBot, tmp_path: Path, name: str) -> None:
    student = Student(WHO, "1 3", "Louis XVI", "")
    student.write(bot, tmp_path / name, " --notes n --index 'my index'")
    wanted = ["studybot", "eval", str(tmp_path / name), "--notes", "n", "--index", "my index"]
    assert shlex.split(student.heard[-1][-1]) == wanted


def test_halves_of_letters_are_left_out(bot: StudyBot, file: Path) -> None:
    assert Student(f"{WHO}\udcc3", "1 3", "Louis XVI\ud83d", "").write(bot, file).answers == ["Louis XVI"]
    assert file.read_text(encoding="utf-8") == ROW


def test_a_long_line_is_shown_by_its_beginning_and_quoted_whole(bot: StudyBot, notes: Path, file: Path) -> None:
    line = "A long line about zebras. " + "They have stripes, as everybody knows who saw one. " * 40
    (notes / "long.md").write_text(f"# Long\n\n{line}\n", encoding="utf-8")
    bot.sync()
    student = Student("Which line is about zebras?", "long.md:3", "zebras", "")
    assert student.write(bot, file).evidence == [Evidence(note="long.md", start_line=3, end_line=3, quote=line)]
    assert student.heard[2][:3] == ["", "You marked long.md:3:", f"  3  {line[:1500]}…"]


def test_what_cannot_be_written_to_is_named_before_anything_is_asked(bot: StudyBot, tmp_path: Path) -> None:
    student = Student()
    with pytest.raises(QuestionSetInvalid, match=r"own\.jsonl cannot be written: there is no folder .*new; make it"):
        student.write(bot, tmp_path / "new" / "own.jsonl")
    broken = tmp_path / "broken.jsonl"
    broken.write_text("Who?\n", encoding="utf-8")
    with pytest.raises(QuestionSetInvalid, match=r"broken\.jsonl, line 1: this is no JSON"):
        student.write(bot, broken)
    assert (student.prompts, student.heard, broken.read_text(encoding="utf-8")) == ([], [[]], "Who?\n")


@pytest.mark.parametrize("edited", ["# Kings\n\n\nLouis XVI was executed in 1793.\n", None])
def test_a_note_that_is_not_as_it_was_indexed_is_named(
    bot: StudyBot, notes: Path, file: Path, edited: str | None
) -> None:
    if edited is None:
        (notes / "kings.md").unlink()
    else:
        (notes / "kings.md").write_text(edited, encoding="utf-8")
    with pytest.raises(IndexMismatch, match=r"^kings\.md has changed since it was indexed; run `studybot index` and"):
        Student(WHO).write(bot, file)


def test_an_index_is_needed(tmp_path: Path, notes: Path, file: Path) -> None:
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "none"), WordEncoder())
    with pytest.raises(IndexMissing):
        Student(WHO).write(bot, file)
