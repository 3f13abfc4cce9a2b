import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studybot import repair
from studybot.bot import StudyBot
from studybot.database import FILE, Database
from studybot.errors import IndexBusy, IndexCorrupt, IndexMissing, NotesFolderMissing
from studybot.layout import FORMAT
from studybot.vectors import FILE as VIEW
from studybot.vectors import STAMP
from tests import mutations
from tests.word_encoder import WordEncoder

MakeBot = Callable[..., StudyBot]
QUESTION = "Who was executed in 1793?"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> mutations.Sound:
    return mutations.make(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def talk(bot: StudyBot) -> str:
    """Return a conversation of two turns; the index is closed afterwards."""
    conversation = bot.ask(QUESTION, remember=True).conversation
    assert conversation is not None
    bot.ask("What makes ATP in a cell?", conversation=conversation, remember=True)
    bot.close()
    return conversation


def change(index: Path, *statements: str) -> None:
    """Change rows behind the seals, as a flipped bit does; triggers and keys do not get in the way."""
    connection = sqlite3.connect(index / FILE, isolation_level=None)
    for statement in ("PRAGMA foreign_keys = OFF", *statements):
        connection.execute(statement)
    connection.close()


def questions(bot: StudyBot, conversation: str) -> list[str]:
    return [turn.question for turn in bot.history().turns(conversation)]


# A share of what `make trust` does a thousand times
@pytest.mark.parametrize("seed", range(24))
def test_of_a_damaged_file_comes_the_sound_reply_or_a_named_error_and_the_doctor_mends_it(
    sound: mutations.Sound, tmp_path: Path, seed: int
) -> None:
    assert mutations.mutate(sound, seed, tmp_path / "mutated").failure is None


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE passages SET text = replace(text, '1793', '1739')", "a passage is not"),
        ("UPDATE passages SET start_line = start_line + 1", "a passage is not"),
        ("UPDATE passages SET heading = '[\"Queens\"]' WHERE id = 1", "its notes, its passages or its words"),
        ("UPDATE passages SET packed = zeroblob(length(packed))", "the vectors of a passage"),
        ("UPDATE passages SET packed = substr(packed, 2)", "the vectors of a passage"),
        ("UPDATE statements SET start = start + 1", "the statements of a passage"),
        ("DELETE FROM statements WHERE place = 0", "the statements of a passage"),
        ("UPDATE notes SET path = 'queens.md' WHERE path = 'kings.md'", "its notes, its passages or its words"),
        ("UPDATE words_docsize SET sz = x'00'", "its notes, its passages or its words"),
        ("UPDATE words_data SET block = zeroblob(length(block)) WHERE id > 10", "its notes, its passages or its words"),
        ("INSERT INTO acronyms VALUES (1, 'ATP', 'A Tall Person')", "its notes, its passages or its words"),
        ("UPDATE meta SET value = value + 1 WHERE name = 'generation'", "what is noted of the index"),
        ("DELETE FROM meta WHERE name = 'identity'", "what is noted of the index"),
        ("DROP TABLE statements", "no such table"),
    ],
)
def test_what_sqlite_does_not_notice_is_named_when_it_is_read_and_by_the_doctor_and_mended(
    bot: StudyBot, make_bot: MakeBot, talk: str, statement: str, what: str
) -> None:
    expected = make_bot().ask(QUESTION)
    change(bot.settings.index, statement)
    damaged = make_bot()
    with pytest.raises(IndexCorrupt, match=rf"{what}.*run `studybot doctor --repair`"):
        damaged.ask(QUESTION)
    assert what in str(damaged.examine()["store"])
    rebuilt = damaged.repair()
    assert rebuilt is not None
    assert (rebuilt.carried["turns"], rebuilt.lost, rebuilt.is_whole) == (2, 0, True)
    assert set(damaged.examine().values()) == {None}
    assert (damaged.ask(QUESTION).outcome, damaged.ask(QUESTION).hits) == (expected.outcome, expected.hits)
    assert questions(damaged, talk) == [QUESTION, "What makes ATP in a cell?"]


