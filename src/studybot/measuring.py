"""Runs of ``studybot eval``: question files, each with the notes that it is about, and what is made of them."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from studybot import ablation, comparison, evaluation, fitted, fitting, gate, questions, report, results
from studybot.bot import StudyBot
from studybot.editor import link
from studybot.errors import FittedUnwritable, IndexUnusable, ResultInvalid, TrainingInvalid
from studybot.questions import Question
from studybot.results import Result
from studybot.settings import Settings
from studybot.types import Encoder, Passage

Say = Callable[[str], None]
Show = Callable[[str, int, int], None]
"""Told of progress: the name of a stage, how much is done, of how much."""
Progress = Callable[[], AbstractContextManager[Show]]
"""Shows progress for as long as it is entered."""


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """The questions of a file, and its name."""

    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """A question file, and a bot over the notes that it is about, whose index is up to date."""

    file: QuestionFile
    bot: StudyBot


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is made of a run beside its figures."""

    report: Path | None = None
    save: Path | None = None
    against: Path | None = None
    gate: Path | None = None


def loaded(file: Path, *, is_begun: bool = False) -> QuestionFile:
    """Return a question file; one that ``is_begun`` only now may have no answerable question, or not be there.

    Raises:
        QuestionSetInvalid: it cannot be used.
    """
    if is_begun:
        return QuestionFile(file.name, tuple(questions.read(file) if questions.is_there(file) else ()))
    return QuestionFile(file.name, tuple(questions.load(file)))


def bots(folders: Sequence[Path | None], settings: Settings, encoder: Encoder, *, is_own_index: bool) -> list[StudyBot]:
    """Return a bot for each of ``folders``, None being the notes that were indexed last; the same folder, the same bot.

    Several folders are indexed below the index that is set, each apart. So is a single one where ``is_own_index``:
    then the index that is set is the student's own, and asking goes on about the student's notes.
    """
    made: dict[Path | None, StudyBot] = {}
    folders = [folder and folder.resolve() for folder in folders]
    for folder in folders:
        if folder in made:
            continue
        chosen = settings
        if folder is not None:
            is_apart = len(set(folders)) > 1 or (is_own_index and not _is_indexed(folder, settings, encoder))
            index = settings.index / "measured" / _slug(folder) if is_apart else settings.index
            chosen = settings.model_copy(update={"index": index, "notes": folder})
        made[folder] = StudyBot(chosen, encoder)
    return [made[folder] for folder in folders]


def measure(collection: Collection, wanted: Wanted, say: Say, progress: Progress) -> tuple[Result, bool]:
    """Ask the questions of a collection, make of it what is ``wanted``; return the result, and if it is good enough.

    ``say`` is told the figures and what was made of them, a text of several lines at a time.

    Raises:
        QuestionSetInvalid: a question's evidence is not in its note.
        ResultInvalid, GateInvalid, ReportUnwritable: what is wanted cannot be read or written, or what is compared
            with is of other questions.
    """
    # What may be missing is looked for before the questions are asked.
    bot, file = collection.bot, collection.file
    before = _before(wanted.against, file) if wanted.against is not None else None
    floors = gate.floors(wanted.gate, file.name) if wanted.gate is not None else None
    total = len(file.questions)
    with progress() as show:
        run = evaluation.evaluate(bot, file.questions, file.name, lambda done: show("asking", done, total))
    result = results.result_of(run, bot)
    say(results.table(result))
    if before is not None:
        say(f"against {wanted.against}:\n{comparison.table(comparison.compare(before.outcomes, result.outcomes))}")
    if wanted.report is not None:
        report.write(run, wanted.report, _links(bot), result.environment)
        say(f"the report: {wanted.report / 'report.html'}")
    if wanted.save is not None:
        results.write(result, wanted.save)
    if floors is None:
        return result, True
    verdict = gate.judge(result, floors)
    say(gate.told(verdict))
    return result, not verdict.below


def ablate(collection: Collection, encoder: Encoder, save: Path | None, say: Say) -> None:
    """Say what each part of retrieval brings, a line each as soon as it is measured, and keep it in ``save``.

    Raises:
        QuestionSetInvalid: a question's evidence is not in its note.
        ResultInvalid: ``save`` cannot be written.
    """
    bot, file = collection.bot, collection.file
    say(ablation.HEADER)
    ways = []
    for way in ablation.ablate(bot, encoder, questions.written_out(file.questions)):
        say(ablation.row(way))
        ways.append(way)
    if save is not None:
        n = sum(question.answerable for question in file.questions)
        results.write(results.AblationResult(file.name, n, results.environment(bot), tuple(ways)), save)


def fit(fitted_on: Sequence[Collection], say: Say) -> None:
    """Fit weights and confidence to the collections, say what changed, and keep it as the package's own.

    Raises:
        TrainingInvalid: there is nothing to be learned from them.
        QuestionSetInvalid: a question's evidence is not in its note.
        FittedUnwritable: the package's data file cannot be written.
    """
    names = [one.file.name for one in fitted_on]
    if len(set(names)) < len(names):
        raise TrainingInvalid(f"two question files have the same name, found {', '.join(names)}; rename one")
    found = fitting.fit({one.file.name: (one.bot, questions.written_out(one.file.questions)) for one in fitted_on})
    say(fitting.table(found, fitted.load()))
    try:
        fitted.save(found.fitted)
    except OSError as error:
        raise FittedUnwritable(f"{fitted.FILE} cannot be written: {error.strerror}") from error
    say(f"written to {fitted.FILE}")


def _before(kept: Path, file: QuestionFile) -> Result:
    """Return the result in ``kept``, which must be of questions that ``file`` has."""
    result = results.read(kept)
    if not {outcome.id for outcome in result.outcomes} & {question.id for question in file.questions}:
        raise ResultInvalid(f"{kept} is of {result.questions}, which has no question in common with {file.name}")
    return result


def _links(bot: StudyBot) -> Callable[[Passage], str]:
    folder = bot.notes_folder
    return lambda passage: link(bot.settings.link, folder, passage.note, passage.start_line)


def _is_indexed(folder: Path, settings: Settings, encoder: Encoder) -> bool:
    """Return whether the index that is set is of ``folder``."""
    bot = StudyBot(settings, encoder)
    try:
        return bot.status().notes_folder == folder.resolve()
    except IndexUnusable:
        return False
    finally:
        bot.close()


def _slug(folder: Path) -> str:
    """Return a name for the index of ``folder``: many are called ``notes``."""
    path = folder.resolve()
    return f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
