"""Files that are written as a whole or not at all."""

import contextlib
import errno
import os
import uuid
from pathlib import Path


def replace(file: Path, content: bytes) -> None:
    """Put ``content`` into ``file``: whoever reads it finds what was there before, or all of it.

    Raises:
        OSError: it cannot be written; ``file`` is as it was, and nothing is left behind.
    """
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    # What a link leads to is replaced, not the link.
    file = Path(os.path.realpath(file))
    # Hidden, so that a sync at this very moment passes over a note's draft; two writers have two drafts.
    draft = file.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with draft.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    settle(file.parent)


def settle(folder: Path) -> None:
    """Make the names in ``folder`` outlast a power cut, where the system lets folders be written through."""
    # Windows opens no folder, and some drives refuse; the content is on the disk in any case.
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
