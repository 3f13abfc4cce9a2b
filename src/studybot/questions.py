"""Question files: JSON Lines of questions whose evidence in the notes is known."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, field_validator, model_validator

from studybot import files
from studybot.errors import QuestionSetInvalid
from studybot.metrics import contains_all
from studybot.words import words

ALL = "all"
"""The group of all questions, beside those of a kind each."""
HALVES = {"dev": "dev half", "test": "test half"}
"""The groups of the halves of a file that is parted."""

Line = Annotated[int, Field(ge=1, strict=True)]

_SHAPE = ConfigDict(extra="forbid", frozen=True)


class Evidence(BaseModel):
    """Lines of a note that answer a question, both inclusive; without lines, the whole note."""

    model_config = _SHAPE

    note: str
    start_line: Line | None = None
    end_line: Line | None = None
    quote: str | None = None

    @model_validator(mode="after")
    def _lines_are_a_range(self) -> "Evidence":
        if (self.start_line is None) != (self.end_line is None):
            raise ValueError("evidence needs both start_line and end_line, or neither")
        if self.start_line is None and self.quote is not None:
            raise ValueError("a quote needs the lines that it was taken from")
        if self.start_line is not None and self.end_line is not None and self.end_line < self.start_line:
            raise ValueError(f"evidence ends in line {self.end_line} before it starts in line {self.start_line}")
        return self

    @property
    def is_whole_note(self) -> bool:
        """Whether no lines are named."""
        return self.start_line is None


class Question(BaseModel):
    """One line of a question file; see eval/README.md for what each field means."""

    model_config = _SHAPE

    # trec_eval's code ends a name at NUL.
    id: Annotated[str, Field(min_length=1, pattern=r"^[^\x00]+$")]
    question: Annotated[str, Field(min_length=1, max_length=1_000)]
    kind: str
    answerable: StrictBool
    answers: list[str]
    evidence: list[Evidence]
    needs_all_evidence: StrictBool = False
    reference_answer: list[str] = []
    yes_no: str | None = None
    options: list[str] | None = None
    half: Literal["dev", "test"] | None = None
    """Of a file that is parted: what variants are chosen by, or what is only reported."""
    follows: str | None = None
    """The question above, in whose conversation this one is asked."""
    in_full: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None
    """The same question as it is asked outside of a conversation, of one that does not stand alone."""

    @field_validator("reference_answer", mode="before")
    @classmethod
    def _one_answer_is_a_list(cls, given: object) -> object:
        return [given] if isinstance(given, str) else given

    @field_validator("kind")
    @classmethod
    def _kind_is_not_all(cls, kind: str) -> str:
        # Figures of a kind stand beside those of all questions, and of a half.
        if kind in (ALL, *HALVES.values()):
            raise ValueError(f"{kind!r} is no kind of question")
        return kind

    @field_validator("question", "in_full")
    @classmethod
    def _question_has_words(cls, question: str | None) -> str | None:
        if question is not None and not words(question):
            raise ValueError("the question has no word")
        return question

    @model_validator(mode="after")
    def _answers_are_in_the_quotes(self) -> "Question":
        if self.answerable and not self.evidence:
            raise ValueError("an answerable question needs evidence")
        if not self.answerable and (self.evidence or self.answers or self.reference_answer):
            raise ValueError("a question that is not answerable has neither evidence nor answers")
        for answer in (*self.answers, *self.reference_answer):
            if contains_all("", [answer]):
                raise ValueError(f"the answer {answer!r} has no words, so every text holds it")
        quotes = [evidence.quote for evidence in self.evidence if evidence.quote is not None]
        if len(quotes) == len(self.evidence):
            for answer in self.answers:
                # An answer across two quotes is one that no quote can give.
                if not any(contains_all(quote, [answer]) for quote in quotes):
                    raise ValueError(f"the answer {answer!r} is not in the quoted evidence")
        return self

    @model_validator(mode="after")
    def _follow_up_follows(self) -> "Question":
        if self.in_full is not None and self.follows is None:
            raise ValueError("in_full is for a question that follows another one; name that in follows")
        return self

    @property
    def golds(self) -> list[str]:
        """The answers that a text is compared with, any of which is right as a whole."""
        return self.reference_answer or ([" ".join(self.answers)] if self.answers else [])


def load(file: Path) -> list[Question]:
    """Return the questions of a file that something can be measured by.

    Raises:
        QuestionSetInvalid: it cannot be read, a line is malformed, an id stands twice, or none is answerable.
    """
    questions = read(file)
    if not any(question.answerable for question in questions):
        raise QuestionSetInvalid(f"{file} has no answerable question")
    return questions


def read(file: Path) -> list[Question]:
    """Return the questions of a JSON Lines file, of which none need be answerable, and there may be none.

    Raises:
        QuestionSetInvalid: it cannot be read, a line is malformed, or an id stands twice.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionSetInvalid(f"{file} cannot be read: {error}") from error
    found: dict[str, Question] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        question = _parsed(line, f"{file}, line {number}")
        if question.id in found:
            raise QuestionSetInvalid(f"{file}, line {number}: the id {question.id!r} stands twice")
        above = next(reversed(found), None)
        if question.follows not in (None, above):
            wanted = f"wanted the question above, {above!r}" if above else "but there is no question above"
            raise QuestionSetInvalid(f"{file}, line {number}: it follows {question.follows!r}, {wanted}")
        found[question.id] = question
    return list(found.values())


