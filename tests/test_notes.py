import codecs
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from studybot.errors import NoteExists, NoteNameInvalid, NoteNotFound, NotesFolderMissing, NoteUnreadable
from studybot.notes import MAX_BYTES, delete_note, list_folders, list_notes, read_note, was_guessed, write_note

NAMES_THAT_ARE_NO_NOTES = [
    "",
    ".",
    "..",
    "../x.md",
    "a/../../x.md",
    "a/../x.md",
    "./x.md",
    "/x.md",
    "a//x.md",
    "x.md/",
    ".hidden.md",
    ".git/x.md",
    ".md",
    "x",
    "x.pdf",
    "x.md.exe",
    "nul\0.md",
    "lone-surrogate\udcff.md",
    "a/" * 2500 + "x.md",
    # Longer than a name can be on the disks of this world.
    "x" * 300 + ".md",
]


def names(folder: Path) -> list[str]:
    return [file.path for file in list_notes(folder).files]


def put(folder: Path, path: str, content: str = "words") -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    return file


def test_notes_are_listed_in_the_order_of_their_names(tmp_path: Path) -> None:
    for path in ("b.md", "a/z.md", "a.md", "B.md", "a/b/c.md"):
        put(tmp_path, path)

    assert names(tmp_path) == ["B.md", "a.md", "a/b/c.md", "a/z.md", "b.md"]


def test_only_the_suffixes_of_notes_are_listed(tmp_path: Path) -> None:
    for path in ("a.md", "b.markdown", "c.txt", "D.MD", "e.pdf", "f.md.bak", "md", "g.mdx"):
        put(tmp_path, path)

    assert names(tmp_path) == ["D.MD", "a.md", "b.markdown", "c.txt"]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    for path in (".a.md", ".git/b.md", "c/.obsidian/d.md", "c/e.md"):
        put(tmp_path, path)

    listing = list_notes(tmp_path)
    assert [file.path for file in listing.files] == ["c/e.md"]
    assert listing.left_out == {}


def test_the_folders_that_may_hold_notes_are_neither_hidden_nor_links(tmp_path: Path) -> None:
    for path in ("notes/a/b/c.md", "notes/.git/d.md", "notes/a/.obsidian/e.md", "outside/f.md"):
        put(tmp_path, path)
    root = tmp_path / "notes"
    (root / "empty").mkdir()
    (root / "shelf").symlink_to(tmp_path / "outside")

    assert list_folders(root) == {root, root / "a", root / "a" / "b", root / "empty"}
    assert list_folders(tmp_path / "gone") == frozenset()


def test_a_listed_note_has_its_size_and_time(tmp_path: Path) -> None:
    status = put(tmp_path, "a.md", "Größe").stat()

    (file,) = list_notes(tmp_path).files
    assert (file.path, file.size, file.mtime_ns) == ("a.md", 7, status.st_mtime_ns)


def test_a_note_above_20_mb_is_named_and_left_out(tmp_path: Path) -> None:
    for path, size in (("fits.md", MAX_BYTES), ("huge.md", MAX_BYTES + 1), ("vast.md", 3 * MAX_BYTES)):
        with (tmp_path / path).open("wb") as file:
            file.truncate(size)

    listing = list_notes(tmp_path)
    assert [file.path for file in listing.files] == ["fits.md"]
    assert listing.left_out == {
        "huge.md": "is 20 MB; notes above 20 MB are left out",
        "vast.md": "is 60 MB; notes above 20 MB are left out",
    }
    with pytest.raises(NoteUnreadable, match=r"^huge\.md is larger than 20 MB$"):
        read_note(tmp_path, "huge.md")


def test_links_are_named_and_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "notes", tmp_path / "outside"
    put(outside, "secret.md")
    put(folder, "real.md")
    put(folder, "sub/deep.md")
    (folder / "out.md").symlink_to(outside / "secret.md")
    (folder / "twin.md").symlink_to(folder / "real.md")
    (folder / "gone.md").symlink_to(folder / "nothing.md")
    (folder / "circle.md").symlink_to(folder / "circle.md")
    (folder / "shelf").symlink_to(outside)
    (folder / "again").symlink_to(folder / "sub")

    listing = list_notes(folder)
    twice = "is a link to another place in the folder, which is indexed under its own name"
    assert [file.path for file in listing.files] == ["real.md", "sub/deep.md"]
    assert listing.left_out == {
        "again": twice,
        "circle.md": "is a link that leads nowhere",
        "gone.md": "is a link that leads nowhere",
        "out.md": "is a link out of the notes folder",
        "shelf": "is a link out of the notes folder",
        "twin.md": twice,
    }


def test_the_notes_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    put(tmp_path, "real/a.md", "words")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert names(tmp_path / "link") == ["a.md"]
    assert read_note(tmp_path / "link", "a.md").text == "words"