def test_a_damaged_turn_is_named_and_only_it_is_lost(bot: StudyBot, make_bot: MakeBot, talk: str) -> None:
    change(bot.settings.index, "UPDATE turns SET answer = 'Louis XVII [1]' WHERE place = 1")
    damaged = make_bot()
    with pytest.raises(IndexCorrupt, match="a turn of a conversation is not what was kept"):
        damaged.history().turns(talk)
    assert "rows of its turns that are not what was written: 1" in str(damaged.examine()["store"])
    rebuilt = damaged.repair()
    assert rebuilt is not None
    assert (rebuilt.carried["turns"], rebuilt.lost, rebuilt.is_whole) == (1, 1, True)
    assert questions(damaged, talk) == ["What makes ATP in a cell?"]


def test_turns_whose_conversation_is_damaged_are_kept_in_it(bot: StudyBot, make_bot: MakeBot, talk: str) -> None:
    change(bot.settings.index, "UPDATE conversations SET began = 'never'")
    damaged = make_bot()
    with pytest.raises(IndexCorrupt, match="what is kept of a conversation"):
        damaged.history().conversations()
    damaged.repair()
    (kept,) = damaged.history().conversations()
    assert (kept.id, kept.title, kept.turns) == (talk, QUESTION, 2)
    assert kept.began == damaged.history().turns(talk)[0].asked


def test_a_damaged_vector_is_made_again_and_no_other(
    bot: StudyBot, make_bot: MakeBot, talk: str, encoder: WordEncoder
) -> None:
    total = bot.status().counts["vectors"]
    bot.close()
    one = "SELECT vector FROM statements WHERE vector NOT IN (SELECT vector FROM passages) LIMIT 1"
    change(bot.settings.index, f"UPDATE vectors SET row = zeroblob(length(row)) WHERE id = ({one})")
    damaged = make_bot()
    assert "rows of its vectors that are not what was written: 1" in str(damaged.examine()["store"])
    encoder.encoded.clear()
    rebuilt = damaged.repair()
    assert rebuilt is not None
    assert (rebuilt.carried["vectors"], rebuilt.lost) == (total - 1, 1)
    assert len(encoder.encoded) == 1


@pytest.mark.parametrize("start", [0, 16, 44])
def test_conversations_outlive_a_file_whose_beginning_is_lost(
    bot: StudyBot, make_bot: MakeBot, talk: str, start: int
) -> None:
    file = bot.settings.index / FILE
    with file.open("r+b") as stream:
        stream.seek(start)
        stream.write(b"\xff" * 16)
    damaged = make_bot()
    assert "is damaged" in str(damaged.examine()["store"])
    damaged.repair()
    assert questions(damaged, talk) == [QUESTION, "What makes ATP in a cell?"]


def test_the_damaged_file_is_kept_as_it_was(bot: StudyBot, make_bot: MakeBot, talk: str) -> None:
    index = bot.settings.index
    change(index, "UPDATE passages SET text = 'nothing'")
    content = (index / FILE).read_bytes()
    rebuilt = make_bot().repair()
    assert rebuilt is not None
    assert (rebuilt.damaged / FILE).read_bytes() == content
    folders = [path for path in index.iterdir() if path.is_dir()]
    assert folders == [rebuilt.damaged]
    assert rebuilt.damaged.name.startswith("damaged-")


def test_a_view_of_a_copy_that_went_its_own_way_is_not_taken(bot: StudyBot, make_bot: MakeBot, notes: Path) -> None:
    index = bot.settings.index
    bot.close()
    shutil.copytree(index, index.with_name("copy"))
    replies = {}
    for folder, aside in ((index, "a.md"), (index.with_name("copy"), "z.md")):
        (notes / aside).write_text("# Aside\n\nNothing was executed.\n", encoding="utf-8")
        one = make_bot(index=folder)
        one.sync()
        replies[folder] = one.ask(QUESTION).hits
        assert one.status().generation == 2
        one.close()
        (notes / aside).unlink()
    for name in (VIEW, STAMP):
        shutil.copyfile(index / name, index.with_name("copy") / name)
    assert make_bot(index=index.with_name("copy")).ask(QUESTION).hits == replies[index.with_name("copy")]


def test_a_sound_index_is_not_rebuilt(bot: StudyBot, talk: str) -> None:
    before = bot.status()
    assert bot.repair() is None
    assert bot.status() == before


