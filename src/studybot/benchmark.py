"""How quick studybot is and what it needs: ``python -m studybot.benchmark FILE PLOT SHARED`` measures and keeps it.

Times of one run belong together: a machine that does other things besides makes all of them longer.
"""

import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from pydantic import TypeAdapter, ValidationError

from studybot import files, plots, questions
from studybot.bot import StudyBot
from studybot.encoding import SentenceEncoder, load_model
from studybot.errors import ResultInvalid
from studybot.settings import Settings
from studybot.synthetic import STATEMENTS, SyntheticEncoder, write_notes
from studybot.types import Encoder, Vectors

# Passages, and statements in each. A million passages are what the search is measured at, not what notes look like.
_SIZES = {10_000: STATEMENTS, 100_000: STATEMENTS, 1_000_000: 1}
_COLD = 5
_ROUNDS = 3
_EDIT = "\n\nStudybot was here, and it wrote one more sentence.\n"


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Times of many questions, in milliseconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Warm:
    """An index of some size: what a question takes, all in all and beyond encoding, and what the server holds."""

    passages: int
    statements: int
    is_synthetic: bool
    total_ms: Percentiles
    beyond_encoding_ms: Percentiles
    server_mb: int


@dataclass(frozen=True, slots=True)
class Cold:
    """Seconds from starting a process to its end, the median of five; studybot's and the other one's taken in turn."""

    studybot_s: float
    langchain_s: float


@dataclass(frozen=True, slots=True)
class Embedding:
    """Seconds that making an index takes, and that encoding the same texts with sentence-transformers does."""

    texts: int
    index_s: float
    plain_s: float


@dataclass(frozen=True, slots=True)
class Syncing:
    """Seconds of ``studybot index`` as a process, medians of five: nothing changed, and one note did."""

    notes: int
    passages: int
    nothing_s: float
    one_edit_s: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What was measured, and on what."""

    environment: dict[str, str]
    warm: tuple[Warm, ...]
    cold: Cold
    embedding: Embedding
    syncing: Syncing


class _Watched:
    """An encoder that remembers what it was given, and how long it took."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.fingerprint, self.dim, self.max_tokens = encoder.fingerprint, encoder.dim, encoder.max_tokens
        self.damage, self.count_tokens = encoder.damage, encoder.count_tokens
        self.texts: list[str] = []
        self.seconds = 0.0

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        began = time.perf_counter()
        rows = self._encoder.encode(texts)
        self.seconds += time.perf_counter() - began
        return rows


def measure(shared: Path, scratch: Path, say: Callable[[str], None]) -> Benchmark:
    """Return how quick studybot is on the notes and questions in ``shared``; what is made lies in ``scratch``."""
    notes, words = shared / "notes", shared / "data" / "aws-documentation" / "notes"
    asked = [one.question for one in questions.load(shared / "questions" / "architect-associate.dev.jsonl")]
    encoder = SentenceEncoder()
    encoder.encode(["The first call loads the model."])
    say("a student's notes")
    embedding = _embedding(notes, scratch / "student", encoder)
    warm = [_warm(scratch / "student", asked, encoder, is_synthetic=False)]
    say("cold starts")
    cold = _cold(notes, scratch / "student", scratch / "langchain", asked)
    say("a sync of many files")
    syncing = _syncing(shared / "data" / "powershell-docs", scratch / "files", encoder)
    for size, statements in _SIZES.items():
        say(f"{size:,} passages")
        made, index = scratch / f"notes-{size}", scratch / f"index-{size}"
        write_notes(made, size, words, statements)
        _index(made, index, SyntheticEncoder(encoder))
        warm.append(_warm(index, asked, encoder, is_synthetic=True))
        shutil.rmtree(made)
        shutil.rmtree(index)
    environment = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
    }
    return Benchmark(environment, tuple(warm), cold, embedding, syncing)


def _index(notes: Path, index: Path, encoder: Encoder) -> None:
    bot = StudyBot(Settings(notes=notes, index=index), encoder)
    bot.sync()
    bot.close()


def _embedding(notes: Path, index: Path, encoder: SentenceEncoder) -> Embedding:
    watched = _Watched(encoder)
    began = time.perf_counter()
    _index(notes, index, watched)
    indexed = time.perf_counter()
    model = load_model(encoder.folder)
    model.encode(["The first call is slow."])
    loaded = time.perf_counter()
    model.encode(watched.texts, normalize_embeddings=True, show_progress_bar=False)
    return Embedding(len(watched.texts), indexed - began, time.perf_counter() - loaded)


