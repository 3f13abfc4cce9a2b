"""A model's export to ONNX: made once, kept in the user's cache, run without PyTorch. The only door to onnxruntime."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from platformdirs import user_cache_path

from studybot import checksums
from studybot.types import Vectors

VERSION = 1
"""Of what :mod:`studybot.conversion` makes; another one's exports are not used."""
GRAPH, WEIGHTS, STAMP = "graph.onnx", "weights", "stamp.json"
INPUTS = ("tokens", "mask")

# Read when onnxruntime is loaded, by whichever part of a program: since 1.29 it else reports its use to Microsoft.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Small batches stay in the processor's cache. Tokens a second, one core: 512 3,200 · 1,024 3,000 · 2,048 2,300 ·
# 8,192 1,600; with two cores the same order.
_TOKENS_AT_ONCE = 512
_KEPT = 4


class Export:
    """A model as onnxruntime runs it. Threads may share it, and their texts are not kept waiting for each other."""

    def __init__(self, place: Path) -> None:
        """Load the export that lies at ``place``: a tenth of a second, and some 100 MB of memory."""
        import onnxruntime

        # Before 1.29 it was Windows only, by a switch of its own.
        onnxruntime.disable_telemetry_events()
        chosen = onnxruntime.SessionOptions()
        chosen.log_severity_level = 3
        chosen.intra_op_num_threads = _threads()
        # A thread that spins while it waits is quicker only on a computer with nothing else to do: beside another
        # program that computes, texts took 1.3 times as long.
        chosen.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(place / GRAPH, chosen, providers=["CPUExecutionProvider"])
        self._padding = int(json.loads((place / STAMP).read_text(encoding="utf-8"))["padding"])
        # The least recently used ones are given up, see _prune.
        with contextlib.suppress(OSError):
            os.utime(place)

    def encode(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        """Return one unit-length float32 row for each text's tokens, in order. There must be a text."""
        shortest_first = sorted(range(len(tokens)), key=lambda text: len(tokens[text]))
        rows = [self._rows([tokens[text] for text in batch]) for batch in _batches(shortest_first, tokens)]
        return np.ascontiguousarray(np.concatenate(rows)[np.argsort(shortest_first)], np.float32)

    def _rows(self, batch: Sequence[Sequence[int]]) -> Vectors:
        ids = np.full((len(batch), len(batch[-1])), self._padding, np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        found: Vectors = self._session.run(None, dict(zip(INPUTS, (ids, mask), strict=True)))[0]
        return found


def _batches(texts: Sequence[int], tokens: Sequence[Sequence[int]]) -> Iterator[Sequence[int]]:
    """Cut ``texts``, shortest first, into batches of at most ``_TOKENS_AT_ONCE`` tokens with padding; or of one."""
    start = 0
    for end in range(1, len(texts) + 1):
        if end == len(texts) or (end - start + 1) * len(tokens[texts[end]]) > _TOKENS_AT_ONCE:
            yield texts[start:end]
            start = end


def _threads() -> int:
    """Return how many threads compute: what ``OMP_NUM_THREADS`` says, as for PyTorch, else one for each core."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if said.isdecimal() and int(said) > 0:
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def place(model: Path, digest: str) -> Path:
    """Return where the export of the model in the folder ``model`` is kept; ``digest`` is its weights' SHA-256.

    It is another place for another version, for other weights, and for the same weights read or pooled differently.
    """
    hashed = hashlib.sha256(f"{VERSION} {digest}".encode())
    below = [file for part in parts(model) if part != model for file in part.rglob("*") if file.is_file()]
    for file in sorted({*model.glob("*.json"), *below}):
        hashed.update(f"{file.relative_to(model).as_posix()} {checksums.sha256(file)}".encode())
    return user_cache_path("studybot") / "exports" / f"{digest[:16]}-{hashed.hexdigest()[:16]}"


def parts(model: Path) -> list[Path]:
    """Return the folders of the parts of the model in the folder ``model``, of which it is one itself.

    Raises:
        OSError, ValueError, LookupError, TypeError: what names them cannot be read.
    """
    return [model / part["path"] for part in json.loads((model / "modules.json").read_text(encoding="utf-8"))]


def fault(place: Path, checksum: Callable[[Path], str] = checksums.sha256_once) -> str | None:
    """Return what is wrong with the export at ``place``, or None."""
    try:
        stamp = json.loads((place / STAMP).read_text(encoding="utf-8"))
        if not isinstance(stamp["padding"], int):
            return f"{place / STAMP} names no token to fill up with"
        for name in (GRAPH, WEIGHTS):
            found, wanted = checksum(place / name), stamp[name]
            if found != wanted:
                return f"{place / name} has sha256 {found}, wanted {wanted}"
    except FileNotFoundError as error:
        return f"{error.filename} is not there"
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"{place} cannot be read: {error}"
    return None


def make(model: Path, place: Path) -> str | None:
    """Put the export of the model in the folder ``model`` to ``place``; return None, or why it could not be made.

    It takes some ten seconds, most of them PyTorch's import. What is interrupted leaves nothing behind.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".", dir=place.parent, ignore_cleanup_errors=True) as draft:
            _check_room(model, place.parent)
            # A process of its own: PyTorch would stay in this one's memory as long as it runs. -P: a student's folder
            # may hold a random.py.
            command = (sys.executable, "-P", "-m", "studybot.conversion", str(model), draft)
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
            )
            if done.returncode != 0:
                # 1 is an error, which ends with what it is; anything else, such as a lack of memory, says nothing.
                is_told = done.returncode == 1 and done.stderr.strip()
                return done.stderr.strip().split("\n")[-1] if is_told else f"it ended with code {done.returncode}"
            if fault(place) is not None:
                shutil.rmtree(place, ignore_errors=True)
                Path(draft).rename(place)
    except OSError as error:
        # Another process may have been quicker.
        return None if fault(place) is None else f"{place.parent} cannot be written to: {error.strerror}"
    _prune(place.parent)
    return None


def _check_room(model: Path, folder: Path) -> None:
    # Weights in half precision are exported in single.
    needed = 2 * (model / "model.safetensors").stat().st_size
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} ({needed / 1e6:,.0f} MB are needed)")


def _prune(exports: Path) -> None:
    """Give up all but the exports that were used last; a model that is trained again and again leaves many."""
    with contextlib.suppress(OSError):
        newest_first = sorted(exports.iterdir(), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
        for folder in newest_first[_KEPT:]:
            shutil.rmtree(folder, ignore_errors=True)
