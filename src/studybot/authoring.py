"""One evaluation question, written with a student at a terminal over their own notes."""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import TypeVar

from studybot import questions
from studybot.bot import StudyBot
from studybot.errors import IndexMismatch, NotesError, QuestionInvalid, QuestionSetInvalid
from studybot.evaluation import covers, rank_of
from studybot.metrics import contains_all
from studybot.notes import SUFFIXES, list_notes, read_note
from studybot.places import place, span
from studybot.questions import Evidence, Question
from studybot.types import Passage
from studybot.words import words

KINDS = {
    "fact": "one thing, such as a number, a name or a date",
    "paraphrase": "asked in quite other words than the note's",
    "how-why": "how something works, or why it is so",
    "list": "several things that belong together",
    "compare": "the difference between two things",
    "table": "the answer stands in a table",
    "acronym": "an abbreviation, or what one stands for",
    "typo": "misspelled on purpose",
}
"""The kinds of questions that the notes answer, and what each means."""

# A passage's number or a note's name, then lines: "2 14-15", "biology/cells.md:14". int() refuses long numbers.
_PLACE = re.compile(r"(?P<where>.+?)(?:\s*:\s*|\s+)(?P<first>\d{1,9})(?:\s*[-–—]\s*(?P<last>\d{1,9}))?")
_NO_NAME = re.compile(r"[\d\s,.;:–—-]*")
_BETWEEN_PLACES = re.compile(r"(?<=\d)\s*;\s*")
_SHOWN = 5
_LONGEST_LINE_SHOWN = 1_500

Value = TypeVar("Value")


class _Unclear(Exception):
    """What was typed cannot be used; the message tells the student why."""


@dataclass(frozen=True, slots=True)
class _Terminal:
    ask: Callable[[str], str]
    say: Callable[[str], None]

    def understood(self, prompt: str, understand: Callable[[str], Value]) -> Value:
        """Return what ``understand`` makes of a typed line, asked for until it is clear; EOFError at ``quit``."""
        while True:
            # In an old locale, what is typed may hold halves of letters that no file can store.
            typed = self.ask(prompt).encode(errors="ignore").decode().strip()
            if typed.casefold() == "quit":
                raise EOFError("quit")
            try:
                return understand(typed)
            except _Unclear as problem:
                self.tell(*str(problem).split("\n"))

    def chosen(self, question: str, choices: Mapping[str, str]) -> str:
        """Return the choice that was typed, the first one at Enter; each is shown with what it means."""

        def understand(typed: str) -> str:
            choice = typed.casefold() or next(iter(choices))
            if choice not in choices:
                raise _Unclear(f"{typed!r} is none of them. Please type one of: {', '.join(choices)}.")
            return choice

        self.tell("", question, *(f"  {choice:<11} {meaning}" for choice, meaning in choices.items()))
        return self.understood(f"Type one of them (Enter = {next(iter(choices))}): ", understand)

    def tell(self, *lines: str) -> None:
        for line in lines:
            self.say(line)


def write_question(
    bot: StudyBot, file: Path, options: str, ask: Callable[[str], str], say: Callable[[str], None]
) -> Question:
    """Return the question that a student wrote, saved as the last one of ``file``, which need not exist.

    ``options`` are what the command that asks it needs beside the file. ``ask`` shows a prompt and returns the line
    typed, ``say`` prints a line. Ended early, the file stays as it was.

    Raises:
        EOFError: the student typed ``quit``. What ``ask`` raises at the end of input or at Ctrl-C passes through.
        QuestionSetInvalid: the file holds something else than questions, or cannot be written.
        IndexMissing, IndexMismatch: nothing was indexed; or a note that was found has changed since.
    """
    known = _known(file)
    terminal = _Terminal(ask, say)
    say("Ask something that you know the answer to, in your own words. Type quit to stop without saving.")
    question, passages = terminal.understood("Your question: ", lambda typed: _found(typed, bot, known))
    _show(passages, bot, terminal)
    answers: list[str] | None = None
    while answers is None:
        evidence, needs_all = _evidence(passages, bot, terminal)
        answers = _answers(evidence, needs_all, bot, terminal) if evidence else []
    kind = terminal.chosen("What kind of question is it?", KINDS) if evidence else "unanswerable"
    written = Question(
        id=_next_id(known),
        question=question,
        kind=kind,
        answerable=bool(evidence),
        answers=answers,
        evidence=evidence,
        needs_all_evidence=needs_all,
    )
    questions.append(written, file)
    say("")
    if not evidence:
        say('studybot should refuse this question: "not in your notes".')
    elif rank_of(written, passages) is None:
        say("studybot did not find your lines: such a question teaches the most.")
    say(f"Saved as {written.id} in {file}. To ask all the questions of this file:")
    say(f"  studybot eval {shlex.quote(str(file))}{options}")
    return written


