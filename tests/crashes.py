"""Processes that are killed at random moments while they write into an index, and what is found there afterwards.

Each has to leave the old state or the new one, whole, in which the doctor finds nothing; and every turn that was kept
before the kill. A killed process has written what the system was told to write; a power cut is another matter.
"""

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from studybot.bot import StudyBot
from studybot.database import FILE as DATABASE
from studybot.errors import IndexMismatch, IndexMissing, StudybotError
from studybot.history import History
from studybot.settings import Settings
from studybot.vectors import FILE as VIEW
from studybot.vectors import STAMP
from tests.mutations import QUESTIONS, write_notes
from tests.word_encoder import WordEncoder

KINDS = ("index", "sync", "history", "view", "repair")
_NOTES = 24
_LONGEST_S = 60

Contents = dict[str, Any]


def begun(work: Callable[..., None], *arguments: object) -> tuple[Any, Connection]:
    """Return a process that does ``work``, whose last argument is its end of a pipe, and ours; it has begun to work."""
    # A server without threads that has loaded everything forks each: a hundredth of the time of a new interpreter.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crashes", "faiss"])
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, *arguments, theirs))
    process.start()
    theirs.close()
    assert ours.poll(_LONGEST_S)
    assert ours.recv() == "began"
    return process, ours


def _run(work: Callable[..., None], *arguments: Any) -> None:
    arguments[-1].send("began")
    work(*arguments)


def sync(notes: Path, index: Path, pipe: Connection) -> None:
    """Sync, and tell how it ended: ``done``, or the code of an error."""
    bot = make_bot(notes, index)
    try:
        bot.sync()
        pipe.send("done")
    except StudybotError as error:
        pipe.send(error.code)
    finally:
        bot.close()


def converse(notes: Path, index: Path, pipe: Connection) -> None:
    """Ask on and on in one conversation, and tell of each turn after it was kept."""
    bot = make_bot(notes, index)
    conversation = None
    for number in range(200):
        question = f"{number} {QUESTIONS[number % len(QUESTIONS)]}"
        conversation = bot.ask(question, conversation=conversation, as_typed=True, remember=True).conversation
        pipe.send((conversation, question))


def renew_views(notes: Path, index: Path, pipe: Connection) -> None:
    """Lose the view and build it anew, again and again."""
    for _ in range(20):
        for name in (VIEW, STAMP):
            (index / name).unlink(missing_ok=True)
        bot = make_bot(notes, index)
        bot.warm_up()
        bot.close()
    pipe.send("done")


def repair(notes: Path, index: Path, pipe: Connection) -> None:
    """Mend a damaged index."""
    bot = make_bot(notes, index)
    bot.repair()
    bot.close()
    pipe.send("done")


def make_bot(notes: Path, index: Path) -> StudyBot:
    """Return a bot with the double."""
    return StudyBot(Settings(notes=notes, index=index), WordEncoder())


def contents(bot: StudyBot) -> Contents | None:
    """Return all that the store of ``bot`` says of the notes, or None where nothing was indexed."""
    try:
        store = bot.lookup().store
    except (IndexMissing, IndexMismatch):
        return None
    if store.pipeline is None:
        return None
    numbers, vectors = store.passage_vectors()
    passages = store.passages(numbers)
    spellings = store.full_text.spellings()
    return {
        "notes": [(note.path, note.sha256, note.encoding, note.size) for note in store.notes().values()],
        "passages": {path: store.passages_of(path) for path in store.notes()},
        "vectors": {passages[number].id: row.tobytes() for number, row in zip(numbers, vectors, strict=True)},
        "statements": {passages[found.number].id: found.vectors for found in store.candidates(numbers)},
        "acronyms": sorted(store.acronyms()),
        "headings": store.headings(),
        "spellings": spellings,
        "words": store.full_text.document_counts(sorted(spellings)),
        "replies": [[hit.passage.id for hit in bot.ask(question).hits] for question in QUESTIONS],
    }


