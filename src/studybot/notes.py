"""The folder of notes: which files are notes, and what they say. Nothing else opens a note."""

import codecs
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from studybot import beneath
from studybot.errors import NoteExists, NoteNameInvalid, NoteNotFound, NotesFolderMissing, NoteUnreadable
from studybot.types import Note

SUFFIXES = frozenset({".md", ".markdown", ".txt"})
MAX_BYTES = 20 * 1024 * 1024
MAX_NAME_BYTES = 4096
_FORBIDDEN = re.compile(r"[\x00\ud800-\udfff]")
# Windows reads these as a folder separator, a drive and its devices; elsewhere they are names like any other.
WINDOWS_FORBIDDEN = re.compile(
    r"[\x00-\x1f\ud800-\udfff\\:*?\"<>|]|(?:^|/)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])"
    r" *(?:[./]|$)|[ .](?:/|$)",
    re.IGNORECASE,
)

# A file that starts with one of these is text although it holds NUL bytes.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UNICODE = frozenset({"utf-8", *(encoding for _, encoding in _BYTE_ORDER_MARKS)})


@dataclass(frozen=True, slots=True)
class NoteFile:
    """A note on disk, not opened yet; size and time tell whether it may have changed."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a notes folder: the notes in the order of their names, and what was left out and why."""

    files: tuple[NoteFile, ...]
    left_out: dict[str, str]


def list_notes(folder: Path) -> Listing:
    """Return the notes below ``folder``; hidden files and folders are passed over.

    Links, which are not followed, and what cannot be read, be it ``folder`` itself, are named as left out.

    Raises:
        NotesFolderMissing: ``folder`` is no folder.
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise NotesFolderMissing(f"the notes folder {folder} {found}; name the folder that holds your Markdown notes")
    root = folder.resolve()
    files: list[NoteFile] = []
    left_out: dict[str, str] = {}
    for entry, name in _walk(root, "", left_out):
        if entry.is_symlink():
            left_out[name] = _why_link_is_left_out(root, Path(entry.path))
            continue
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError as error:
            left_out[name] = f"cannot be read: {error.strerror}"
            continue
        if not stat.S_ISREG(status.st_mode):
            left_out[name] = "is not a regular file"
        elif status.st_size > MAX_BYTES:
            left_out[name] = f"is {status.st_size / 2**20:.0f} MB; notes above {MAX_BYTES // 2**20} MB are left out"
        else:
            files.append(NoteFile(name, status.st_size, status.st_mtime_ns))
    files.sort(key=lambda file: file.path)
    return Listing(tuple(files), dict(sorted(left_out.items())))


def list_folders(folder: Path) -> frozenset[Path]:
    """Return ``folder`` and the folders below it that :func:`list_notes` finds notes in; none that cannot be read."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return frozenset()
    found = {folder}
    for entry in entries:
        if not is_hidden(entry.name) and _is_utf8(entry.name) and entry.is_dir(follow_symlinks=False):
            found |= list_folders(folder / entry.name)
    return frozenset(found)


def is_hidden(*names: str) -> bool:
    """Return whether one of the ``names`` of folders and files is that of something which is passed over."""
    return any(name.startswith(".") for name in names)


def read_note(folder: Path, path: str) -> Note:
    """Return the note called ``path``, decoded: Unicode by its byte order mark or as UTF-8, else by the best guess.

    Raises:
        NoteNameInvalid: ``path`` names nothing that could be a note of ``folder``.
        NoteNotFound: there is no such note.
        NoteUnreadable: it cannot be opened, is too large, or is not text.
    """
    note_file(folder, path)
    try:
        with beneath.open_file(folder, path) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise NoteUnreadable(f"{path} is not a regular file")
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise NoteUnreadable(f"{path} is larger than {MAX_BYTES // 2**20} MB")
    except FileNotFoundError:
        raise NoteNotFound(f"there is no note {path!r}") from None
    except IsADirectoryError:
        raise NoteUnreadable(f"{path} is not a regular file") from None
    except OSError as error:
        raise NoteUnreadable(f"{path} cannot be read: {error.strerror}") from error
    text, encoding = _decode(path, content)
    return Note(path, text.replace("\r\n", "\n"), hashlib.sha256(content).hexdigest(), encoding)


def was_guessed(encoding: str) -> bool:
    """Return whether ``Note.encoding`` is a guess that the reader should be told of."""
    return encoding not in _UNICODE


