from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Locator, Page, expect

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.server import web_folder
from tests.browser import Served, answer, box, state

EXECUTED = "When was Louis XVI executed?"
MITOCHONDRIA = {"kind": "heading", "heading": "Mitochondria", "note": "biology/cells.md"}


@pytest.fixture
def client(bot: StudyBot) -> TestClient:
    return TestClient(create_app(bot, web_folder()), base_url="http://127.0.0.1", client=("127.0.0.1", 50000))


def suggested(client: TestClient, text: str) -> Any:
    response = client.get("/api/suggestions", params={"text": text})
    assert response.status_code == 200, response.text
    return response.json()


def list_of(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions")


def options(page: Page) -> Locator:
    return list_of(page).get_by_role("option")


def type_in(page: Page, text: str) -> None:
    box(page).press_sequentially(text)


def test_what_is_typed_is_completed_with_a_heading_of_the_notes(client: TestClient) -> None:
    assert suggested(client, "What are mito") == [{**MITOCHONDRIA, "text": "What are Mitochondria"}]
    assert suggested(client, "") == []


def test_questions_asked_before_come_first(client: TestClient, bot: StudyBot) -> None:
    for _ in range(2):
        bot.ask("What makes ATP in mitochondria?", remember=True)
    assert suggested(client, "mito") == [
        {"kind": "question", "text": "What makes ATP in mitochondria?", "heading": None, "note": None},
        {**MITOCHONDRIA, "text": "Mitochondria"},
    ]


def test_a_follow_up_is_not_suggested(client: TestClient, bot: StudyBot) -> None:
    first = bot.ask(EXECUTED, remember=True)
    bot.ask("and his brother?", conversation=first.conversation, remember=True)
    assert suggested(client, "brother") == []


def test_at_most_four_questions_and_eight_suggestions(client: TestClient, bot: StudyBot, notes: Path) -> None:
    for number in range(6):
        bot.ask(f"Which king was number {number}?", remember=True)
    (notes / "more.md").write_text("".join(f"# King {n}\n\nReigned.\n\n" for n in range(9)), encoding="utf-8")
    bot.sync()
    found = suggested(client, "king")
    assert [one["text"] for one in found] == [
        "Which king was number 5?",
        "Which king was number 4?",
        "Which king was number 3?",
        "Which king was number 2?",
        "Kings",
        "King 0",
        "King 1",
        "King 2",
    ]


def test_a_heading_is_suggested_as_soon_as_its_note_is_indexed(client: TestClient, bot: StudyBot, notes: Path) -> None:
    assert suggested(client, "fer") == []
    (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    bot.sync()
    assert [one["text"] for one in suggested(client, "fer")] == ["Ferns"]


@pytest.mark.parametrize("query", ["", "?text=" + "k" * 1001])
def test_a_text_that_is_missing_or_too_long_is_refused(client: TestClient, query: str) -> None:
    response = client.get(f"/api/suggestions{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")


def test_examples_are_headings_of_different_notes(client: TestClient) -> None:
    found = client.get("/api/examples").json()
    assert sorted(one["note"] for one in found) == ["biology/cells.md", "kings.md"]
    assert {one["heading"] for one in found} <= {"Kings", "Mitochondria", "Sizes"}


def test_a_heading_that_is_taken_completes_the_question_and_enter_then_asks(page: Page) -> None:
    type_in(page, "What are mito")
    expect(options(page)).to_have_text(["Mitochondria biology/cells.md"])
    expect(page.locator("#suggested")).to_have_text("1 suggestion: the arrow keys choose, Enter takes one.")
    expect(box(page)).to_be_focused()
    box(page).press("ArrowDown")
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    expect(box(page)).to_have_attribute("aria-activedescendant", "suggestion-0")
    box(page).press("Enter")
    expect(box(page)).to_have_value("What are Mitochondria")
    expect(list_of(page)).to_be_hidden()
    expect(answer(page)).to_be_hidden()
    type_in(page, " made of?")
    box(page).press("Enter")
    expect(answer(page)).to_be_visible()
    expect(box(page)).to_have_value("What are Mitochondria made of?")


def test_a_question_that_is_taken_is_asked_again(page: Page, bot: StudyBot) -> None:
    bot.ask(EXECUTED, remember=True)
    type_in(page, "louis")
    expect(options(page)).to_have_text([f"{EXECUTED} asked before"])
    options(page).first.click()
    expect(state(page)).to_have_text("Answered from your notes.")
    expect(box(page)).to_have_value(EXECUTED)
    expect(list_of(page)).to_be_hidden()


def test_the_arrow_keys_go_round_by_way_of_the_box(page: Page, bot: StudyBot) -> None:
    bot.ask("Which kings were there?", remember=True)
    type_in(page, "king")
    expect(options(page)).to_have_count(2)
    for key, chosen in [("ArrowUp", 1), ("ArrowUp", 0), ("ArrowUp", None), ("ArrowDown", 0), ("ArrowDown", 1)]:
        box(page).press(key)
        assert box(page).get_attribute("aria-activedescendant") == (None if chosen is None else f"suggestion-{chosen}")
    box(page).press("ArrowDown")
    assert box(page).get_attribute("aria-activedescendant") is None
    expect(page.locator('[aria-selected="true"]')).to_have_count(0)


def test_enter_without_a_choice_asks_what_is_typed_and_nothing_covers_the_answer(page: Page) -> None:
    type_in(page, "What about king")
    expect(options(page)).to_have_text(["Kings kings.md"])
    box(page).press("Enter")
    expect(answer(page)).to_be_visible()
    expect(box(page)).to_have_value("What about king")
    expect(list_of(page)).to_be_hidden()
    # Long enough for suggestions to come if they could.
    page.wait_for_timeout(400)
    expect(list_of(page)).to_be_hidden()


def test_a_question_that_is_asked_at_once_is_followed_by_no_suggestions(page: Page) -> None:
    type_in(page, "What about king")
    box(page).press("Enter")
    page.wait_for_timeout(400)
    expect(list_of(page)).to_be_hidden()
    expect(answer(page)).to_be_visible()


def test_shift_enter_breaks_the_line_while_suggestions_are_open(page: Page) -> None:
    type_in(page, "king")
    expect(options(page)).to_have_count(1)
    box(page).press("ArrowDown")
    box(page).press("Shift+Enter")
    expect(box(page)).to_have_value("king\n")
    expect(answer(page)).to_be_hidden()


def test_escape_closes_the_suggestions_and_keeps_what_is_typed(page: Page) -> None:
    type_in(page, "king")
    expect(options(page)).to_have_count(1)
    box(page).press("Escape")
    expect(list_of(page)).to_be_hidden()
    expect(box(page)).to_have_value("king")
    expect(state(page)).to_have_text("")
    expect(box(page)).to_be_focused()


def test_suggestions_stay_while_the_next_are_looked_up_and_go_when_there_are_none(page: Page) -> None:
    type_in(page, "kin")
    expect(options(page)).to_have_count(1)
    box(page).press("ArrowDown")
    list_of(page).evaluate(
        "(it) => new MutationObserver(() => (window.blinks = true)).observe(it, { attributeFilter: ['hidden'] })"
    )
    with page.expect_response("**/api/suggestions*"):
        box(page).press("g")
        expect(page.locator('[aria-selected="true"]')).to_have_count(0)
    expect(options(page)).to_have_text(["Kings kings.md"])
    assert page.evaluate("window.blinks") is None
    type_in(page, "qqq")
    expect(list_of(page)).to_be_hidden()
    expect(page.locator("#suggested")).to_have_text("")


def test_tab_leaves_the_box_and_closes_the_suggestions(page: Page) -> None:
    type_in(page, "king")
    expect(options(page)).to_have_count(1)
    box(page).press("Tab")
    expect(page.get_by_role("button", name="Ask", exact=True)).to_be_focused()
    expect(list_of(page)).to_be_hidden()


def test_nothing_is_suggested_where_nothing_was_typed(open_page: Callable[..., Page], server: Served) -> None:
    asked: list[str] = []
    page = open_page(server)
    page.on("request", lambda request: asked.append(request.url) if "/suggestions" in request.url else None)
    box(page).focus()
    box(page).press("ArrowDown")
    type_in(page, "  ")
    page.wait_for_timeout(400)
    expect(list_of(page)).to_be_hidden()
    assert asked == []


def test_typing_quickly_asks_for_suggestions_once(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/suggestions" in request.url else None)
    type_in(page, "What are mito")
    expect(options(page)).to_have_count(1)
    assert [url.rpartition("=")[2] for url in asked] == ["What+are+mito"]


def test_suggestions_lie_over_the_page_and_move_nothing(open_page: Callable[..., Page], server: Served) -> None:
    page = open_page(server, viewport={"width": 320, "height": 700})
    below = page.locator(".hint").first
    before = below.bounding_box()
    type_in(page, "What are mito")
    expect(options(page)).to_have_count(1)
    assert below.bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth") == 320