def _known(file: Path) -> list[Question]:
    # Looked at before anything is typed, as that would be lost.
    if questions.is_there(file):
        return questions.read(file)
    if not file.parent.is_dir():
        raise QuestionSetInvalid(f"{file} cannot be written: there is no folder {file.parent}; make it first")
    return []


def _next_id(known: Sequence[Question]) -> str:
    # Gaps are left: the id of a question that was taken out may stand in an older report.
    numbers = [int(found[1]) for question in known if (found := re.fullmatch(r"own-(\d{1,9})", question.id))]
    return f"own-{max(numbers, default=0) + 1:03}"


def _found(typed: str, bot: StudyBot, known: Sequence[Question]) -> tuple[str, list[Passage]]:
    """Return the question as it is asked, and the best passages."""
    for question in known:
        if question.question.casefold() == typed.casefold():
            raise _Unclear(f"The file already has this question, as {question.id}. Ask another one.")
    try:
        reply = bot.ask(typed, _SHOWN)
    except QuestionInvalid as error:
        raise _Unclear(f"Please try again: {error}.") from error
    return reply.question, [hit.passage for hit in reply.hits]


def _show(passages: Sequence[Passage], bot: StudyBot, terminal: _Terminal) -> None:
    for rank, passage in enumerate(passages, 1):
        try:
            today = read_note(bot.notes_folder, passage.note).text[passage.start : passage.end]
        except NotesError:
            today = None
        if today != passage.text:
            raise IndexMismatch(f"{passage.note} has changed since it was indexed; run `studybot index` and try again")
        title = " › ".join((f"[{rank}] {passage.note}", *passage.heading))
        terminal.tell("", title, *_numbered(passage.text.split("\n"), passage.start_line))


def _evidence(passages: Sequence[Passage], bot: StudyBot, terminal: _Terminal) -> tuple[list[Evidence], bool]:
    """Return the places that the student marks, none where the notes do not answer, and whether all are needed."""
    first = passages[0] if passages else None
    example = f"1 {span(first.start_line, min(first.start_line + 1, first.end_line))}" if first else "cells.md:14-15"

    def understand(typed: str) -> list[Evidence]:
        if typed.casefold() == "none":
            return []
        parts = _BETWEEN_PLACES.split(typed.strip("; "))
        return list(dict.fromkeys(_marked(part, passages, bot, example) for part in parts))

    terminal.tell("", "Which lines answer it? Type for example")
    if passages:
        terminal.say(f"  {example:<22}  a passage's number, then its lines as they are numbered above")
    terminal.say("  biology/cells.md:14-15  not shown above: a note, then its lines (type the note alone to see them)")
    terminal.say(f"  {f'{example}; …':<22}  several places")
    terminal.say("  none                    your notes do not answer it")
    evidence = terminal.understood("Lines: ", understand)
    for piece in evidence:
        marked = f"You marked {_place(piece)}:"
        terminal.tell("", marked, *_numbered(str(piece.quote).split("\n"), piece.start_line or 1))
    if len(evidence) < 2:
        return evidence, False
    choices = {"each": "any one of these places answers the question alone", "all": "all of them are needed"}
    return evidence, terminal.chosen("Which of these places are needed?", choices) == "all"


def _marked(part: str, passages: Sequence[Passage], bot: StudyBot, example: str) -> Evidence:
    """Return the lines that ``part`` of what was typed names."""
    found = _PLACE.fullmatch(part)
    where = found["where"].strip("[] ") if found else ""
    if _NO_NAME.fullmatch(part) and not where.isdecimal():
        raise _Unclear(f"Please type which passage or note, then its lines, as in {example}. Put ; between several.")
    if found is None:
        if PurePosixPath(part).suffix.lower() not in SUFFIXES:
            raise _Unclear(f"{part!r} is no place in your notes. Type for example {example}, or none.")
        raise _Unclear("\n".join((*_numbered(_lines(part, bot), 1), f"Which of these lines? Type {part}:LINES")))
    first, last = int(found["first"]), int(found["last"] or found["first"])
    if last < first:
        raise _Unclear(f"Line {last} stands above line {first}: type {last}-{first}.")
    if not where.isdecimal():
        return _quoted(where, first, last, bot)
    passage = {str(rank): passage for rank, passage in enumerate(passages, 1)}.get(where)
    if passage is None:
        raise _Unclear(f"There is no passage {where}; they are numbered 1 to {len(passages)}.")
    if not passage.start_line <= first <= last <= passage.end_line:
        shown, wanted = span(passage.start_line, passage.end_line), place(passage.note, first, last)
        raise _Unclear(f"Passage {where} has the lines {shown}. For other lines of its note, type {wanted}")
    return _quoted(passage.note, first, last, bot)


