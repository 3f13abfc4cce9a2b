import subprocess
import sys
from pathlib import Path

import pytest

from studybot.files import replace

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
