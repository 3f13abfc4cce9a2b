from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from studybot import citations
from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.server import web_folder
from studybot.types import Refusal
from tests.conftest import KINGS

MakeBot = Callable[..., StudyBot]


def meanwhile(bot: StudyBot, part: str, happens: Callable[[], object]) -> None:
    """Let something happen as SQLite begins, for the first time, a query of the bot's in which ``part`` stands."""
    begun: list[str] = []

    def trace(query: str) -> None:
        if part in query and not begun:
            begun.append(query)
            happens()

    bot.lookup().store.database._connection.set_trace_callback(trace)


def test_links_of_a_relative_notes_folder_lead_to_the_notes(
    make_bot: MakeBot, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bot = make_bot(notes="notes")
    bot.sync()
    with TestClient(create_app(bot, web_folder()), base_url="http://127.0.0.1") as client:
        shown = client.get("/api/rendered/kings.md", params={"line": 3}).json()
    assert shown["link"] == f"vscode://file{notes}/kings.md:3"


def test_a_sync_while_a_citation_is_looked_up_is_no_damage(bot: StudyBot, make_bot: MakeBot, notes: Path) -> None:
    (cited,) = [hit.passage for hit in bot.ask("Who was executed in 1793?").hits if hit.passage.note == "kings.md"]
    (notes / "kings.md").unlink()
    meanwhile(bot, "FROM statements WHERE passage IN", make_bot().sync)
    _, found = bot.cite(citations.write(citations.cite(cited)))
    assert (found.state, found.start_line) == ("changed", None)
    assert bot.status().counts["notes"] == 1


def test_a_refusal_is_explained_by_the_passages_that_it_shows(make_bot: MakeBot, notes: Path) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()

    def edit() -> None:
        (notes / "kings.md").write_text(KINGS.replace("1793", "the winter of 1793"), encoding="utf-8")
        make_bot().sync()

    meanwhile(bot, "SELECT 1 FROM words WHERE words MATCH", edit)
    reply = bot.ask("Was Louis executed in winter by the Sun King?")
    assert "winter" in reply.hits[0].passage.text
    assert isinstance(reply.outcome, Refusal)
    assert reply.outcome.missing == ("Sun",)
