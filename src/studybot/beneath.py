"""Files below a folder, reached without following a link, even one that is put there at this very moment.

A folder of notes may be shared or synced, so that others can put links into it. Each folder on the way is opened by its
name within the one before, which Windows cannot do: there, links are looked for by the caller alone.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from studybot import files

_CAN_STEP = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


def open_file(root: Path, path: str) -> BinaryIO:
    """Return the file at the relative ``path`` below ``root``, open for reading; a pipe is not waited for.

    Raises:
        OSError: it cannot be opened, or a part of ``path`` is a link.
    """
    if not _CAN_STEP:
        return (root / path).open("rb")

    def opened(name: str, flags: int) -> int:
        with _folder_of(root, path) as folder:
            return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)

    return open(path.rpartition("/")[2], "rb", opener=opened)


def replace(root: Path, path: str, content: bytes) -> None:
    """Put ``content`` into the file at ``path`` below ``root``, whole or not at all; folders are made as needed.

    Raises:
        OSError: it cannot be written, or a part of ``path`` is a link.
    """
    _put(files.swap, root, path, content)


def create(root: Path, path: str, content: bytes) -> None:
    """Put ``content`` into the file at ``path`` below ``root`` as :func:`replace` does, where there is none yet.

    Raises:
        FileExistsError: something of that name is there.
        OSError: it cannot be written, or a folder of ``path`` is a link.
    """
    _put(files.create, root, path, content)


def delete(root: Path, path: str) -> None:
    """Delete the file at ``path`` below ``root``.

    Raises:
        OSError: it cannot be deleted, or a folder of ``path`` is a link.
    """
    if not _CAN_STEP:
        (root / path).unlink()
        return
    with _folder_of(root, path) as folder:
        os.unlink(path.rpartition("/")[2], dir_fd=folder)


def _put(put: Callable[[Path, bytes, int | None], None], root: Path, path: str, content: bytes) -> None:
    if not _CAN_STEP:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        put(file, content, None)
        return
    with _folder_of(root, path, is_made=True) as folder:
        put(Path(path.rpartition("/")[2]), content, folder)


@contextmanager
def _folder_of(root: Path, path: str, *, is_made: bool = False) -> Iterator[int]:
    """Give the open folder in which the file at ``path`` lies."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in path.split("/")[:-1]:
            if is_made:
                with suppress(FileExistsError):
                    os.mkdir(name, dir_fd=folder)
            inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)
