"""Files that are written as a whole or not at all."""

import contextlib
import errno
import os
import stat
import uuid
from functools import partial
from pathlib import Path


def replace(file: Path, content: bytes) -> None:
    """Put ``content`` into ``file``: whoever reads it finds what was there before, or all of it.

    Raises:
        OSError: it cannot be written; ``file`` is as it was, and nothing is left behind.
    """
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    # What a link leads to is replaced, not the link.
    swap(Path(os.path.realpath(file)), content)


def swap(file: Path, content: bytes, within: int | None = None) -> None:
    """Put ``content`` into ``file``, a link of that name not followed; it may be read by those who could before.

    A relative path is one from the open folder ``within``, where that is given.

    Raises:
        OSError: it cannot be written; ``file`` is as it was, and nothing is left behind.
    """
    mode = _mode(file, within)
    # Hidden, so that a sync at this very moment passes over a note's draft; two writers have two drafts.
    draft = file.with_name(f".{uuid.uuid4().hex}.part")
    made = partial(os.open, mode=0o666 if mode is None else 0o600, dir_fd=within)
    try:
        with open(draft, "xb", opener=made) as stream:
            if mode is not None:
                # A drive without modes refuses.
                with contextlib.suppress(OSError):
                    os.fchmod(stream.fileno(), mode)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, file, src_dir_fd=within, dst_dir_fd=within)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=within)
        raise
    settle(file.parent, within)


def settle(folder: Path, within: int | None = None) -> None:
    """Make the names in ``folder`` outlast a power cut, where the system lets folders be written through.

    ``within`` is as for :func:`swap`.
    """
    # Windows opens no folder, and some drives refuse; the content is on the disk in any case.
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY, dir_fd=within)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _mode(file: Path, within: int | None) -> int | None:
    """Return who may read and write ``file``; None where it is not there, or the system has no such modes."""
    try:
        found = os.stat(file, dir_fd=within, follow_symlinks=False).st_mode
    except OSError:
        return None
    return stat.S_IMODE(found) if stat.S_ISREG(found) and hasattr(os, "fchmod") else None
