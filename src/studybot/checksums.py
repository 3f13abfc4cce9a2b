"""What a file holds, as its SHA-256; large files are read once."""

import contextlib
import hashlib
import json
from pathlib import Path

from platformdirs import user_cache_path

from studybot import files


def sha256(file: Path) -> str:
    """Return a file's SHA-256; it is read.

    Raises:
        OSError: it cannot be.
    """
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_once(file: Path) -> str:
    """Return a file's SHA-256; it is read once, and again only when its size or time changed.

    Raises:
        OSError: it cannot be read.
    """
    status = file.stat()
    known = user_cache_path("studybot") / "checked-models.json"
    key = f"{file.resolve()} {status.st_size} {status.st_mtime_ns}"
    try:
        checked: dict[str, str] = json.loads(known.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        checked = {}
    if key not in checked:
        checked[key] = sha256(file)
        _remember(known, checked)
    return checked[key]


def _remember(known: Path, checked: dict[str, str]) -> None:
    # A home that cannot be written to costs half a second at each start, nothing else.
    with contextlib.suppress(OSError):
        known.parent.mkdir(parents=True, exist_ok=True)
        files.replace(known, json.dumps(checked, indent=1).encode())