def written_out(questions: Iterable[Question]) -> list[Question]:
    """Return the questions as they are asked outside of a conversation."""
    return [
        question.model_copy(
            update={"question": question.in_full or question.question, "follows": None, "in_full": None}
        )
        for question in questions
    ]


def locate(questions: Sequence[Question], lines_of: Callable[[str], Sequence[str] | None]) -> list[Question]:
    """Return the questions with their evidence at the lines where today's notes say what it quotes.

    ``lines_of`` gives a note's lines by its path, None for a note that is not there. Where one piece of evidence
    suffices, pieces in notes that are not there are left out.

    Raises:
        QuestionSetInvalid: a quote is gone or stands twice, or there is no note left to look in.
    """
    return [_located(question, lines_of) for question in questions]


def is_there(file: Path) -> bool:
    """Return whether there is a ``file``.

    Raises:
        QuestionSetInvalid: there can be none of this name.
    """
    try:
        return file.exists()
    except OSError as error:
        raise QuestionSetInvalid(f"{file} cannot be used: {error.strerror}") from error


def append(question: Question, file: Path) -> None:
    """Write ``question`` behind those that ``file`` holds; the file is replaced as a whole, or left as it was.

    Raises:
        QuestionSetInvalid: the file holds something else than questions, or one of the same id, or cannot be written.
    """
    known = read(file) if is_there(file) else []
    if any(one.id == question.id for one in known):
        raise QuestionSetInvalid(f"{file} already has a question {question.id!r}")
    written = file.read_text(encoding="utf-8-sig").rstrip("\n") + "\n" if known else ""
    row = json.dumps(question.model_dump(exclude_defaults=True), ensure_ascii=False)
    try:
        files.replace(file, f"{written}{row}\n".encode())
    except OSError as error:
        raise QuestionSetInvalid(f"{file} cannot be written: {error.strerror}") from error


def _parsed(line: str, place: str) -> Question:
    try:
        # Not pydantic's own JSON: its message says line 1 whatever the line is.
        values = json.loads(line)
        # JSON can hold halves of letters, which no file and no measure can.
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise QuestionSetInvalid(f"{place}: this is no JSON: {error}") from error
    try:
        return Question.model_validate(values)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        what = problem["msg"].removeprefix("Value error, ")
        raise QuestionSetInvalid(f"{place}: {where}{': ' if where else ''}{what}") from error


def _located(question: Question, lines_of: Callable[[str], Sequence[str] | None]) -> Question:
    found = []
    for evidence in question.evidence:
        lines = lines_of(evidence.note)
        if lines is not None:
            found.append(_place(evidence, lines, question.id))
        elif question.needs_all_evidence:
            raise QuestionSetInvalid(f"question {question.id}: there is no note {evidence.note!r} to be read")
    if question.answerable and not found:
        names = " or ".join(repr(evidence.note) for evidence in question.evidence)
        raise QuestionSetInvalid(f"question {question.id}: there is no note {names} to be read")
    return question.model_copy(update={"evidence": found})


def _place(evidence: Evidence, lines: Sequence[str], identity: str) -> Evidence:
    """Return ``evidence`` with the lines that its quote has today."""
    if evidence.start_line is None or evidence.end_line is None:
        return evidence
    if evidence.quote is None:
        if evidence.end_line > len(lines):
            raise QuestionSetInvalid(
                f"question {identity}: {evidence.note} has {len(lines)} lines, wanted {evidence.end_line}"
            )
        return evidence
    wanted = evidence.quote.split("\n")
    is_of_these_lines = evidence.end_line - evidence.start_line + 1 == len(wanted)
    if is_of_these_lines and list(lines[evidence.start_line - 1 : evidence.end_line]) == wanted:
        return evidence
    starts = [start for start in range(len(lines)) if list(lines[start : start + len(wanted)]) == wanted]
    if len(starts) != 1:
        what = "is not in" if not starts else f"stands {len(starts)} times in"
        raise QuestionSetInvalid(f"question {identity}: its evidence {what} {evidence.note}: {_shortened(wanted[0])!r}")
    return evidence.model_copy(update={"start_line": starts[0] + 1, "end_line": starts[0] + len(wanted)})


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
