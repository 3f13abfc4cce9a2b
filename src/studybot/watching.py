"""The notes folder, watched: when notes may have changed, a sync is asked for. The only door to watchfiles."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchfiles import Change, watch

from studybot.notes import SUFFIXES, is_hidden, list_folders

SWEEP_S = 60.0
"""How often a sync is asked for although nothing was seen: a network drive does not tell what others change there."""

# A burst, such as a checkout of many files, is one change: it is over when nothing came for the first of these, and the
# second is how long it is waited for at most.
_QUIET_MS = 200
_BURST_MS = 1_000
_LOOK_S = 1.0

_LOG = logging.getLogger(__name__)


class Watching:
    """Asks for a sync when notes are added, edited, renamed or removed, and once in ``sweep_s`` in any case.

    A context manager; it watches, in a thread of its own, until it is left.
    """

    def __init__(self, folder: Path, ask_for_sync: Callable[[], object], sweep_s: float = SWEEP_S) -> None:
        """Watch nothing yet. ``folder`` need not be there: it is waited for. What changed, the sync finds out."""
        self._folder = folder
        self._ask_for_sync = ask_for_sync
        self._sweep_s = sweep_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._told = ""

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        # Not longer: a drive that does not answer would keep the server from ending.
        self._thread.join(2 * _LOOK_S)

    def _run(self) -> None:
        while not self._is_over.is_set():
            before = _identity(self._folder)
            patience_s = self._sweep_s
            try:
                self._watch(before)
                continue
            except FileNotFoundError:
                # The notes folder is not there; or one below it went while it was looked for, and all is well.
                if before is not None:
                    patience_s = _LOOK_S
            except (OSError, RuntimeError) as error:
                # The system watches no more folders than a limit allows; watchfiles tells some of that as RuntimeError.
                # Behind "about" it says the same again, for those who wrote it.
                why = str(error).split(" about [", 1)[0].rstrip(".")
                self._tell(f"{self._folder} cannot be watched ({why}); it is looked at every {self._sweep_s:g} s")
            self._ask_for_sync()
            until = time.monotonic() + patience_s
            while time.monotonic() < until and _identity(self._folder) == before and not self._is_over.wait(_LOOK_S):
                pass

    def _watch(self, identity: tuple[int, int] | None) -> None:
        """Ask for syncs until the folder is another than ``identity``, or the folders in it are others.

        Raises:
            OSError, RuntimeError: it cannot be watched.
        """
        root = self._folder.resolve()
        # In any case the folder itself, which says what is wrong with it.
        folders = list_folders(root) | {root}
        # With inotify, watchfiles follows links when it is left to find the folders itself, and watches what is hidden.
        # Elsewhere the system watches a whole folder at once, and Windows lets no watched one below it be renamed.
        watched = folders if sys.platform == "linux" else [root]
        # watchfiles can be told to pass over what it has no permission for, but keeps silent about any limit then.
        changes = watch(
            *watched,
            watch_filter=lambda change, path: concerns_notes(root, folders, change, Path(path)),
            step=_QUIET_MS,
            debounce=_BURST_MS,
            stop_event=self._is_over,
            rust_timeout=round(_LOOK_S * 1000),
            yield_on_timeout=True,
            recursive=watched is not folders,
        )
        asked: float | None = None
        for found in changes:
            self._told = ""
            # The first time for what changed before anything was watched.
            if found or asked is None or time.monotonic() - asked >= self._sweep_s:
                asked = time.monotonic()
                self._ask_for_sync()
                if list_folders(root) | {root} != folders:
                    return
            if _identity(self._folder) != identity:
                return

    def _tell(self, message: str) -> None:
        if message != self._told:
            self._told = message
            _LOG.warning(message)


def concerns_notes(root: Path, folders: frozenset[Path], change: Change, path: Path) -> bool:
    """Return whether a note came, changed or went with ``path``, or a folder, which may hold notes, came or went.

    That a folder changed says nothing: the index, which a sync writes, may lie in it.
    """
    if is_hidden(*path.parts[len(root.parts) :]):
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    return path in folders if change == Change.deleted else change == Change.added and path.is_dir()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what tells ``folder`` from another one that takes its place, as a drive's does when it comes back."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
