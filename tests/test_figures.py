import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect

from studybot import report
from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.evaluation import evaluate
from studybot.questions import Evidence, Question
from studybot.server import web_folder
from studybot.settings import Settings
from tests.browser import Served, served
from tests.conftest import KINGS
from tests.word_encoder import WordEncoder

PLOTS = ["mrr_by_kind.png", "recall.png", "risk_coverage.png", "reliability.png", "latency.png"]
ASKED = [
    Question(
        id="executed",
        question="Who was executed in 1793?",
        kind="fact",
        answerable=True,
        answers=["Louis XVI"],
        evidence=[Evidence(note="kings.md", start_line=3, end_line=4)],
    ),
    Question(
        id="bridge", question="Who built the bridge?", kind="unanswerable", answerable=False, answers=[], evidence=[]
    ),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a report, which is only copied: plots take time."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "notes").mkdir()
    (folder / "notes" / "kings.md").write_text(KINGS, encoding="utf-8")
    bot = StudyBot(Settings(notes=folder / "notes", index=folder / "index"), WordEncoder())
    bot.sync()
    report.write(evaluate(bot, ASKED, "kings.jsonl"), folder / "report", lambda _: "", {"model": "words:1"})
    bot.close()
    return folder / "report"


@pytest.fixture
def reported(bot: StudyBot, made: Path) -> Path:
    """Return the folder of the report in the index of ``bot``."""
    folder = bot.settings.index / "report"
    shutil.copytree(made, folder)
    written = datetime(2026, 2, 3, 12, tzinfo=UTC).timestamp()
    os.utime(folder / "report.json", (written, written))
    return folder


def client_of(bot: StudyBot) -> TestClient:
    return TestClient(create_app(bot, web_folder()), base_url="http://127.0.0.1")


def test_without_a_report_there_are_no_figures(bot: StudyBot) -> None:
    response = client_of(bot).get("/api/report")
    assert (response.status_code, response.json()) == (200, None)


def test_the_report_in_the_index_is_told_with_its_figures_and_plots(bot: StudyBot, reported: Path) -> None:
    found = client_of(bot).get("/api/report").json()
    assert (found["questions"], found["asked"], found["answerable"]) == ("kings.jsonl", 2, 1)
    assert (found["written"], found["page"]) == ("2026-02-03T12:00:00Z", str(reported / "report.html"))
    assert found["environment"] == {"model": "words:1"}
    assert found["figures"][0] == {
        "name": "MRR@10",
        "value": "1.000",
        "interval": "1.000 to 1.000",
        "n": "1",
        "meaning": report.MEANINGS["MRR@10"],
    }
    assert [plot["file"] for plot in found["plots"]] == PLOTS
    assert all(plot["alt"] and plot["caption"] for plot in found["plots"])


def test_a_plot_is_served_as_it_was_written(bot: StudyBot, reported: Path) -> None:
    response = client_of(bot).get("/api/report/recall.png")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/png")
    assert response.content == (reported / "recall.png").read_bytes()


@pytest.mark.parametrize("name", ["report.html", "nope.png", "%2e%2e%2fstudybot.sqlite", "..%2fstudybot.sqlite"])
def test_nothing_else_of_the_folder_is_served(bot: StudyBot, reported: Path, name: str) -> None:
    assert reported.is_dir()
    response = client_of(bot).get(f"/api/report/{name}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_a_plot_that_is_gone_is_not_found(bot: StudyBot, reported: Path) -> None:
    (reported / "recall.png").unlink()
    assert client_of(bot).get("/api/report/recall.png").status_code == 404


@pytest.mark.parametrize("content", [b"{", b"[]", json.dumps({"questions": "x"}).encode(), b"\xff"])
def test_a_damaged_report_says_what_mends_it(bot: StudyBot, reported: Path, content: bytes) -> None:
    (reported / "report.json").write_bytes(content)
    error = client_of(bot).get("/api/report").json()["error"]
    assert error["code"] == "result_invalid"
    assert error["message"] == f"{reported / 'report.json'} is no report's summary; make the report anew"


@pytest.mark.usefixtures("reported")
def test_the_page_shows_plots_and_numbers(open_page: Callable[..., Page], server: Served) -> None:
    page = open_page(server, "figures")
    expect(page.locator("#state")).to_have_text(
        "2 questions of kings.jsonl, of which the notes answer 1; measured on 3 February 2026."
    )
    images = page.get_by_role("img")
    expect(images).to_have_count(5)
    assert (
        page.evaluate("Promise.all([...document.images].map((image) => image.decode())).then(() => 'drawn')") == "drawn"
    )
    expect(images.nth(1)).to_have_attribute(
        "alt", "Share of questions whose evidence is within the first k passages, k from 1 to 10."
    )
    expect(page.get_by_role("row").nth(1)).to_contain_text("1.000 to 1.000")


def test_the_page_says_how_to_make_a_report_where_there_is_none(
    open_page: Callable[..., Page], server: Served, bot: StudyBot
) -> None:
    page = open_page(server, "figures")
    expect(page.locator("#state")).to_have_text("Nothing was measured on this index yet.")
    index = bot.settings.index
    expect(page.locator("pre")).to_have_text(
        [
            f"studybot eval --new --index {index}",
            f"studybot eval questions.jsonl --index {index} --report {index}/report",
        ]
    )


def test_a_folder_with_a_space_is_quoted_for_the_shell(
    open_page: Callable[..., Page], make_bot: Callable[..., StudyBot], tmp_path: Path
) -> None:
    bot = make_bot(index=tmp_path / "it's mine")
    bot.sync()
    with served(bot) as server:
        page = open_page(server, "figures")
        expect(page.locator("pre").first).to_have_text(f"studybot eval --new --index '{tmp_path}/it'\\''s mine'")
