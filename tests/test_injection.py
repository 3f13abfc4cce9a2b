"""Markup in all that a page shows and others may have written: it is text, also where no policy keeps it from running.

Chromium is told to pass over the policy, so that whatever became markup would load and run; either is a problem that
the fixture ``problems`` finds.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
from playwright.sync_api import Page, expect

from studybot.bot import StudyBot
from tests.browser import Served, answer, ask, box, passages, served, state
from tests.test_attacks import serving

# It closes an attribute, and does something else if it is a page's HTML; there is no `/` in it, so it names files, too.
TRAP = "\"'><video src=x onerror=ran()><img src=x onerror=ran()><iframe src=javascript:parent.ran()>"
NOTE = f"{TRAP} shelf/{TRAP}.md"
LINKED = "javascript:ran().md"
TEXT = f"# Kings {TRAP}\n\nLouis {TRAP} was executed in 1793.\nHis brother became king.\n\n## Queens {TRAP}\n\nNone.\n"
QUESTION = f"When was Louis {TRAP} executed?"
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")
LEADS_ELSEWHERE = re.compile(r"(?!(?:/|#|\?|vscode://file/|http://127\.0\.0\.1:)).")

Visit = Callable[[str], Page]


@pytest.fixture
def bot(make_bot: Callable[..., StudyBot], tmp_path: Path) -> StudyBot:
    """Return a bot with traps in the names of its folders, in that of a note, and in what that note says."""
    notes = tmp_path / f"notes {TRAP}"
    (notes / NOTE).parent.mkdir(parents=True)
    (notes / NOTE).write_text(TEXT, encoding="utf-8")
    (notes / LINKED).write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    bot = make_bot(notes=notes, index=tmp_path / f"index {TRAP}")
    bot.sync()
    return bot


@pytest.fixture
def server(bot: StudyBot) -> Iterator[Served]:
    with served(bot) as server:
        yield server


@pytest.fixture
def visit(open_page: Callable[..., Page], server: Served) -> Visit:
    return lambda path: open_page(server, path, bypass_csp=True)


def assert_harmless(page: Page, images: int = 0) -> None:
    """Hold that no trap became an element, and that every link leads where studybot's own lead."""
    expect(page.locator("img")).to_have_count(images)
    expect(page.locator("iframe, script:not([src]), video, [onerror]")).to_have_count(0)
    links = page.evaluate("[...document.querySelectorAll('[href]')].map((link) => link.getAttribute('href'))")
    assert [link for link in links if LEADS_ELSEWHERE.match(link)] == []


@pytest.mark.parametrize("part", TRAP.removeprefix("\"'>").replace("><", ">\0<").split("\0"))
def test_what_becomes_markup_is_noticed(visit: Visit, problems: list[str], part: str) -> None:
    page = visit("figures")
    expect(page.locator("pre")).to_have_count(2)
    page.evaluate(
        "async (html) => { document.body.innerHTML = html; await new Promise((r) => setTimeout(r, 300)); }", part
    )
    assert problems != []
    problems.clear()


def test_on_the_page_of_questions(visit: Visit) -> None:
    page = visit("")
    ask(page, QUESTION)
    expect(state(page)).to_have_text("Answered from your notes.")
    expect(page).to_have_title(f"{QUESTION} – studybot")
    expect(answer(page).get_by_role("blockquote").first).to_contain_text(f"Louis {TRAP} was executed in 1793.")
    expect(passages(page).first.locator("cite")).to_contain_text(f"{NOTE} › Kings {TRAP}")
    passages(page).first.get_by_role("button", name="Check against the note").click()
    expect(passages(page).first.get_by_role("status")).to_have_text("Checked: your note says so word for word.")
    ask(page, "and his brother?")
    expect(answer(page)).to_contain_text("Understood as")
    earlier = page.get_by_role("region", name="Earlier in this conversation")
    expect(earlier.get_by_role("heading")).to_have_text(QUESTION)
    expect(earlier.locator("cite").first).to_contain_text(f"{NOTE} › Kings {TRAP}")
    assert_harmless(page)
    page.reload()
    expect(earlier.get_by_role("heading")).to_have_text(QUESTION)
    assert_harmless(page)


