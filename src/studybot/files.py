"""Files that are written as a whole or not at all."""

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator
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
    with _draft(file, content, _mode(file, within), within) as draft:
        os.replace(draft, file, src_dir_fd=within, dst_dir_fd=within)


def create(file: Path, content: bytes, within: int | None = None) -> None:
    """Put ``content`` into ``file``, which is not there yet: of those who create it at once, one does.

    ``within`` is as for :func:`swap`.

    Raises:
        FileExistsError: something of that name is there.
        OSError: it cannot be written; nothing is left behind.
    """
    with _draft(file, content, None, within) as draft:
        try:
            # Looks for the name and takes it in one step, which no rename does on every system.
            os.link(draft, file, src_dir_fd=within, dst_dir_fd=within)
        except FileExistsError:
            raise
        except OSError:
            # A drive without links, such as exFAT: there the name is taken first, with nothing in it for a moment.
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666, dir_fd=within))
            try:
                os.replace(draft, file, src_dir_fd=within, dst_dir_fd=within)
            except BaseException:
                os.unlink(file, dir_fd=within)
                raise


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


@contextlib.contextmanager
def _draft(file: Path, content: bytes, mode: int | None, within: int | None) -> Iterator[Path]:
    """Give a file beside ``file`` with its ``content``, to be given its name; afterwards the draft is gone."""
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
        yield draft
    finally:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=within)
    settle(file.parent, within)


def _mode(file: Path, within: int | None) -> int | None:
    """Return who may read and write ``file``; None where it is not there, or the system has no such modes."""
    try:
        found = os.stat(file, dir_fd=within, follow_symlinks=False).st_mode
    except OSError:
        return None
    return stat.S_IMODE(found) if stat.S_ISREG(found) and hasattr(os, "fchmod") else None
