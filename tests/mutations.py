"""Damage on purpose: one file of an index is changed by chance, and what is asked, checked and mended is looked at.

A reply has to be the sound one, or a named error; every quote has to stand in the notes at its lines; what no question
can be answered from the doctor has to name, and to mend.
"""

import random
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studybot.bot import Reply, StudyBot
from studybot.database import FILE as DATABASE
from studybot.errors import IndexMismatch, IndexMissing, IndexUnusable, NotesFolderMissing
from studybot.settings import Settings
from studybot.types import Answer
from studybot.vectors import FILE as VIEW
from studybot.vectors import STAMP
from tests.word_encoder import WordEncoder

PAGE = 4096
LOG = f"{DATABASE}-wal"
_WORDS = [
    first + second for first in "ba ke li mo nu pa ri so ta vu".split() for second in "den kor lim mas per".split()
]
QUESTIONS = (
    "How large is the baden of kelim?",
    "What is mokor?",
    "Which baden has a lidenx?",
    "nuper taper vuden, padem?",
)


@dataclass(frozen=True, slots=True)
class Sound:
    """Indexes as they should be, and what is replied from them: ``index`` of ``notes``, ``other`` of other notes.

    ``logged`` is ``index`` after one more sync that is in SQLite's log only, so that losing it is no damage.
    """

    notes: Path
    index: Path
    other: Path
    logged: Path
    replies: tuple[Reply, ...]
    other_replies: tuple[Reply, ...]
    logged_replies: tuple[Reply, ...]
    turns: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one mutation did, in words, what came of it (``as sound``, or an error's code), and what went wrong."""

    mutation: str
    came_of_it: str
    failure: str | None
    turns_lost: int


def write_notes(folder: Path, seed: int, count: int = 12) -> None:
    """Fill ``folder`` with ``count`` notes of made words; the same seed gives the same notes."""
    chance = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        sections = []
        for _ in range(4):
            lines = [f"- The {' '.join(chance.choices(_WORDS, k=7))} is {chance.randint(2, 900)}." for _ in range(4)]
            sections.append(f"## {' '.join(chance.choices(_WORDS, k=2)).title()}\n\n" + "\n".join(lines) + "\n")
        (folder / f"{number:02}.md").write_text(f"# Note {number}\n\n" + "\n".join(sections), encoding="utf-8")


def make(root: Path) -> Sound:
    """Return sound indexes in ``root``."""
    notes, index, other, logged = (root / name for name in ("notes", "index", "other", "logged"))
    write_notes(notes, 1)
    write_notes(root / "other-notes", 2)
    bot = _bot(notes, index)
    bot.sync()
    for _ in range(3):
        conversation = None
        for question in QUESTIONS * 2:
            conversation = bot.ask(question, conversation=conversation, as_typed=True, remember=True).conversation
    replies, turns = _replies(bot), _turns(bot)
    bot.close()
    stranger = _bot(root / "other-notes", other)
    stranger.sync()
    other_replies = _replies(stranger)
    stranger.close()
    # The same notes, but for one that is longer: what stood in the others stands there still.
    shutil.copytree(index, root / "open")
    later = _bot(notes, root / "open")
    reader = later.lookup()
    with (notes / "11.md").open("a", encoding="utf-8") as note:
        note.write("\n## Mokor\n\n- The mokor of kelim is 1,000.\n")
    later.sync()
    shutil.copytree(root / "open", logged, ignore=shutil.ignore_patterns("*-shm"))
    assert (logged / LOG).stat().st_size > PAGE
    logged_replies = _replies(later)
    reader.close()
    return Sound(notes, index, other, logged, replies, other_replies, logged_replies, turns)


def mutate(sound: Sound, seed: int, folder: Path, *, repair: bool = True) -> Outcome:
    """Make an index in ``folder``, which is not there yet, damage it as ``seed`` has it, and return what came of it."""
    chance = random.Random(seed)
    name = chance.choices((DATABASE, VIEW, STAMP, LOG), weights=(60, 15, 10, 15))[0]
    original = sound.logged if name == LOG else sound.index
    shutil.copytree(original, folder)
    change = chance.choice(_CHANGES)
    if change is _exchange and name == LOG:
        change = _flip
    told = f"{change.__name__.strip('_')} {name} {change(folder / name, sound.other / name, chance)}"
    knows_notes = chance.random() < 0.5
    allowed = [sound.replies, sound.logged_replies] if name == LOG else [sound.replies]
    if not knows_notes:
        # An index that was exchanged as a whole is another one's, and so are its notes.
        allowed.append(sound.other_replies)
    bot = _bot(sound.notes if knows_notes else None, folder)
    try:
        came_of_it, failure = _asked(bot, allowed)
        failure = failure or _examined(bot, came_of_it)
        lost = 0
        if repair and failure is None:
            failure, lost = _repaired(bot, sound, folder)
    except Exception as error:  # noqa: BLE001 - a traceback is what is looked for
        return Outcome(told, "traceback", f"{type(error).__name__}: {error}", 0)
    finally:
        bot.close()
    return Outcome(told, came_of_it, failure, lost)


def run(count: int, first_seed: int, root: Path) -> dict[str, Any]:
    """Make ``count`` mutations and return how many there were of which kind, what came of them, and what went wrong.

    A repair loses turns where they are in no file any more: it was deleted, cut off, written over or exchanged.
    """
    sound = make(root / "sound")
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    failures: list[str] = []
    lost = 0
    for seed in range(first_seed, first_seed + count):
        outcome = mutate(sound, seed, root / "mutated")
        shutil.rmtree(root / "mutated")
        counts[outcome.came_of_it] += 1
        kinds[" ".join(outcome.mutation.split()[:2])] += 1
        lost += outcome.turns_lost > 0
        if outcome.failure:
            failures.append(f"seed {seed}, {outcome.mutation}: {outcome.failure}")
    return {
        "first_seed": first_seed,
        "mutations": count,
        "failures": failures,
        "came_of_it": dict(sorted(counts.items())),
        "kinds": dict(sorted(kinds.items())),
        "repairs_that_lost_turns": lost,
    }


def _asked(bot: StudyBot, allowed: list[tuple[Reply, ...]]) -> tuple[str, str | None]:
    came_of_it = "as sound"
    found: list[Reply] = []
    for question in QUESTIONS:
        try:
            found.append(_ask(bot, question))
        except IndexUnusable as error:
            came_of_it = error.code
            continue
        wrong = _wrong_quote(found[-1], bot.notes_folder)
        if wrong:
            return came_of_it, f"a wrong citation: {wrong}"
    if not any(all(reply in replies for reply in found) for replies in allowed):
        return came_of_it, f"other replies than the sound ones, none of them wrong: {came_of_it}"
    return came_of_it, None


def _examined(bot: StudyBot, came_of_it: str) -> str | None:
    try:
        findings = bot.examine()
    except (IndexMissing, IndexMismatch):
        return None
    except NotesFolderMissing:
        return None
    # A question builds the view anew; nothing else mends itself.
    if came_of_it != "as sound" and not any(findings.values()):
        return f"the doctor finds nothing although a question gives {came_of_it}"
    if findings.get("view") is not None and findings.get("pipeline", "") is None and came_of_it == "as sound":
        return "the view was not built anew"
    return None


def _repaired(bot: StudyBot, sound: Sound, folder: Path) -> tuple[str | None, int]:
    """Return what is wrong after a repair, and how many turns were lost."""
    # Where the notes folder cannot be read any more, or is another's, it has to be named.
    bot.close()
    mended = _bot(sound.notes, folder)
    try:
        try:
            mended.repair()
        except IndexMissing:
            mended.sync()
        if any(mended.examine().values()):
            return f"after the repair: {mended.examine()}", 0
        if _replies(mended) != sound.logged_replies:
            return "after the repair there are other replies", 0
        kept = _turns(mended)
    finally:
        mended.close()
    for conversation, questions in kept.items():
        whole = iter(sound.turns.get(conversation, []))
        if not all(question in whole for question in questions):
            return "after the repair a turn says something else", 0
    return None, sum(map(len, sound.turns.values())) - sum(map(len, kept.values()))


def _flip(file: Path, _: Path, chance: random.Random) -> str:
    content = bytearray(file.read_bytes())
    places = [chance.randrange(len(content)) for _ in range(chance.choice((1, 1, 1, 8)))]
    for place in places:
        content[place] ^= 1 << chance.randrange(8)
    file.write_bytes(content)
    return f"at {places}"


def _truncate(file: Path, _: Path, chance: random.Random) -> str:
    size = chance.randrange(file.stat().st_size)
    size -= chance.choice((0, size % PAGE))
    with file.open("r+b") as stream:
        stream.truncate(size)
    return f"to {size}"


def _zero(file: Path, _: Path, chance: random.Random) -> str:
    return _overwrite(file, chance, bytes(chance.choice((64, 512, PAGE))))


def _garble(file: Path, _: Path, chance: random.Random) -> str:
    return _overwrite(file, chance, chance.randbytes(chance.choice((4, 64, 512, PAGE))))


def _repeat(file: Path, _: Path, chance: random.Random) -> str:
    content = file.read_bytes()
    start = chance.randrange(max(1, len(content) // PAGE)) * PAGE
    return f"from {start} " + _overwrite(file, chance, content[start : start + PAGE])


def _append(file: Path, _: Path, chance: random.Random) -> str:
    with file.open("ab") as stream:
        stream.write(chance.randbytes(chance.choice((1, 100, PAGE))))
    return ""


def _exchange(file: Path, other: Path, _: random.Random) -> str:
    shutil.copyfile(other, file)
    return ""


def _delete(file: Path, _: Path, __: random.Random) -> str:
    file.unlink()
    return ""


def _overwrite(file: Path, chance: random.Random, block: bytes) -> str:
    content = bytearray(file.read_bytes())
    step = len(block) if len(block) in (512, PAGE) else 1
    start = chance.randrange(max(1, len(content) // step)) * step
    content[start : start + len(block)] = block[: max(0, len(content) - start)]
    file.write_bytes(content)
    return f"at {start}"


_CHANGES = (_flip, _flip, _flip, _flip, _truncate, _zero, _garble, _repeat, _append, _exchange, _delete)


def _bot(notes: Path | None, index: Path) -> StudyBot:
    return StudyBot(Settings(notes=notes, index=index), WordEncoder())


def _ask(bot: StudyBot, question: str) -> Reply:
    return replace(bot.ask(question), timings_ms={})


def _replies(bot: StudyBot) -> tuple[Reply, ...]:
    return tuple(_ask(bot, question) for question in QUESTIONS)


def _turns(bot: StudyBot) -> dict[str, list[str]]:
    """Return by conversation what was asked and answered, with what was cited."""
    history = bot.history()
    return {one.id: [repr(turn) for turn in history.turns(one.id)] for one in history.conversations()}


def _wrong_quote(reply: Reply, notes: Path) -> str | None:
    """Return a quote of ``reply`` that does not stand in the notes at its lines, or None."""
    if not isinstance(reply.outcome, Answer):
        return None
    for quote in reply.outcome.quotes:
        note = reply.hits[quote.citation - 1].passage.note
        file = notes / note
        lines = file.read_text(encoding="utf-8").split("\n") if file.is_file() else []
        if quote.text not in "\n".join(lines[quote.start_line - 1 : quote.end_line]):
            return f"{note}:{quote.start_line}-{quote.end_line} does not say {quote.text!r}"
    return None