def test_in_the_list_of_conversations_and_its_dialogs(visit: Visit, bot: StudyBot) -> None:
    bot.ask(QUESTION, remember=True)
    page = visit("")
    page.locator("summary", has_text="Conversations").click()
    listed = page.locator("#history").get_by_role("listitem")
    expect(listed.locator("a.title")).to_have_text(QUESTION)
    listed.get_by_role("button", name="Rename").click()
    page.get_by_role("textbox", name="Another title").fill(f"Kings {TRAP}")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(listed.locator("a.title")).to_have_text(f"Kings {TRAP}")
    listed.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Delete “Kings {TRAP}”")
    assert_harmless(page)
    page.keyboard.press("Escape")
    listed.locator("a.title").click()
    expect(state(page)).to_contain_text(f"“Kings {TRAP}”: 1 question.")
    assert_harmless(page)


def test_in_what_is_suggested(visit: Visit, bot: StudyBot) -> None:
    bot.ask(QUESTION, remember=True)
    page = visit("")
    box(page).press_sequentially("When was")
    offered = page.get_by_role("listbox", name="Suggestions").get_by_role("option")
    expect(offered).to_have_text([f"{QUESTION} asked before"])
    box(page).fill("")
    box(page).press_sequentially("quee")
    expect(offered).to_have_text([f"Queens {TRAP} {NOTE}"])
    assert_harmless(page)
    offered.click()
    expect(box(page)).to_have_value(f"Queens {TRAP}")


@pytest.mark.parametrize("path", [f"?q={quote(QUESTION)}", f"?q={quote(QUESTION)}#{quote(TRAP)}"])
def test_in_a_question_of_the_address(visit: Visit, path: str) -> None:
    page = visit(path)
    expect(box(page)).to_have_value(QUESTION)
    expect(answer(page)).to_be_visible()
    assert_harmless(page)


def test_in_an_address_of_no_conversation(visit: Visit, problems: list[str]) -> None:
    page = visit(f"?c={quote(TRAP)}")
    expect(state(page)).to_have_class("failed")
    assert_harmless(page)
    refused(problems, 404)


def test_in_the_reader(visit: Visit) -> None:
    page = visit(f"read?note={quote(NOTE)}&lines=3-4#{quote(TRAP)}")
    expect(page).to_have_title(f"{NOTE} · studybot")
    expect(page.locator("#name")).to_have_text(NOTE)
    # The outline names a heading without what looks like a tag in it.
    expect(page.locator("#headings").get_by_role("link")).to_have_text(["Kings \"'>", "Queens \"'>"])
    expect(page.get_by_role("article").get_by_role("heading")).to_have_text([f"Kings {TRAP}", f"Queens {TRAP}"])
    expect(page.locator(".cited")).to_contain_text(f"Louis {TRAP} was executed in 1793.")
    assert_harmless(page)


def test_in_an_address_of_the_reader_that_leads_nowhere(visit: Visit, problems: list[str]) -> None:
    page = visit(f"read?note={quote(TRAP)}.md&lines={quote(TRAP)}&cited={quote(TRAP)}")
    expect(state(page)).to_contain_text(f"There is no note “{TRAP}.md” any more")
    assert_harmless(page)
    refused(problems, 422, 404)


def test_on_the_page_of_notes(visit: Visit, bot: StudyBot, problems: list[str]) -> None:
    binary = f"binary {TRAP}.md"
    (bot.notes_folder / binary).write_bytes(b"\0")
    (bot.notes_folder / f"new {TRAP}.md").write_bytes(b"New.\n")
    page = visit("notes")
    rows = page.get_by_role("list", name="Notes").get_by_role("listitem")
    expect(rows.locator(".title")).to_have_text([binary, f"new {TRAP}.md", NOTE, LINKED])
    expect(page.locator("#folder")).to_have_text(str(bot.notes_folder))
    assert_harmless(page)
    page.get_by_role("button", name="Update").click()
    outcome = page.get_by_role("region", name="What the last update did")
    expect(outcome.get_by_role("listitem")).to_have_text([f"1 added: new {TRAP}.md", f"{binary} is binary, not text"])
    chosen = f"chosen {TRAP}.md"
    page.get_by_label("Choose files").set_input_files({"name": chosen, "mimeType": "text/plain", "buffer": b"\0"})
    expect(page.locator("#results").get_by_role("listitem")).to_have_text(f"{chosen}: refused, it is binary, not text")
    refused(problems, 422)
    rows.get_by_role("button", name=f"Delete “{NOTE}”").click()
    expect(page.get_by_role("dialog")).to_contain_text(f"“{NOTE}”")
    assert_harmless(page)
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#said")).to_have_text(f"Deleted “{NOTE}”.")
    assert_harmless(page)