def write_note(folder: Path, path: str, content: bytes, *, replaces: bool = True) -> bool:
    """Put ``content`` into the note called ``path``, whole or not at all; return whether the note is new.

    Raises:
        NoteExists: there is a note of that name, and none is to be replaced.
        NoteNameInvalid: ``path`` names nothing that could be a note of ``folder``.
        NoteUnreadable: ``content`` is too large or not text, or the note cannot be written.
    """
    file = note_file(folder, path)
    if len(content) > MAX_BYTES:
        raise NoteUnreadable(f"{path} is larger than {MAX_BYTES // 2**20} MB")
    _decode(path, content)
    is_new = not (replaces and file.exists())
    try:
        put = beneath.replace if replaces else beneath.create
        put(folder, path, content)
    except OSError as error:
        if isinstance(error, FileExistsError) and not replaces:
            raise NoteExists(f"there is a note {path!r} already") from None
        raise NoteUnreadable(f"{path} cannot be written: {error.strerror}") from error
    return is_new


def delete_note(folder: Path, path: str) -> None:
    """Delete the note called ``path``.

    Raises:
        NoteNameInvalid: ``path`` names nothing that could be a note of ``folder``.
        NoteNotFound: there is no such note.
        NoteUnreadable: it cannot be deleted.
    """
    try:
        note_file(folder, path)
        beneath.delete(folder, path)
    except FileNotFoundError:
        raise NoteNotFound(f"there is no note {path!r}") from None
    except OSError as error:
        raise NoteUnreadable(f"{path} cannot be deleted: {error.strerror}") from error


def note_file(folder: Path, path: str) -> Path:
    """Return where the note called ``path`` lies or would lie, below ``folder`` in any case.

    Raises:
        NoteNameInvalid: the name leads out of the folder, is hidden, too long, or has no suffix of a note.
        NoteUnreadable: what lies there cannot be looked at.
    """
    name = PurePosixPath(path)
    parts = path.split("/")
    if (
        not path
        or len(path.encode(errors="replace")) > MAX_NAME_BYTES
        or (WINDOWS_FORBIDDEN if os.name == "nt" else _FORBIDDEN).search(path)
        or any(not part or part.startswith(".") or len(part.encode()) > 255 for part in parts)
        or name.suffix.lower() not in SUFFIXES
    ):
        raise NoteNameInvalid(f"{path!r} cannot be a note; wanted a relative path such as 'biology/cells.md'")
    try:
        root = folder.resolve()
        file = root / name
        is_linked = file.is_symlink() or not file.parent.resolve().is_relative_to(root)
    except RuntimeError:
        # Before Python 3.13, for a link that leads back to itself.
        is_linked = True
    except OSError as error:
        # A name that is too long here, a folder that nobody may enter, a link that vanished while it was looked at.
        raise NoteUnreadable(f"{path} cannot be looked at: {error.strerror}") from error
    if is_linked:
        raise NoteNameInvalid(f"{path!r} is a link or lies behind one; links are not followed")
    return file


def _walk(folder: Path, prefix: str, left_out: dict[str, str]) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Yield the files and links below ``folder`` that have a note's suffix, and every linked folder."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        left_out[prefix or "."] = f"cannot be read: {error.strerror}"
        return
    for entry in entries:
        if is_hidden(entry.name):
            continue
        name = prefix + entry.name
        if not _is_utf8(entry.name):
            left_out[name.encode(errors="surrogateescape").decode(errors="replace")] = "has a name that is not UTF-8"
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, name + "/", left_out)
        elif PurePosixPath(entry.name).suffix.lower() in SUFFIXES or (entry.is_symlink() and entry.is_dir()):
            yield entry, name


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _why_link_is_left_out(root: Path, link: Path) -> str:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return "is a link that leads nowhere"
    if target.is_relative_to(root):
        return "is a link to another place in the folder, which is indexed under its own name"
    return "is a link out of the notes folder"


def _decode(path: str, content: bytes) -> tuple[str, str]:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise NoteUnreadable(f"{path} starts like {encoding} but is not: {error.reason}") from error
    if b"\0" in content:
        raise NoteUnreadable(f"{path} is binary, not text")
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        # Imported only for the rare file that needs it: 0.1 s.
        from charset_normalizer import from_bytes

        matches = from_bytes(content)
        guess = matches.best()
        # Western Europe's code page looks alike to its neighbours' in few words, and is far more common.
        for match in matches:
            if guess is not None and match.encoding == "cp1252" and match.chaos <= guess.chaos + 0.1:
                guess = match
        if guess is None:
            raise NoteUnreadable(f"{path} is not UTF-8 and its encoding cannot be told; save it as UTF-8") from None
        return str(guess), guess.encoding