@pytest.mark.parametrize(
    "path", ["with space.md", "🎓 日本語.md", "two\nlines.md", "a\\b:c.md", "ünï/ codé.md", "a..b.md"]
)
def test_an_unusual_name_is_listed_read_written_and_deleted(tmp_path: Path, path: str) -> None:
    assert write_note(tmp_path, path, b"words") is True
    assert names(tmp_path) == [path]
    assert (read_note(tmp_path, path).path, read_note(tmp_path, path).text) == (path, "words")
    delete_note(tmp_path, path)
    assert names(tmp_path) == []


def test_a_missing_notes_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotesFolderMissing, match="gone does not exist; name the folder that holds your Markdown notes"):
        list_notes(tmp_path / "gone")


def test_a_file_is_no_notes_folder(tmp_path: Path) -> None:
    with pytest.raises(NotesFolderMissing, match=r"a\.md is a file"):
        list_notes(put(tmp_path, "a.md"))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Größe 🎓".encode(), "utf-8"),
        (codecs.BOM_UTF8 + "Größe 🎓".encode(), "utf-8-sig"),
        (codecs.BOM_UTF16_LE + "Größe 🎓".encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_BE + "Größe 🎓".encode("utf-16-be"), "utf-16"),
        (codecs.BOM_UTF32_LE + "Größe 🎓".encode("utf-32-le"), "utf-32"),
        (codecs.BOM_UTF32_BE + "Größe 🎓".encode("utf-32-be"), "utf-32"),
    ],
)
def test_unicode_is_read_by_its_byte_order_mark_or_as_utf_8(tmp_path: Path, content: bytes, encoding: str) -> None:
    (tmp_path / "a.md").write_bytes(content)

    note = read_note(tmp_path, "a.md")
    assert (note.text, note.encoding) == ("Größe 🎓", encoding)
    assert note.sha256 == hashlib.sha256(content).hexdigest()
    assert not was_guessed(note.encoding)


def test_an_empty_note_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.md").touch()
    assert read_note(tmp_path, "a.md").text == ""


def test_windows_line_ends_are_folded_and_a_lone_carriage_return_stays(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"one\r\ntwo\rstill two\n\rthree\r\n")
    assert read_note(tmp_path, "a.md").text == "one\ntwo\rstill two\n\rthree\n"


@pytest.mark.parametrize(
    "text",
    [
        "Die Größe der Zellen ändert sich während der Übung; schön.\n",
        "Le théorème de Pythagore est déjà connu, voilà où commence la leçon.\n",
        "El niño aprendió la lección de español mañana.\n",
        "Café déjà vu: naïve façade.\n",
        "It’s “quoted” – and the café costs 5 €.\n",
    ],
    ids=["German", "French", "Spanish", "English", "punctuation"],
)
def test_a_western_note_that_is_not_unicode_is_read_by_a_guess(tmp_path: Path, text: str) -> None:
    # The same bytes in Latin-1, but for the punctuation, which only Windows has.
    (tmp_path / "a.md").write_bytes(text.encode("cp1252"))

    note = read_note(tmp_path, "a.md")
    assert note.text == text
    assert was_guessed(note.encoding)


def test_a_note_in_another_script_that_is_not_unicode_is_read_by_a_guess(tmp_path: Path) -> None:
    text = "Клетка является основной единицей жизни. Где находится ДНК? В ядре.\n"
    (tmp_path / "a.md").write_bytes(text.encode("cp1251"))

    note = read_note(tmp_path, "a.md")
    assert (note.text, note.encoding) == (text, "cp1251")
    assert was_guessed(note.encoding)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PNG\x00\x01", "a.md is binary, not text"),
        ("no mark".encode("utf-16-le"), "a.md is binary, not text"),
        (codecs.BOM_UTF8 + b"\xff\xfe\xfa", "a.md starts like utf-8-sig but is not: invalid start byte"),
        (codecs.BOM_UTF16_LE + b"odd", "a.md starts like utf-16 but is not: truncated data"),
    ],
)
def test_what_is_not_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.md").write_bytes(content)
    with pytest.raises(NoteUnreadable) as raised:
        read_note(tmp_path, "a.md")
    assert str(raised.value) == message


def test_a_folder_with_the_name_of_a_note_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()
    with pytest.raises(NoteUnreadable, match=r"^a\.md is not a regular file$"):
        read_note(tmp_path, "a.md")