class Harness:
    """Indexes to begin from, and what they say; kills what works on copies of them."""

    def __init__(self, root: Path) -> None:
        """Make the indexes in ``root``."""
        self._root = root
        self._notes = root / "notes"
        self._before, self._after = root / "before", root / "after"
        for folder, seed in ((self._before, 1), (self._after, 1)):
            write_notes(folder, seed, _NOTES)
        # Edited, added and removed.
        write_notes(self._after, 2, _NOTES // 2)
        write_notes(self._after / "more", 3, 3)
        (self._after / f"{_NOTES - 1:02}.md").unlink()
        self._index = root / "index"
        self._put(self._before)
        bot = make_bot(self._notes, self._index)
        bot.sync()
        self._conversation = bot.ask(QUESTIONS[0], remember=True).conversation
        self._old = contents(bot)
        bot.close()
        shutil.copytree(self._index, root / "new")
        self._put(self._after)
        bot = make_bot(self._notes, root / "new")
        bot.sync()
        self._new = contents(bot)
        bot.close()
        self._durations: dict[str, float] = {}

    def kill(self, kind: str, chance: random.Random) -> tuple[bool, str | None]:
        """Kill what is of this ``kind``; return whether that came before its end, and what is wrong afterwards."""
        index = self._root / "killed"
        shutil.rmtree(index, ignore_errors=True)
        works = {"history": converse, "view": renew_views, "repair": repair}
        work = works.get(kind, sync)
        self._put(self._before if kind in works else self._after)
        if kind != "index":
            shutil.copytree(self._index, index)
        if kind == "repair":
            _damage(index / DATABASE)
        if kind not in self._durations:
            self._durations[kind] = 0.0
            self._durations[kind] = self._timed(work, index)
            return self.kill(kind, chance)
        process, pipe = begun(work, self._notes, index)
        time.sleep(chance.uniform(0.0, self._durations[kind]))
        process.kill()
        process.join(_LONGEST_S)
        told = []
        with suppress(EOFError):
            while True:
                told.append(pipe.recv())
        pipe.close()
        try:
            wrong = self._wrong(kind, index, told)
        except Exception as error:  # noqa: BLE001 - a traceback is what is looked for
            wrong = f"{type(error).__name__}: {error}"
        return process.exitcode == -9, wrong

    def _put(self, notes: Path) -> None:
        shutil.rmtree(self._notes, ignore_errors=True)
        shutil.copytree(notes, self._notes)

    def _timed(self, work: Callable[..., None], index: Path) -> float:
        process, pipe = begun(work, self._notes, index)
        start = time.monotonic()
        with suppress(EOFError):
            while time.monotonic() - start < 1.0:
                pipe.recv()
        took = time.monotonic() - start
        process.kill()
        process.join(_LONGEST_S)
        pipe.close()
        return took

    def _wrong(self, kind: str, index: Path, told: Sequence[Any]) -> str | None:
        bot = make_bot(self._notes, index)
        if kind == "repair":
            # The damaged store or the new one; it goes on from either.
            bot.repair()
        try:
            found = contents(bot)
            if found not in {"index": [None, self._new], "sync": [self._old, self._new]}.get(kind, [self._old]):
                return "neither the old nor the new state"
            if found is not None:
                expected = {"notes"} if found != self._new and kind == "sync" else set()
                problems = {name for name, problem in bot.examine().items() if problem is not None}
                if problems != expected:
                    return f"the doctor finds {bot.examine()}"
            if kind == "history" and (wrong := _lost(bot.history(), told)):
                return wrong
            if kind != "index" and self._conversation not in {one.id for one in bot.history().conversations()}:
                return "a conversation is lost"
            # What was interrupted goes on.
            bot.sync()
            if contents(bot) != (self._new if kind in ("index", "sync") else self._old):
                return "after another sync there are other contents"
            return str(bot.examine()) if any(bot.examine().values()) else None
        finally:
            bot.close()


def run(kills: int, seed: int, root: Path) -> dict[str, Any]:
    """Return how many processes were killed of each kind, all in all ``kills``, and what was wrong afterwards."""
    harness = Harness(root)
    chance = random.Random(seed)
    counts = dict.fromkeys(KINDS, 0)
    too_late = 0
    failures = []
    while sum(counts.values()) < kills:
        kind = KINDS[sum(counts.values()) % len(KINDS)]
        was_running, wrong = harness.kill(kind, chance)
        if wrong is not None:
            failures.append(f"{kind}, kill {sum(counts.values())}: {wrong}")
        # One that had ended was not killed.
        counts[kind] += was_running
        too_late += not was_running
    return {"seed": seed, "kills": sum(counts.values()), "by_kind": counts, "too_late": too_late, "failures": failures}


def _damage(file: Path) -> None:
    """Change a letter of every passage, which SQLite does not notice."""
    content = file.read_bytes()
    assert content.count(b"- The ") > 1
    file.write_bytes(content.replace(b"- The ", b"- Thy "))


def _lost(history: History, told: Sequence[Any]) -> str | None:
    if not told:
        return None
    kept = [turn.question for turn in history.turns(told[0][0])]
    acknowledged = [question for _, question in told]
    # One more may have been kept before it was told of.
    if kept[: len(acknowledged)] != acknowledged or len(kept) > len(acknowledged) + 1:
        return f"{len(acknowledged)} turns were acknowledged, {len(kept)} are there"
    return None