def _warm(index: Path, asked: Sequence[str], encoder: Encoder, *, is_synthetic: bool) -> Warm:
    watched = _Watched(encoder)
    bot = StudyBot(Settings(index=index), watched)
    bot.warm_up()
    totals, beyond = [], []
    for question in [*asked] * _ROUNDS:
        watched.seconds, began = 0.0, time.perf_counter()
        bot.ask(question)
        totals.append(time.perf_counter() - began)
        beyond.append(totals[-1] - watched.seconds)
    counts = bot.status().counts
    bot.close()
    return Warm(
        passages=counts["passages"],
        statements=counts["statements"],
        is_synthetic=is_synthetic,
        total_ms=_percentiles(totals),
        beyond_encoding_ms=_percentiles(beyond),
        server_mb=_server_mb(index, asked),
    )


def _percentiles(seconds: Sequence[float]) -> Percentiles:
    return Percentiles(*(round(1000 * float(value), 2) for value in np.percentile(seconds, [50, 95, 99])))


def _server_mb(index: Path, asked: Sequence[str]) -> int:
    """Return what a server process holds in memory after it was asked; as Linux tells it."""
    import httpx2

    command = [*_STUDYBOT, "serve", "--index", str(index), "--port", "0", "--no-watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = next(line.split()[3] for line in server.stdout if "answers at" in line)
            with httpx2.Client(base_url=address, timeout=60) as client:
                for question in asked:
                    client.post("/api/ask", json={"question": question}).raise_for_status()
            status = Path(f"/proc/{server.pid}/status").read_text("utf-8")
            return round(int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1000)
        finally:
            server.terminate()


def _cold(notes: Path, index: Path, langchain: Path, asked: Sequence[str]) -> Cold:
    _run(_PEER, "index", notes, langchain)
    own, other = [], []
    for question in asked[:_COLD]:
        own.append(_run(_STUDYBOT, "ask", question, "--index", index, "--min-confidence", 0))
        other.append(_run(_PEER, "ask", question, langchain))
    return Cold(median(own), median(other))


def _syncing(notes: Path, scratch: Path, encoder: Encoder) -> Syncing:
    copy, index = scratch / "notes", scratch / "index"
    shutil.copytree(notes, copy)
    _index(copy, index, SyntheticEncoder(encoder))
    # A note that was read just after it was written is read again: the clocks of files are coarse.
    time.sleep(3)
    _run(_STUDYBOT, "index", copy, "--index", index)
    nothing, edits = [], []
    for note in sorted(copy.rglob("*.md"))[:_COLD]:
        nothing.append(_run(_STUDYBOT, "index", copy, "--index", index))
        with note.open("a", encoding="utf-8") as file:
            file.write(_EDIT)
        edits.append(_run(_STUDYBOT, "index", copy, "--index", index))
    status = StudyBot(Settings(index=index), encoder).status()
    return Syncing(status.counts["notes"], status.counts["passages"], median(nothing), median(edits))


_STUDYBOT = (sys.executable, "-m", "studybot")
_PEER = (sys.executable, "-m", "studybot.peer")


def _run(command: Sequence[str], *arguments: object) -> float:
    """Run a process and return its seconds from start to end."""
    began = time.perf_counter()
    subprocess.run([*command, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def read(file: Path) -> Benchmark:
    """Return what was kept in ``file``.

    Raises:
        ResultInvalid: it cannot be read, or is no benchmark.
    """
    try:
        return TypeAdapter(Benchmark).validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise ResultInvalid(f"{file} is no benchmark: {error}; make it: make bench") from error


def main(file: Path, plot: Path, shared: Path) -> None:
    """Measure, write the figures into ``file`` as JSON and the picture of them into ``plot``."""
    with tempfile.TemporaryDirectory() as scratch:
        measured = measure(shared, Path(scratch), lambda what: print(f"measuring {what}", flush=True))
    files.replace(file, TypeAdapter(Benchmark).dump_json(measured, indent=1) + b"\n")
    times = [one.beyond_encoding_ms for one in measured.warm]
    sizes = [one.passages for one in measured.warm]
    files.replace(plot, plots.overhead(sizes, [time.p50 for time in times], [time.p95 for time in times]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
