import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.conversation import Cited, Turn
from studybot.database import FILE, Database
from studybot.errors import ConversationNotFound, IndexMismatch
from studybot.history import Conversation, History
from studybot.layout import FORMAT

MakeBot = Callable[..., StudyBot]
PATIENCE_S = 10

FIRST = Turn("Who was executed?", None, "Louis XVI [2]", False, (Cited(2, "a.1-2.b", ("Kings", "France ›")),), 5.5)
SECOND = Turn("why?", "Who was executed? why?", "", True, (), 6.0)

FORMAT_1 = """
DROP TABLE turns; DROP TABLE conversations;
CREATE TABLE conversations (id TEXT PRIMARY KEY, began REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, place INTEGER NOT NULL, asked REAL NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (conversation, place)
) WITHOUT ROWID;
INSERT INTO conversations VALUES ('c', 4.0);
INSERT INTO turns VALUES ('c', 1, 5.0, 'Who was executed in 1793?', 'Louis XVI [1]');
ALTER TABLE passages DROP COLUMN packed;
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);
PRAGMA user_version = 1;
"""


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Return the history of a new database."""
    return History(Database(tmp_path / "index", write=True))


def script(index: Path, commands: str) -> None:
    connection = sqlite3.connect(index / FILE)
    connection.executescript(commands)
    connection.close()


def test_turns_are_kept_whole_and_in_order(history: History) -> None:
    one, other = history.add(None, FIRST), history.add(None, SECOND)
    assert history.add(one, SECOND) == one
    assert (history.turns(one), history.turns(other)) == ([FIRST, SECOND], [SECOND])


def test_conversations_are_listed_newest_first_under_their_first_question(history: History) -> None:
    old, new = history.add(None, FIRST), history.add(None, SECOND)
    history.add(old, SECOND)
    listed = history.conversations()
    assert [(one.id, one.title, one.turns) for one in listed] == [(new, "why?", 1), (old, "Who was executed?", 2)]
    assert listed[0].began > listed[1].began > 1.7e9
    assert history.conversation(old) == listed[1]


def test_a_turn_that_cannot_be_written_begins_no_conversation(history: History) -> None:
    with pytest.raises(UnicodeEncodeError):
        history.add(None, replace(FIRST, question="half of a letter: \ud800"))
    assert history.conversations() == []


def test_what_is_written_keeps_nobody_waiting_who_reads(history: History) -> None:
    kept = history.add(None, FIRST)
    # As long as a question reads, nobody else uses its connection; and who waits for a sync to end holds no other up.
    with ThreadPoolExecutor(1) as another, history._database.snapshot():
        for write in (
            lambda: history.add(kept, SECOND),
            lambda: history.rename(kept, "x"),
            lambda: history.delete(kept),
        ):
            another.submit(write).result(PATIENCE_S)
    assert history.conversations() == []


def test_a_renamed_conversation_keeps_its_title(history: History) -> None:
    conversation = history.add(None, FIRST)
    history.rename(conversation, "Heads")
    history.add(conversation, SECOND)
    assert history.conversation(conversation).title == "Heads"


def test_a_deleted_conversation_is_gone_with_its_turns(history: History) -> None:
    gone, kept = history.add(None, FIRST), history.add(None, FIRST)
    history.delete(gone)
    assert [one.id for one in history.conversations()] == [kept]
    assert history._database.all("SELECT conversation FROM turns") == [(kept,)]


@pytest.mark.parametrize(
    "use",
    [
        lambda history: history.turns("x"),
        lambda history: history.add("x", FIRST),
        lambda history: history.conversation("x"),
        lambda history: history.rename("x", "y"),
        lambda history: history.delete("x"),
    ],
)
def test_an_unknown_conversation_is_named(history: History, use: Callable[[History], object]) -> None:
    with pytest.raises(ConversationNotFound, match="there is no conversation 'x'"):
        use(history)


def test_an_index_of_the_first_format_is_built_anew_without_embedding_and_keeps_its_conversations(
    bot: StudyBot, make_bot: MakeBot
) -> None:
    bot.close()
    script(bot.settings.index, FORMAT_1)
    # The notes need not be named: which they were is carried over.
    later = make_bot(notes=None)
    assert later.sync().embedded == 0
    assert later.lookup().store.database.one("PRAGMA user_version") == FORMAT
    reply = later.ask("and in 1814?", conversation="c", remember=True)
    assert reply.interpreted_as == "Who was executed in 1814? (and in 1814?)"
    assert len(reply.hits) == 4
    turns = later.history().turns("c")
    assert turns[0] == Turn("Who was executed in 1793?", None, "Louis XVI [1]", False, (), 5.0)
    assert [turn.question for turn in turns[1:]] == ["and in 1814?"]
    assert later.history().conversation("c") == Conversation("c", "Who was executed in 1793?", 4.0, 2)


def test_a_file_of_an_unknown_format_is_built_anew_but_keeps_its_conversations(
    bot: StudyBot, make_bot: MakeBot
) -> None:
    conversation = bot.ask("Who was executed in 1793?", remember=True).conversation
    before = bot.history().turns(str(conversation))
    bot.close()
    script(bot.settings.index, "ALTER TABLE turns ADD COLUMN mood TEXT DEFAULT 'glad'; PRAGMA user_version = 999;")
    with pytest.raises(IndexMismatch, match="format 999"):
        make_bot().history()
    later = make_bot()
    assert later.sync().notes == 2
    assert later.history().turns(str(conversation)) == before
    assert later.ask("why?", conversation=conversation).interpreted_as == "Who was executed in 1793? why?"


def test_a_file_of_an_unknown_format_without_conversations_is_built_anew(bot: StudyBot, make_bot: MakeBot) -> None:
    bot.close()
    script(bot.settings.index, "DROP TABLE turns; DROP TABLE conversations; PRAGMA user_version = 999;")
    later = make_bot()
    later.sync()
    assert later.history().conversations() == []
