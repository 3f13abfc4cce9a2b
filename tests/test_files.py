import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studybot import beneath
from studybot.files import create, replace

# No file can grow beyond a thousand bytes, as on a full disk.
ON_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from studybot.files import replace
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
try:
    replace(Path(sys.argv[1]), b"new" * 1_000_000)
except OSError as error:
    sys.exit(error.strerror)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


Replace = Callable[[Path, bytes], None]


@pytest.fixture(params=["by its path", "within its folder"])
def replaced(request: pytest.FixtureRequest) -> Replace:
    """Return each of the two ways to replace a file."""
    if request.param == "by its path":
        return replace
    return lambda file, content: beneath.replace(file.parent, file.name, content)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_who_may_read_a_file_stays_so_when_it_is_replaced(tmp_path: Path, replaced: Replace, mode: int) -> None:
    file = tmp_path / "note.md"
    file.write_bytes(b"old\n")
    file.chmod(mode)
    replaced(file, b"new\n")
    assert (stat.S_IMODE(file.stat().st_mode), file.read_bytes()) == (mode, b"new\n")


def test_a_new_file_may_be_read_as_any_other_one(tmp_path: Path, replaced: Replace) -> None:
    (tmp_path / "other.md").touch()
    (tmp_path / "link.md").symlink_to("note.md")
    for name in ("note.md", "link.md"):
        replaced(tmp_path / name, b"new\n")
        assert (tmp_path / name).stat().st_mode == (tmp_path / "other.md").stat().st_mode


def test_a_drive_that_writes_no_folder_through_replaces_all_the_same(
    tmp_path: Path, replaced: Replace, monkeypatch: pytest.MonkeyPatch
) -> None:
    through = os.fsync

    def of_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        through(descriptor)

    monkeypatch.setattr(os, "fsync", of_files_only)
    replaced(tmp_path / "note.md", b"new\n")
    assert (names(tmp_path), (tmp_path / "note.md").read_bytes()) == (["note.md"], b"new\n")


@pytest.fixture(params=["", "without links"])
def drive(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on a drive with hard links, and on one without."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    if request.param:
        monkeypatch.setattr(os, "link", refuse)
    return tmp_path


def test_a_file_is_created_only_where_there_is_none(drive: Path) -> None:
    create(drive / "note.md", b"first\n")
    (drive / "folder").mkdir()
    (drive / "other.md").touch()
    assert (drive / "note.md").stat().st_mode == (drive / "other.md").stat().st_mode
    (drive / "link.md").symlink_to("nowhere.md")
    left = names(drive)
    for name in ("note.md", "folder", "link.md"):
        with pytest.raises(FileExistsError):
            create(drive / name, b"second\n")
    assert (names(drive), (drive / "note.md").read_bytes()) == (left, b"first\n")


def test_what_cannot_be_created_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output error"):
        create(tmp_path / "note.md", b"new\n")
    assert names(tmp_path) == []


def test_a_file_is_made_or_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "note.md"
    replace(file, b"old and long\n")
    with file.open("rb") as reader:
        replace(file, b"new\n")
        assert (reader.read(), file.read_bytes()) == (b"old and long\n", b"new\n")
    assert names(tmp_path) == ["note.md"]


@pytest.mark.parametrize("old", [None, b"old\n"])
def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, old: bytes | None) -> None:
    file = tmp_path / "note.md"
    if old is not None:
        file.write_bytes(old)
    done = subprocess.run([sys.executable, "-c", ON_A_FULL_DISK, file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "File too large\n")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == ({"note.md": old} if old else {})


@pytest.mark.parametrize("old", [None, b"old\n"])
def test_what_a_link_leads_to_is_replaced_and_not_the_link(tmp_path: Path, old: bytes | None) -> None:
    (tmp_path / "elsewhere").mkdir()
    file, link = tmp_path / "elsewhere" / "note.md", tmp_path / "link.md"
    if old is not None:
        file.write_bytes(old)
    link.symlink_to(Path("elsewhere") / "note.md")
    replace(link, b"new\n")
    assert (link.readlink(), file.read_bytes()) == (Path("elsewhere") / "note.md", b"new\n")
    assert (names(tmp_path), names(file.parent)) == (["elsewhere", "link.md"], ["note.md"])


def test_what_is_in_the_way_stays_and_nothing_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept.md").write_bytes(b"kept\n")
    with pytest.raises(IsADirectoryError):
        replace(tmp_path / "folder", b"new\n")
    monkeypatch.chdir(tmp_path / "folder")
    # Paths without a name
    for folder in (Path(), Path(tmp_path.anchor)):
        with pytest.raises(IsADirectoryError):
            replace(folder, b"new\n")
    with pytest.raises(NotADirectoryError):
        replace(tmp_path / "folder" / "kept.md" / "below.md", b"new\n")
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / "nowhere" / "note.md", b"new\n")
    assert (names(tmp_path), names(tmp_path / "folder")) == (["folder"], ["kept.md"])
    assert (tmp_path / "folder" / "kept.md").read_bytes() == b"kept\n"