def test_on_the_page_of_figures_without_any(visit: Visit, bot: StudyBot) -> None:
    page = visit("figures")
    expect(page.locator("pre").first).to_contain_text("--index '")
    expect(page.locator("pre").first).to_contain_text(TRAP.replace("'", "'\\''"))
    assert_harmless(page)


def test_on_the_page_of_figures(visit: Visit, bot: StudyBot) -> None:
    folder = bot.settings.index / "report"
    folder.mkdir()
    plot = f"plot {TRAP}.png"
    (folder / plot).write_bytes(PIXEL)
    figure = dict.fromkeys(("name", "value", "interval", "n", "meaning"), TRAP)
    told = {"questions": TRAP, "asked": 2, "answerable": 1, "environment": {TRAP: TRAP}, "figures": [figure]}
    (folder / "report.json").write_text(json.dumps({**told, "plots": [{"file": plot, "alt": TRAP, "caption": TRAP}]}))
    page = visit("figures")
    expect(state(page)).to_contain_text(f"2 questions of {TRAP}")
    expect(page.get_by_role("cell").first).to_contain_text(TRAP)
    expect(page.get_by_role("img")).to_have_attribute("alt", TRAP)
    expect(page.locator("figcaption")).to_have_text(TRAP)
    page.locator("summary").click()
    expect(page.locator("dd")).to_have_text(TRAP)
    assert_harmless(page, images=1)


@pytest.mark.parametrize("name", ["url", "configUrl"])
def test_on_the_page_of_the_interface_which_is_of_this_server_only(visit: Visit, name: str) -> None:
    page = visit(f"docs?{name}={quote('https://evil.example/x.json')}#{quote(TRAP)}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("studybot")
    expect(page.locator("img, iframe, video, [onerror]")).to_have_count(0)


def test_on_the_page_that_asks_for_the_token(
    open_page: Callable[..., Page], make_bot: Callable[..., StudyBot], problems: list[str]
) -> None:
    with serving(make_bot(host="0.0.0.0", token="correct-horse-battery")) as server:
        page = open_page(server, f"login?next={quote('javascript:ran()')}#{quote(TRAP)}", bypass_csp=True)
        page.get_by_label("Token").fill(TRAP)
        page.get_by_role("button", name="Go on").click()
        expect(state(page)).to_have_text("this is not the token that studybot was started with")
        assert_harmless(page)
        refused(problems, 401)


def test_a_conversation_is_exported_as_text(visit: Visit, server: Served, bot: StudyBot, problems: list[str]) -> None:
    conversation = bot.ask(QUESTION, remember=True).conversation
    page = visit("")
    missed: list[str] = []
    page.on("response", lambda response: None if response.ok or response.status == 304 else missed.append(response.url))
    page.goto(urljoin(server.url, f"api/conversations/{conversation}/export"))
    assert page.evaluate("document.contentType") == "text/markdown"
    expect(page.locator("body > pre")).to_contain_text(f"## {QUESTION}")
    assert_harmless(page)
    # As a note among others it is no more than that.
    (bot.notes_folder / "export.md").write_text(page.locator("pre").inner_text(), encoding="utf-8")
    page.goto(urljoin(server.url, "read?note=export.md"))
    expect(page.get_by_role("article")).to_contain_text(f"Louis {TRAP} was executed in 1793.")
    assert_harmless(page)
    # For a text that names no icon Chromium asks by itself, and tells the page nothing of it.
    assert missed == []
    assert set(problems) <= {"Failed to load resource: the server responded with a status of 404 (Not Found)"}
    problems.clear()


def refused(problems: list[str], *statuses: int) -> None:
    """Take out what Chromium says of replies that refuse."""
    assert [problem.partition(" (")[0] for problem in problems] == [
        f"Failed to load resource: the server responded with a status of {status}" for status in statuses
    ]
    problems.clear()