def test_what_another_process_has_open_is_not_rebuilt(bot: StudyBot, make_bot: MakeBot, talk: str) -> None:
    index = bot.settings.index
    change(index, "UPDATE passages SET text = 'nothing'")
    content = (index / FILE).read_bytes()
    program = (
        "import sys; from pathlib import Path; from studybot.database import Database;"
        " held = Database(Path(sys.argv[1])); held.meta(); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(index)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(IndexBusy, match=r"another studybot has .* open; stop it"):
            make_bot().repair()
        other.communicate("")
    assert (index / FILE).read_bytes() == content
    assert make_bot().repair() is not None


def test_where_the_notes_folder_is_lost_it_has_to_be_named(bot: StudyBot, make_bot: MakeBot, talk: str) -> None:
    change(bot.settings.index, "UPDATE meta SET value = '/elsewhere' WHERE name = 'notes_folder'")
    with pytest.raises(NotesFolderMissing, match="studybot index NOTES"):
        make_bot(notes=None).repair()
    named = make_bot()
    assert named.sync().embedded == 0
    assert questions(named, talk) == [QUESTION, "What makes ATP in a cell?"]


def test_a_missing_file_is_no_damage(bot: StudyBot, make_bot: MakeBot) -> None:
    bot.close()
    (bot.settings.index / FILE).unlink()
    for verb in (make_bot().examine, make_bot().repair, lambda: repair.rebuild(bot.settings.index)):
        with pytest.raises(IndexMissing, match="run `studybot index NOTES`"):
            verb()


def test_an_index_of_the_format_before_seals_keeps_its_conversations_and_vectors(
    bot: StudyBot, make_bot: MakeBot, talk: str
) -> None:
    columns = [("conversations", "seal"), ("turns", "seal"), ("vectors", "seal")]
    change(
        bot.settings.index,
        *(f"ALTER TABLE {table} DROP COLUMN {column}" for table, column in columns),
        f"PRAGMA user_version = {FORMAT - 1}",
    )
    upgraded = make_bot()
    assert upgraded.repair() is None
    assert upgraded.sync().embedded == 0
    assert set(upgraded.examine().values()) == {None}
    assert questions(upgraded, talk) == [QUESTION, "What makes ATP in a cell?"]


def test_rows_on_both_sides_of_damaged_pages_are_read(tmp_path: Path) -> None:
    database = Database(tmp_path, write=True)
    chance = random.Random(0)
    conversations = [chance.randbytes(16).hex() for _ in range(2_000)]
    with database.transaction():
        database.run_many("INSERT INTO conversations (id, began) VALUES (?, 1)", [(one,) for one in conversations])
        database.seal_rows("conversations")
    database.close()
    content = bytearray((tmp_path / FILE).read_bytes())
    places = [content.find(identity.encode()) for identity in sorted(conversations)]
    for number in (300, 1_100, 1_101, 1_700):
        page = places[number] // mutations.PAGE * mutations.PAGE
        content[page : page + mutations.PAGE] = random.Random(number).randbytes(mutations.PAGE)
    (tmp_path / FILE).write_bytes(content)
    rebuilt = repair.rebuild(tmp_path)
    assert not rebuilt.is_whole
    # Some 60 rows stand on a page.
    assert 1_700 < rebuilt.carried["conversations"] < 1_980


@pytest.fixture
def command_line_index(notes: Path, tmp_path: Path) -> Iterator[Path]:
    assert studybot("index", str(notes), "--index", str(tmp_path / "index")).returncode == 0
    yield tmp_path / "index"
    shutil.rmtree(tmp_path / "index")


def studybot(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "studybot", *words], capture_output=True, text=True, timeout=300, check=False
    )


def test_the_command_line_names_what_is_damaged_and_mends_it(command_line_index: Path) -> None:
    where = ("--index", str(command_line_index))
    change(command_line_index, "UPDATE passages SET text = replace(text, '1793', '1739')")
    asked = studybot("ask", QUESTION, *where)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.endswith("is damaged (a passage is not what was written); run `studybot doctor --repair`\n")
    examined = studybot("doctor", *where)
    assert (examined.returncode, examined.stdout.startswith("ok      model\nproblem store: ")) == (1, True)
    mended = studybot("doctor", "--repair", *where)
    assert (mended.returncode, mended.stderr) == (0, "")
    lines = mended.stdout.split("\n")
    assert lines[0] == "rebuilt from the notes; carried over: 0 conversations, 0 turns, 13 vectors"
    assert lines[1].startswith("the damaged file is kept in ")
    assert lines[2:] == ["ok      model", "ok      store", "ok      pipeline", "ok      view", "ok      notes", ""]
    assert studybot("ask", QUESTION, *where).stdout.startswith("Louis XVI was executed in 1793. [1]\n")