def _quoted(name: str, first: int, last: int, bot: StudyBot) -> Evidence:
    """Return these lines of a note as evidence that can be found, today and after edits elsewhere."""
    lines = _lines(name, bot)
    if first < 1 or last > len(lines):
        raise _Unclear(f"{name} has the lines {span(1, len(lines))}, you typed {span(first, last)}.")
    marked = lines[first - 1 : last]
    if not words("\n".join(marked)):
        raise _Unclear(f"There are no words in {place(name, first, last)}. Mark the lines that answer.")
    times = sum(lines[start : start + len(marked)] == marked for start in range(len(lines)))
    if times > 1:
        raise _Unclear(f"{name} says this {times} times. Mark a line more, above or below, to tell this place apart.")
    evidence = Evidence(note=name, start_line=first, end_line=last, quote="\n".join(marked))
    passages = bot.passages(name)
    if not passages:
        raise _Unclear(f"{name} is not indexed under this name. Type quit, run studybot index, and try again.")
    if not any(covers(passage, evidence) for passage in passages):
        raise _Unclear("No passage has half of these lines. Mark fewer, and the text rather than its heading.")
    return evidence


def _lines(name: str, bot: StudyBot) -> list[str]:
    """Return the lines of the note called ``name``, without the empty one behind the last line end."""
    try:
        return read_note(bot.notes_folder, name).text.removesuffix("\n").split("\n")
    except NotesError as error:
        known = [file.path for file in list_notes(bot.notes_folder).files]
        wanted = PurePosixPath(name.replace("\\", "/")).stem.casefold()
        alike = [path for path in known if wanted in path.casefold()] or get_close_matches(name, known)
        hint = f"\nDid you mean {' or '.join(alike[:3])}?" if alike else ""
        raise _Unclear(f"Please try again: {error}.{hint}") from error


def _answers(evidence: Sequence[Evidence], needs_all: bool, bot: StudyBot, terminal: _Terminal) -> list[str] | None:
    """Return the words that an answer must hold, None where the student wants to mark other lines."""
    quotable = [_statements(piece, bot) for piece in evidence]
    whole = quotable[0] if len(evidence) == 1 and evidence[0].start_line == evidence[0].end_line else None

    def understand(typed: str) -> list[str] | None:
        if typed.casefold() == "back":
            return None
        if not typed and whole is not None:
            return whole
        answers = [answer for part in typed.split(" | ") if words(answer := part.strip("| "))]
        if not answers:
            raise _Unclear("Please type the words that make an answer right.")
        for answer in answers:
            lacking = [
                piece
                for piece, texts in zip(evidence, quotable, strict=True)
                if not any(contains_all(text, [answer]) for text in texts)
            ]
            # Where each place suffices, an answer from any of them has to be right.
            if lacking and not (needs_all and len(lacking) < len(evidence)):
                if any(contains_all(str(piece.quote), [answer]) for piece in lacking):
                    raise _Unclear(f'No sentence, item or row holds {answer!r} whole: put " | " between its parts.')
                places = " or ".join(map(_place, lacking))
                raise _Unclear(f"{answer!r} does not stand in {places}. Copy the words as they stand there.")
        return answers

    terminal.tell("", "Which words must a right answer hold? Copy them from these lines, as few as will do (5 GB).")
    terminal.say('Put " | " between words that stand apart. Type back to mark other lines.')
    return terminal.understood("Words (Enter = the whole line): " if whole is not None else "Words: ", understand)


def _statements(evidence: Evidence, bot: StudyBot) -> list[str]:
    """Return what can be quoted of the lines: their parts of statements, which have no list marks."""
    note, document = bot.note(evidence.note)
    start = sum(len(line) + 1 for line in note.text.split("\n")[: (evidence.start_line or 1) - 1])
    end = start + len(str(evidence.quote))
    statements = [statement for section in document.sections for statement in section.statements]
    found = [note.text[max(said.start, start) : min(said.end, end)].strip() for said in statements]
    return [text for text in found if words(text)] or str(evidence.quote).split("\n")


def _numbered(lines: Sequence[str], first: int) -> list[str]:
    width = len(str(first + len(lines) - 1))
    short = (line if len(line) <= _LONGEST_LINE_SHOWN else f"{line[:_LONGEST_LINE_SHOWN]}…" for line in lines)
    return [f"  {number:>{width}}  {line}" for number, line in enumerate(short, first)]


def _place(evidence: Evidence) -> str:
    return place(evidence.note, evidence.start_line, evidence.end_line)