@pytest.mark.parametrize("path", NAMES_THAT_ARE_NO_NOTES)
def test_a_name_that_cannot_be_a_notes_is_refused(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    put(tmp_path, "x.md", "outside")
    with pytest.raises(NoteNameInvalid):
        read_note(folder, path)
    with pytest.raises(NoteNameInvalid):
        write_note(folder, path, b"words")
    with pytest.raises(NoteNameInvalid):
        delete_note(folder, path)
    assert (tmp_path / "x.md").read_text() == "outside"
    assert list(folder.iterdir()) == []


def test_a_link_and_what_lies_behind_one_are_no_notes(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    secret = put(tmp_path, "outside/secret.md", "secret")
    (folder / "link.md").symlink_to(secret)
    (folder / "shelf").symlink_to(tmp_path / "outside")

    for path in ("link.md", "shelf/secret.md", "shelf/new.md"):
        with pytest.raises(NoteNameInvalid, match=r"is a link or lies behind one; links are not followed$"):
            read_note(folder, path)
        with pytest.raises(NoteNameInvalid):
            write_note(folder, path, b"words")
        with pytest.raises(NoteNameInvalid):
            delete_note(folder, path)
    assert [file.name for file in (tmp_path / "outside").iterdir()] == ["secret.md"]
    assert secret.read_text() == "secret"


def test_a_note_behind_a_link_that_leads_back_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    # From Python 3.13 on it is met when the note is opened.
    with pytest.raises((NoteNameInvalid, NoteUnreadable)):
        read_note(tmp_path, "circle/a.md")
    with pytest.raises((NoteNameInvalid, NoteUnreadable)):
        write_note(tmp_path, "circle/a.md", b"words")
    with pytest.raises((NoteNameInvalid, NoteUnreadable)):
        delete_note(tmp_path, "circle/a.md")


def test_a_path_that_is_too_long_in_its_folder_is_not_told_as_a_link(tmp_path: Path) -> None:
    path = "a/" * 2040 + "x.md"
    with pytest.raises(NoteUnreadable, match=r"cannot be looked at: File name too long$"):
        read_note(tmp_path, path)
    with pytest.raises(NoteUnreadable, match=r"cannot be looked at: File name too long$"):
        write_note(tmp_path, path, b"words")
    assert list(tmp_path.iterdir()) == []


def test_a_note_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NoteNotFound, match=r"^there is no note 'gone\.md'$"):
        read_note(tmp_path, "gone.md")
    with pytest.raises(NoteNotFound, match=r"^there is no note 'a/gone\.md'$"):
        read_note(tmp_path, "a/gone.md")


def test_writing_says_whether_the_note_is_new(tmp_path: Path) -> None:
    assert write_note(tmp_path, "a.md", b"first") is True
    assert write_note(tmp_path, "a.md", b"second\r\n") is False
    assert (tmp_path / "a.md").read_bytes() == b"second\r\n"


def test_writing_makes_the_folders_and_leaves_no_draft(tmp_path: Path) -> None:
    assert write_note(tmp_path, "biology/cells/dna.md", b"words") is True
    assert read_note(tmp_path, "biology/cells/dna.md").text == "words"
    assert [path.name for path in (tmp_path / "biology/cells").iterdir()] == ["dna.md"]


def test_of_writers_that_add_the_same_note_at_once_one_adds_it_and_the_others_are_told(tmp_path: Path) -> None:
    writers = 4
    start = Barrier(writers)

    def add(writer: int, path: str) -> bool:
        start.wait()
        try:
            return write_note(tmp_path, path, f"by {writer}".encode(), replaces=False)
        except NoteExists:
            return False

    with ThreadPoolExecutor(writers) as threads:
        for turn in range(50):
            path = f"turn/{turn}.md"
            added = list(threads.map(add, range(writers), [path] * writers))
            assert sum(added) == 1
            assert read_note(tmp_path, path).text == f"by {added.index(True)}"
    assert len(list((tmp_path / "turn").iterdir())) == 50


@pytest.mark.parametrize("content", [b"PNG\x00", b"x" * (MAX_BYTES + 1)], ids=["binary", "above 20 MB"])
def test_writing_what_is_no_note_is_refused_and_leaves_everything_as_it_was(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, "a.md", "before")
    for path in ("a.md", "new/b.md"):
        with pytest.raises(NoteUnreadable):
            write_note(tmp_path, path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]
    assert (tmp_path / "a.md").read_text() == "before"


def test_writing_below_a_note_as_if_it_were_a_folder_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.md", "before")
    with pytest.raises(NoteUnreadable, match=r"^a\.md/b\.md cannot be written"):
        write_note(tmp_path, "a.md/b.md", b"words")
    assert (tmp_path / "a.md").read_text() == "before"


def test_the_longest_name_that_a_disk_takes_can_be_written(tmp_path: Path) -> None:
    path = "x" * 252 + ".md"
    assert write_note(tmp_path, path, b"words") is True
    assert names(tmp_path) == [path]


def test_deleting_removes_the_note_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, "a/b.md")
    put(tmp_path, "a/c.md")

    delete_note(tmp_path, "a/b.md")
    assert names(tmp_path) == ["a/c.md"]
    with pytest.raises(NoteNotFound, match=r"^there is no note 'a/b\.md'$"):
        delete_note(tmp_path, "a/b.md")


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    assert list_notes(tmp_path).left_out == {"pipe.md": "is not a regular file"}
    with pytest.raises(NoteUnreadable, match="is not a regular file"):
        read_note(tmp_path, "pipe.md")
