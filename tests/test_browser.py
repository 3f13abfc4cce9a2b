import dataclasses
import math
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Locator, Page, Route, expect
from starlette.types import Receive, Scope, Send

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.fitted import Confidence
from studybot.server import web_folder
from tests.browser import PATIENCE_S, Served, answer, ask, box, passages, served, state
from tests.conftest import KINGS
from tests.word_encoder import HeldEncoder

MakeBot = Callable[..., StudyBot]

EXECUTED = "When was Louis XVI executed?"
SMOOTH = "Which membrane is smooth?"
HELD = "Patience: when was Louis XVI executed?"
BROTHER = "and his brother?"
UNDERSTOOD = "Understood as “and his brother? (Louis XVI)”"
OFFLINE = "studybot does not answer; is it still running in your terminal?"


@pytest.fixture
def encoder() -> Iterator[HeldEncoder]:
    encoder = HeldEncoder("Patience")
    yield encoder
    encoder.may_go_on.set()


@pytest.fixture
def server(server: Served, encoder: HeldEncoder) -> Iterator[Served]:
    yield server
    # What is still held would keep the server from ending.
    encoder.may_go_on.set()


def history(page: Page) -> Locator:
    return page.locator("#history").get_by_role("listitem")


def earlier(page: Page) -> Locator:
    return page.get_by_role("region", name="Earlier in this conversation").get_by_role("article")


def open_history(page: Page) -> None:
    page.locator("summary", has_text="Conversations").click()


def ask_two(page: Page) -> None:
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    ask(page, BROTHER)
    expect(answer(page)).to_contain_text(UNDERSTOOD)


def test_an_answer_is_shown_with_marks_that_lead_to_its_passage(open_page: Callable[..., Page], server: Served) -> None:
    page = open_page(server, viewport={"width": 800, "height": 400})
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    expect(answer(page).get_by_role("heading")).to_have_text("From your notes")
    expect(answer(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793.[1]")
    expect(page.get_by_role("region", name="Passages").get_by_role("heading")).to_have_text("Where it stands")

    first = passages(page).first
    expect(first.locator("cite")).to_have_text("[1] kings.md › Kings › lines 3–4")
    expect(first.get_by_role("blockquote")).to_have_text(KINGS.removeprefix("# Kings\n\n").strip())
    expect(first.locator("mark")).to_have_text(["Louis XVI was executed in 1793."])
    expect(first.get_by_role("button")).not_to_be_in_viewport()
    answer(page).get_by_role("link", name="Passage 1: Kings › lines 3–4").click()
    expect(page).to_have_url(re.compile(r"\?q=When.*#passage-1$"))
    expect(first).to_be_in_viewport(ratio=1)
    expect(answer(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793.[1]")


@pytest.mark.parametrize(
    ("probability", "word", "meaning"),
    [
        (0.97, "sure", "Of ten such answers, nearly all are right."),
        (0.8, "sure", "Of ten such answers, about 8 are right."),
        (0.79, "likely", "Of ten such answers, about 8 are right."),
        (0.5, "likely", "Of ten such answers, about 5 are right."),
        (0.31, "unsure", "Of ten such answers, about 3 are right."),
        (0.02, "unsure", "Of ten such answers, hardly any are right."),
    ],
)
def test_the_confidence_is_shown_as_a_bar_and_in_words(
    open_page: Callable[..., Page], bot: StudyBot, encoder: HeldEncoder, probability: float, word: str, meaning: str
) -> None:
    always = Confidence(math.log(probability / (1 - probability)), {}, threshold=0.0)
    learned = dataclasses.replace(bot.fitted, confidence=always)
    with closing(StudyBot(bot.settings, encoder, learned)) as certain, served(certain) as server:
        page = open_page(server)
        ask(page, EXECUTED)
        expect(page.get_by_role("meter", name="Confidence")).to_have_js_property("value", probability)
        shown = answer(page).locator(".confidence")
        expect(shown).to_have_text(f"{word} · {meaning}")
        expect(shown).to_have_attribute("title", f"{round(probability * 100)} %: {meaning}")


def test_a_refusal_is_shown_in_words_with_the_nearest_passages(
    open_page: Callable[..., Page], make_bot: MakeBot
) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()
    with served(bot) as server:
        page = open_page(server, viewport={"width": 800, "height": 400})
        ask(page, "Was Louis XVI executed in a theatre?")
        expect(state(page)).to_have_text("The nearest passages are below.")
        expect(answer(page).get_by_role("heading")).to_have_text("Not in your notes")
        expect(answer(page).locator(".reason")).to_have_text(
            "Your notes mention “Louis” and “XVI”, but nothing there about “theatre”."
        )
        expect(page.get_by_role("region", name="Passages").get_by_role("heading")).to_have_text("The nearest passages")
        expect(passages(page)).to_have_count(4)
        expect(passages(page).first.locator("cite")).to_have_text("[1] kings.md › Kings › lines 3–4")
        expect(page.locator("mark")).to_have_count(0)
        expect(passages(page).first.get_by_role("button")).not_to_be_in_viewport()
        answer(page).get_by_role("link", name="Look at the nearest passages").press("Enter")
        expect(passages(page).first.get_by_role("button")).to_be_in_viewport()


def test_a_refusal_without_any_passage_promises_none(
    open_page: Callable[..., Page], make_bot: MakeBot, tmp_path: Path
) -> None:
    (tmp_path / "blank").mkdir()
    (tmp_path / "blank" / "blank.md").write_text("\n", encoding="utf-8")
    bot = make_bot(notes=tmp_path / "blank")
    bot.sync()
    with served(bot) as server:
        page = open_page(server)
        ask(page, EXECUTED)
        expect(state(page)).to_have_text("There is no passage near to it.")
        expect(answer(page)).to_contain_text("Your notes hold nothing near to this question.")
        expect(page.get_by_role("region", name="Passages")).to_have_count(0)


def test_enter_asks_and_shift_enter_breaks_the_line(page: Page) -> None:
    box(page).fill("When was")
    box(page).press("Shift+Enter")
    box(page).press_sequentially("Louis XVI executed?")
    expect(box(page)).to_have_value("When was\nLouis XVI executed?")
    expect(answer(page)).to_be_hidden()
    box(page).press("Enter")
    expect(answer(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793.[1]")
    expect(box(page)).to_have_value("When was\nLouis XVI executed?")
    page.keyboard.type(BROTHER)
    expect(box(page)).to_have_value(BROTHER)


def test_a_blank_question_is_not_asked(page: Page, server: Served) -> None:
    ask(page, " \n ")
    expect(box(page)).to_be_focused()
    assert page.url == server.url
    expect(answer(page)).to_be_hidden()


def test_a_question_that_is_too_long_is_told_so_and_stays_whole(page: Page, server: Served) -> None:
    longest = EXECUTED.ljust(1_000, "?")
    ask(page, f"{longest}?")
    expect(state(page)).to_have_text("The question has 1,001 characters; at most 1,000 can be asked.")
    expect(box(page)).to_have_value(f"{longest}?")
    assert page.url == server.url
    ask(page, longest)
    expect(answer(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793.[1]")


def test_a_slash_goes_to_the_box_and_is_a_letter_within_it(page: Page) -> None:
    expect(box(page)).to_be_focused()
    box(page).press("/")
    expect(box(page)).to_have_value("/")
    page.get_by_role("button", name="Update").focus()
    expect(box(page)).not_to_be_focused()
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    page.keyboard.type("king")
    expect(box(page)).to_have_value("king")


def test_reload_back_and_forward_keep_the_question(page: Page, server: Served) -> None:
    def shows(question: str, first_quote: str) -> None:
        expect(box(page)).to_have_value(question)
        expect(answer(page).get_by_role("blockquote").first).to_contain_text(first_quote)

    ask(page, EXECUTED)
    shows(EXECUTED, "Louis XVI was executed")
    ask(page, SMOOTH)
    shows(SMOOTH, "They have two membranes:")
    page.reload()
    shows(SMOOTH, "They have two membranes:")
    page.go_back()
    shows(EXECUTED, "Louis XVI was executed")
    page.go_forward()
    shows(SMOOTH, "They have two membranes:")
    page.go_back()
    page.go_back()
    assert page.url == server.url
    expect(box(page)).to_have_value("")
    expect(answer(page)).to_be_hidden()
    expect(state(page)).to_have_text("")


def test_a_passage_tells_where_else_the_notes_say_the_same(page: Page, bot: StudyBot, notes: Path) -> None:
    (notes / "review.md").write_text(
        f"# Review\n\n## France\n\n{KINGS.split('# Kings')[1].strip()}\n", encoding="utf-8"
    )
    bot.sync()
    ask(page, EXECUTED)
    expect(passages(page)).to_have_count(4)
    expect(passages(page).first.locator("cite")).to_have_text("[1] kings.md › Kings › lines 3–4")
    expect(passages(page).first.locator(".also")).to_have_text("Also in review.md › Review › France › lines 5–6")
    expect(page.locator(".also")).to_have_count(1)


def test_a_passage_can_be_checked_against_the_note(page: Page, notes: Path) -> None:
    ask(page, EXECUTED)
    first = passages(page).first
    check = first.get_by_role("button", name="Check against the note")
    check.click()
    expect(first.get_by_role("status")).to_have_text("Checked: your note says so word for word.")
    (notes / "kings.md").write_text(KINGS.replace("# Kings\n", "# Kings\n\nOf France.\n"), encoding="utf-8")
    check.click()
    expect(first.get_by_role("status")).to_have_text("Moved: the same words now stand in kings.md, lines 5–6.")


def test_a_passage_links_to_the_editor(page: Page, notes: Path) -> None:
    ask(page, EXECUTED)
    link = passages(page).first.get_by_role("link", name="Open in editor")
    expect(link).to_have_attribute("href", f"vscode://file{(notes / 'kings.md').as_posix()}:3")


def test_markup_in_a_note_is_shown_as_text_and_does_nothing(page: Page, bot: StudyBot, notes: Path) -> None:
    trap = (
        "Traps hold <script>document.title='ran'</script> <img src=x onerror=document.title='ran'> "
        "**bold** [link](javascript:x) ![image](//evil.example) &amp; `code`"
    )
    heading = "Traps <img src=x onerror=alert(1)>"
    (notes / "traps.md").write_text(f"# {heading}\n\n{trap}\n", encoding="utf-8")
    bot.sync()
    ask(page, "What do traps hold?")
    first = passages(page).first
    expect(first.get_by_role("blockquote")).to_have_text(trap)
    expect(first.locator("cite")).to_have_text(f"[1] traps.md › {heading} › line 3")
    expect(answer(page).get_by_role("blockquote").first).to_contain_text("<script>document.title='ran'</script>")
    main = page.get_by_role("main")
    expect(main.locator("script, img, strong, code")).to_have_count(0)
    links = [link.get_attribute("href") or "" for link in main.get_by_role("link").all()]
    assert {re.split("[:?-]", link)[0] for link in links} == {"vscode", "/read", "#passage"}
    assert page.title() == "What do traps hold? – studybot"


def test_markup_in_a_question_is_text(page: Page, server: Served) -> None:
    question = "Who is <img src=x onerror=alert(1)> the king?"
    ask(page, question)
    expect(passages(page)).to_have_count(4)
    page.reload()
    expect(box(page)).to_have_value(question)
    expect(page.locator("img")).to_have_count(0)


def test_emoji_and_arabic_are_marked_at_the_right_words(page: Page, bot: StudyBot, notes: Path) -> None:
    lines = [
        "- 👩‍🔬🧪 Salt was mixed with water 🌊.",
        "- القلب 🫀 يضخ الدم في الجسم.",
        "- 𝒳 ثمانية كواكب 🪐🪐 في السماء.",
    ]
    (notes / "نص 🫀.md").write_text("# نص 🫀\n\n" + "\n".join(lines) + "\n", encoding="utf-8")
    bot.sync()
    ask(page, "القلب يضخ الدم")
    first = passages(page).first
    expect(first.locator("cite")).to_have_text("[1] نص 🫀.md › نص 🫀 › lines 3–5")
    expect(first.locator("mark")).to_have_text([lines[1].removeprefix("- ")])
    assert first.get_by_role("blockquote").text_content() == "\n".join(lines)
    ask(page, "What was salt mixed with?")
    expect(first.locator("mark")).to_have_text([lines[0].removeprefix("- ")])


def test_a_quote_and_a_question_begin_where_their_language_does(page: Page, bot: StudyBot, notes: Path) -> None:
    def gaps(quote: Locator) -> list[float]:
        """Return how far the first letter is from where lines begin and end, left to right."""
        script = """it => {
            const letter = document.createRange();
            letter.setStart(it.firstChild, 0);
            letter.setEnd(it.firstChild, 1);
            const [all, first] = [it.getBoundingClientRect(), letter.getBoundingClientRect()];
            return [first.left - all.left, all.right - first.right];
        }"""
        return list(quote.evaluate(script))

    (notes / "heart.md").write_text("# القلب\n\nالقلب يضخ الدم في الجسم (42).\n", encoding="utf-8")
    bot.sync()
    quote = answer(page).get_by_role("blockquote").first
    ask(page, "القلب يضخ الدم")
    expect(quote).to_contain_text("القلب يضخ الدم")
    left, right = gaps(quote)
    assert left > right < 5
    expect(box(page)).to_have_css("direction", "rtl")
    ask(page, EXECUTED)
    expect(quote).to_contain_text("Louis XVI")
    left, right = gaps(quote)
    assert right > left < 5
    expect(box(page)).to_have_css("direction", "ltr")


def test_rows_of_a_table_are_quoted_as_a_table(page: Page, bot: StudyBot, notes: Path) -> None:
    rows = "| Tide | When \\| why |\n|---|---|\n| Spring | full moon |\n| Neap | **half** moon |\n"
    (notes / "tides.md").write_text(f"# Tides\n\n{rows}", encoding="utf-8")
    bot.sync()
    ask(page, "When is the neap tide?")
    quoted = answer(page).get_by_role("table")
    expect(quoted.get_by_role("columnheader")).to_have_text(["Tide", "When | why"])
    expect(quoted.get_by_role("row", name="Neap").get_by_role("cell")).to_have_text(["Neap", "**half** moon"])
    expect(answer(page).get_by_role("link", name="Passage 1: Tides › lines 3–6")).to_have_count(1)


TWO_TABLES = """# Tides

| Tide | When |
|---|---|
| Spring | full moon |
| Neap | half moon |

Between them lie words.

| Tide | Height |
|---|---|
| Neap | low |
| Spring | high |
"""


def test_rows_of_two_tables_are_quoted_as_two(
    open_page: Callable[..., Page], server: Served, bot: StudyBot, notes: Path
) -> None:
    (notes / "tides.md").write_text(TWO_TABLES, encoding="utf-8")
    bot.sync()
    page = open_page(server, permissions=["clipboard-read", "clipboard-write"])
    ask(page, "When is the neap tide, and how high?")
    quoted = answer(page).get_by_role("table")
    expect(quoted).to_have_count(2)
    expect(quoted.first.get_by_role("columnheader")).to_have_text(["Tide", "When"])
    expect(quoted.first.get_by_role("cell")).to_have_text(["Spring", "full moon", "Neap", "half moon"])
    expect(quoted.last.get_by_role("columnheader")).to_have_text(["Tide", "Height"])
    expect(quoted.last.get_by_role("cell")).to_have_text(["Neap", "low", "Spring", "high"])

    page.get_by_role("button", name="Copy as Markdown").click()
    expect(answer(page).get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == (
        "> | Tide | When |\n> |---|---|\n> | Spring | full moon |\n> | Neap | half moon |\n\n"
        "— tides.md › Tides, lines 3–6\n\n"
        "> | Tide | Height |\n> |---|---|\n> | Neap | low |\n> | Spring | high |\n\n"
        "— tides.md › Tides, lines 10–13\n"
    )


def test_a_row_is_no_header_where_that_of_the_table_is_not_quoted(page: Page, bot: StudyBot, notes: Path) -> None:
    rows = "".join(f"| Port {n} | high at {n} hours |\n" for n in range(40))
    (notes / "ports.md").write_text(f"# Ports\n\n| Port | Tide |\n|---|---|\n{rows}", encoding="utf-8")
    bot.sync()
    ask(page, "When is it high at port 31 and port 33?")
    quoted = answer(page).get_by_role("table")
    expect(quoted.get_by_role("row")).to_have_text([f"Port {n}high at {n} hours" for n in range(29, 34)])
    expect(quoted.get_by_role("columnheader")).to_have_count(0)


def test_a_server_that_vanishes_in_mid_question_is_told_in_words(
    page: Page, server: Served, encoder: HeldEncoder, problems: list[str]
) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    ask(page, HELD)
    expect(state(page)).to_have_text("Looking through your notes…")
    expect(answer(page)).to_have_attribute("aria-busy", "true")
    assert encoder.is_reached.wait(PATIENCE_S)
    server.vanish()
    expect(state(page)).to_have_text(OFFLINE)
    expect(answer(page)).to_be_hidden()
    expect(passages(page)).to_have_count(0)
    server.pages.close()
    assert all(problem.startswith("Failed to load resource: net::ERR_") for problem in problems)
    problems.clear()


def test_a_reply_that_breaks_off_is_told_in_words(
    open_page: Callable[..., Page], bot: StudyBot, problems: list[str]
) -> None:
    app = create_app(bot, web_folder())

    async def breaking_off(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != "/api/ask":
            return await app(scope, receive, send)
        head = [(b"content-type", b"application/json"), (b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b'{"question": ', "more_body": True})
        raise ConnectionError

    with served(bot, uvicorn.Config(breaking_off, log_level="critical")) as server:
        page = open_page(server)
        ask(page, EXECUTED)
        expect(state(page)).to_have_text(OFFLINE)
    problems.clear()


@pytest.mark.parametrize(
    ("status", "words"),
    [(502, "the server said 502 Bad Gateway"), (200, "what answers here is not studybot: it said 200 OK")],
)
def test_a_reply_of_something_else_is_told_in_words(page: Page, problems: list[str], status: int, words: str) -> None:
    page.route("**/api/ask", lambda route: route.fulfill(status=status, body="<h1>Bad Gateway</h1>"))
    ask(page, EXECUTED)
    expect(state(page)).to_have_text(words)
    problems.clear()


def test_the_page_that_asks_for_the_token_tells_in_words_that_the_server_is_gone(
    open_page: Callable[..., Page], make_bot: MakeBot, problems: list[str]
) -> None:
    with served(make_bot(host="0.0.0.0", token="correct-horse-battery")) as server:
        page = open_page(server)
        page.get_by_label("Token").fill("correct-horse-battery")
        server.vanish()
        page.get_by_role("button", name="Go on").click()
        expect(state(page)).to_have_text(OFFLINE)
    problems.clear()


def test_a_token_that_is_refused_is_there_to_be_typed_over(
    open_page: Callable[..., Page], make_bot: MakeBot, problems: list[str]
) -> None:
    bot = make_bot(host="0.0.0.0", token="correct-horse-battery")
    bot.sync()
    with served(bot) as server:
        page = open_page(server)
        page.get_by_label("Token").fill("correct-horse-batery")
        page.get_by_role("button", name="Go on").click()
        expect(state(page)).to_have_text("this is not the token that studybot was started with")
        page.keyboard.type("correct-horse-battery")
        page.keyboard.press("Enter")
        expect(box(page)).to_be_visible()
    assert [problem.partition(" (")[0] for problem in problems] == [
        "Failed to load resource: the server responded with a status of 401"
    ]
    problems.clear()


def test_a_question_that_cannot_be_asked_is_told_in_words(page: Page, problems: list[str]) -> None:
    ask(page, "?!")
    expect(state(page)).to_have_text(re.compile("^the question has no word; wanted something like "))
    expect(answer(page)).to_be_hidden()
    assert [problem.partition(" (")[0] for problem in problems] == [
        "Failed to load resource: the server responded with a status of 422"
    ]
    problems.clear()


def test_without_an_index_the_page_says_what_to_do(
    open_page: Callable[..., Page], make_bot: MakeBot, problems: list[str]
) -> None:
    with served(make_bot()) as server:
        page = open_page(server)
        expect(page.locator("#status")).to_contain_text("run `studybot index NOTES`")
    assert [problem.partition(" (")[0] for problem in problems] == [
        "Failed to load resource: the server responded with a status of 503"
    ]
    problems.clear()


def test_of_two_quick_questions_the_second_is_shown(page: Page, encoder: HeldEncoder) -> None:
    ask(page, HELD)
    assert encoder.is_reached.wait(PATIENCE_S)
    ask(page, SMOOTH)
    expect(answer(page).get_by_role("blockquote").first).to_contain_text("They have two membranes:")
    expect(answer(page)).to_have_attribute("aria-busy", "false")
    encoder.may_go_on.set()
    # Long enough for the reply to the first, which takes milliseconds, to come if it could.
    page.wait_for_timeout(300)
    expect(answer(page).get_by_role("blockquote").first).to_contain_text("They have two membranes:")
    expect(box(page)).to_have_value(SMOOTH)
    expect(state(page)).to_have_text("Answered from your notes.")


def test_going_back_from_a_question_drops_its_reply(page: Page, server: Served, encoder: HeldEncoder) -> None:
    ask(page, HELD)
    assert encoder.is_reached.wait(PATIENCE_S)
    page.go_back()
    expect(box(page)).to_have_value("")
    encoder.may_go_on.set()
    page.wait_for_timeout(300)
    expect(answer(page)).to_be_hidden()
    expect(state(page)).to_have_text("")
    assert page.url == server.url


def test_escape_cancels_a_question(page: Page, encoder: HeldEncoder) -> None:
    ask(page, HELD)
    assert encoder.is_reached.wait(PATIENCE_S)
    page.keyboard.press("Escape")
    expect(state(page)).to_have_text("Cancelled.")
    encoder.may_go_on.set()
    page.wait_for_timeout(300)
    expect(state(page)).to_have_text("Cancelled.")
    expect(answer(page)).to_be_hidden()
    expect(page.get_by_role("region", name="Examples").get_by_role("button")).to_have_count(2)


def test_escape_leaves_the_answer_before_the_question_that_it_cancels(page: Page, encoder: HeldEncoder) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    ask(page, HELD)
    assert encoder.is_reached.wait(PATIENCE_S)
    page.keyboard.press("Escape")
    expect(state(page)).to_have_text("Cancelled.")
    expect(answer(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793.[1]")
    page.go_back()
    expect(state(page)).to_have_text("Answered from your notes.")
    expect(box(page)).to_have_value(EXECUTED)


def test_enter_that_is_pressed_twice_asks_once(page: Page, bot: StudyBot, encoder: HeldEncoder) -> None:
    box(page).fill(HELD)
    box(page).press("Enter")
    box(page).press("Enter")
    assert encoder.is_reached.wait(PATIENCE_S)
    # Long enough for a second one to come if it could.
    page.wait_for_timeout(300)
    encoder.may_go_on.set()
    expect(answer(page)).to_be_visible()
    assert [one.turns for one in bot.history().conversations()] == [1]
    # Asked again later it is another turn.
    box(page).press("Enter")
    expect(earlier(page)).to_have_count(1)
    assert [one.turns for one in bot.history().conversations()] == [2]


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_after_a_conversation_that_did_not_open_what_is_asked_goes_where_the_address_says(
    page: Page, bot: StudyBot, problems: list[str], is_cancelled: bool
) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    (wanted,) = bot.history().conversations()
    page.get_by_role("button", name="New conversation").click()
    ask_two(page)
    open_history(page)
    address = f"**/api/conversations/{wanted.id}"
    page.route(address, lambda route: None if is_cancelled else route.abort())
    history(page).last.get_by_role("link", name=EXECUTED, exact=True).click()
    if is_cancelled:
        expect(state(page)).to_have_text("Opening the conversation…")
        page.keyboard.press("Escape")
    expect(state(page)).to_have_text("Cancelled." if is_cancelled else OFFLINE)
    expect(answer(page)).to_be_hidden()
    expect(earlier(page)).to_have_count(0)
    page.unroute(address)
    with page.expect_request("**/api/ask") as asked:
        ask(page, BROTHER)
    assert asked.value.post_data_json == {"question": BROTHER, "conversation": wanted.id}
    expect(earlier(page)).to_have_count(1)
    problems.clear()


def test_a_reply_is_kept_though_the_turns_before_it_cannot_be_had(page: Page, problems: list[str]) -> None:
    ask_two(page)
    page.route("**/api/conversations/*", lambda route: route.abort())
    page.reload()
    expect(answer(page)).to_contain_text(UNDERSTOOD)
    expect(state(page)).to_have_text("What was asked before cannot be shown: studybot does not answer.")
    ask(page, SMOOTH)
    expect(answer(page).get_by_role("blockquote").first).to_contain_text("They have two membranes:")
    expect(state(page)).to_have_text("What was asked before cannot be shown: studybot does not answer.")
    page.unroute("**/api/conversations/*")
    page.reload()
    expect(answer(page).get_by_role("blockquote").first).to_contain_text("They have two membranes:")
    expect(earlier(page).get_by_role("heading")).to_have_text([EXECUTED, BROTHER])
    problems.clear()


def test_the_title_tells_one_entry_of_the_history_from_another(page: Page) -> None:
    expect(page).to_have_title("studybot")
    ask(page, EXECUTED)
    expect(page).to_have_title(f"{EXECUTED} – studybot")
    page.get_by_role("button", name="New conversation").click()
    expect(page).to_have_title("studybot")
    open_history(page)
    history(page).get_by_role("link", name=EXECUTED, exact=True).click()
    expect(state(page)).to_contain_text("What you ask now follows.")
    expect(page).to_have_title(f"{EXECUTED} – studybot")
    page.go_back()
    expect(page).to_have_title("studybot")


def test_a_follow_up_is_completed_and_the_turns_stay_above_it(page: Page, bot: StudyBot) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    expect(answer(page)).not_to_contain_text("Understood as")
    expect(earlier(page)).to_have_count(0)
    ask(page, BROTHER)
    expect(answer(page)).to_contain_text(UNDERSTOOD)
    expect(earlier(page)).to_have_count(1)
    expect(earlier(page).get_by_role("heading")).to_have_text(EXECUTED)
    expect(earlier(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793. [1]")
    expect(earlier(page).locator("cite")).to_have_text("[1] kings.md › Kings › lines 3–4")
    assert [one.turns for one in bot.history().conversations()] == [2]


def test_a_follow_up_can_be_asked_again_as_typed(page: Page, bot: StudyBot) -> None:
    ask_two(page)
    page.get_by_role("button", name="Ask it as typed").click()
    expect(earlier(page)).to_have_count(2)
    expect(earlier(page).last).to_contain_text(UNDERSTOOD)
    expect(answer(page)).to_be_visible()
    expect(answer(page)).not_to_contain_text("Understood as")
    expect(box(page)).to_have_value(BROTHER)
    expect(box(page)).to_be_focused()
    (conversation,) = bot.history().conversations()
    assert [turn.interpreted_as for turn in bot.history().turns(conversation.id)] == [
        None,
        "and his brother? (Louis XVI)",
        None,
    ]


def test_reload_and_back_show_a_conversation_without_asking_again(page: Page, bot: StudyBot) -> None:
    ask_two(page)
    page.reload()
    expect(answer(page)).to_contain_text(UNDERSTOOD)
    expect(earlier(page)).to_have_count(1)
    expect(box(page)).to_have_value(BROTHER)
    page.go_back()
    expect(answer(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793.[1]")
    expect(earlier(page)).to_have_count(0)
    page.go_forward()
    expect(answer(page)).to_contain_text(UNDERSTOOD)
    assert [one.turns for one in bot.history().conversations()] == [2]


def test_the_address_of_a_follow_up_opens_its_conversation_elsewhere(
    page: Page, open_page: Callable[..., Page], server: Served, bot: StudyBot
) -> None:
    ask_two(page)
    other = open_page(server)
    other.goto(page.url)
    expect(earlier(other).get_by_role("heading")).to_have_text([EXECUTED, BROTHER])
    expect(box(other)).to_have_value(BROTHER)
    assert [one.turns for one in bot.history().conversations()] == [2]


def test_going_back_to_an_answer_drops_the_reply_to_a_later_question(page: Page, encoder: HeldEncoder) -> None:
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    ask(page, HELD)
    assert encoder.is_reached.wait(PATIENCE_S)
    page.go_back()
    expect(box(page)).to_have_value(EXECUTED)
    encoder.may_go_on.set()
    page.wait_for_timeout(300)
    expect(answer(page).get_by_role("blockquote")).to_have_text("Louis XVI was executed in 1793.[1]")
    expect(earlier(page)).to_have_count(0)
    expect(state(page)).to_have_text("Answered from your notes.")


def test_a_new_conversation_leaves_the_old_one_in_the_list(page: Page, server: Served) -> None:
    expect(page.get_by_role("button", name="New conversation")).to_be_hidden()
    ask_two(page)
    page.get_by_role("button", name="New conversation").click()
    assert page.url == server.url
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value("")
    expect(answer(page)).to_be_hidden()
    expect(earlier(page)).to_have_count(0)
    open_history(page)
    expect(history(page)).to_have_count(1)
    ask(page, SMOOTH)
    expect(history(page).locator("a.title")).to_have_text([SMOOTH, EXECUTED])
    expect(history(page).locator(".when").last).to_have_text(re.compile("^2 questions, "))
    expect(history(page).first.get_by_role("link", name=SMOOTH, exact=True)).to_have_attribute("aria-current", "true")


def test_a_past_conversation_is_opened_and_goes_on(page: Page, server: Served) -> None:
    open_history(page)
    expect(history(page)).to_have_text("None yet: what you ask is kept here.")
    ask(page, EXECUTED)
    expect(history(page)).to_have_count(1)
    page.goto(server.url)
    open_history(page)
    history(page).get_by_role("link", name=EXECUTED, exact=True).click()
    expect(state(page)).to_have_text(f"“{EXECUTED}”: 1 question. What you ask now follows.")
    expect(earlier(page)).to_have_count(1)
    expect(answer(page)).to_be_hidden()
    expect(box(page)).to_be_focused()
    ask(page, BROTHER)
    expect(answer(page)).to_contain_text(UNDERSTOOD)
    expect(earlier(page)).to_have_count(1)
    page.go_back()
    expect(earlier(page)).to_have_count(2)


def test_a_conversation_is_renamed_by_keyboard(page: Page, bot: StudyBot) -> None:
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    open_history(page)
    page.get_by_role("button", name=f"Rename “{EXECUTED}”").press("Enter")
    title = page.get_by_role("dialog").get_by_label("Another title")
    expect(title).to_be_focused()
    page.keyboard.type("Kings / <b>queens</b>")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert [one.title for one in bot.history().conversations()] == [EXECUTED]
    page.get_by_role("button", name=f"Rename “{EXECUTED}”").press("Enter")
    expect(title).to_have_value(EXECUTED)
    page.keyboard.type("Kings / <b>queens</b>")
    page.keyboard.press("Enter")
    expect(history(page).locator("a.title")).to_have_text("Kings / <b>queens</b>")
    expect(page.get_by_role("button", name="Rename “Kings")).to_be_focused()
    assert [one.title for one in bot.history().conversations()] == ["Kings / <b>queens</b>"]


def test_a_conversation_is_deleted_only_when_that_is_confirmed(page: Page, bot: StudyBot, server: Served) -> None:
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    open_history(page)
    delete = page.get_by_role("button", name=f"Delete “{EXECUTED}”")
    delete.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text(f"Delete “{EXECUTED}” with its questions and answers?")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(delete).to_be_focused()
    assert len(bot.history().conversations()) == 1
    delete.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(history(page)).to_have_text("None yet: what you ask is kept here.")
    expect(state(page)).to_have_text("Deleted.")
    expect(answer(page)).to_be_hidden()
    assert page.url == server.url
    assert bot.history().conversations() == []


@pytest.mark.parametrize("verb", ["Delete", "Rename"])
def test_a_dialog_gives_the_focus_back_also_to_a_list_that_was_made_anew_behind_it(page: Page, verb: str) -> None:
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    open_history(page)
    button = page.get_by_role("button", name=f"{verb} “{EXECUTED}”")
    button.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    before = page.locator("#history li").first.element_handle()
    page.locator("summary", has_text="Conversations").evaluate(
        "it => it.parentElement.dispatchEvent(new Event('toggle'))"
    )
    page.wait_for_function("row => !row.isConnected", arg=before)
    page.keyboard.press("Escape")
    expect(button).to_be_focused()


def test_a_list_that_comes_late_does_not_take_the_place_of_a_newer_one(page: Page) -> None:
    held: list[Route] = []
    page.route("**/api/conversations?*", lambda route: held.append(route), times=1)
    with page.expect_request("**/api/conversations?*"):
        open_history(page)
    ask(page, EXECUTED)
    expect(history(page).locator("a.title")).to_have_text(EXECUTED)
    with page.expect_response("**/api/conversations?*"):
        held[0].fulfill(body="[]", content_type="application/json")
    # Nothing to wait for: what came late is heard and shows nothing.
    page.wait_for_timeout(100)
    expect(history(page).locator("a.title")).to_have_text(EXECUTED)


def test_a_list_that_does_not_come_after_a_deletion_is_told_in_words(page: Page, problems: list[str]) -> None:
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    open_history(page)
    expect(history(page)).to_have_count(1)
    page.route("**/api/conversations?*", lambda route: route.abort())
    page.get_by_role("button", name=f"Delete “{EXECUTED}”").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_title("studybot")
    # Long enough for other words to come if they could.
    page.wait_for_timeout(300)
    expect(state(page)).to_have_text(OFFLINE)
    problems.clear()


def test_a_conversation_that_was_deleted_meanwhile_is_told_in_words(
    page: Page, bot: StudyBot, problems: list[str]
) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    (conversation,) = bot.history().conversations()
    bot.history().delete(conversation.id)
    ask(page, BROTHER)
    expect(state(page)).to_have_text("This conversation was deleted; what you ask now begins another.")
    ask(page, SMOOTH)
    expect(answer(page).get_by_role("blockquote").first).to_contain_text("They have two membranes:")
    assert [problem.partition(" (")[0] for problem in problems] == [
        "Failed to load resource: the server responded with a status of 404"
    ]
    problems.clear()


def test_a_conversation_is_exported_as_markdown(page: Page) -> None:
    ask_two(page)
    open_history(page)
    with page.expect_download() as download:
        page.get_by_role("link", name=f"Export “{EXECUTED}”").click()
    assert download.value.suggested_filename == "When was Louis XVI executed_.md"
    text = download.value.path().read_text(encoding="utf-8")
    assert text.startswith(f"# {EXECUTED}\n\nAsked on ")
    assert "> Louis XVI was executed in 1793. [1]\n\n- [1] kings.md › Kings, lines 3–4\n" in text


def test_how_sure_to_be_is_sent_kept_and_reset(page: Page, bot: StudyBot) -> None:
    slider = page.get_by_role("slider", name="How sure to be")
    said = page.locator("#sureness")
    page.locator("summary", has_text="How sure to be").click()
    expect(said).to_have_text("as usual")
    # The double's confidence was fitted for another encoder: nothing is refused.
    expect(slider).to_have_value("0")
    with page.expect_request("**/api/ask") as request:
        ask(page, EXECUTED)
    assert request.value.post_data_json == {"question": EXECUTED}
    expect(answer(page).get_by_role("heading")).to_have_text("From your notes")

    slider.press("End")
    expect(said).to_have_text("at least 100 %")
    page.reload()
    expect(said).to_have_text("at least 100 %")
    page.get_by_role("button", name="New conversation").click()
    with page.expect_request("**/api/ask") as request:
        ask(page, EXECUTED)
    assert request.value.post_data_json == {"question": EXECUTED, "min_confidence": 1}
    assert bot.ask(EXECUTED).outcome.confidence < 1
    expect(answer(page).get_by_role("heading")).to_have_text("Not in your notes")

    page.locator("summary", has_text="How sure to be").click()
    slider.press("Home")
    expect(said).to_have_text("at least 0 %")
    page.get_by_role("button", name="As usual").press("Enter")
    expect(said).to_have_text("as usual")
    expect(page.get_by_role("button", name="As usual")).to_be_disabled()
    expect(slider).to_be_focused()
    page.reload()
    expect(said).to_have_text("as usual")


def test_an_answer_is_copied_as_markdown_with_its_citations(open_page: Callable[..., Page], server: Served) -> None:
    page = open_page(server, permissions=["clipboard-read", "clipboard-write"])
    ask_two(page)
    page.get_by_role("button", name="Copy as Markdown").press("Enter")
    expect(answer(page).get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == (
        "> Louis XVI was executed in 1793.\n\n— kings.md › Kings, line 3\n\n"
        "> His brother became king in 1814.\n\n— kings.md › Kings, line 4\n"
    )


def test_that_an_answer_was_copied_is_told_beside_the_button(open_page: Callable[..., Page], server: Served) -> None:
    page = open_page(server, viewport={"width": 380, "height": 300}, permissions=["clipboard-write"])
    ask(page, SMOOTH)
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(answer(page).get_by_role("status")).to_be_in_viewport(ratio=1)
    expect(state(page)).not_to_be_in_viewport()


def test_where_the_browser_has_no_clipboard_that_is_told(page: Page) -> None:
    page.evaluate("() => void Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    ask(page, EXECUTED)
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(answer(page).get_by_role("status")).to_have_text("The browser does not let this page copy.")


def test_a_button_leads_to_the_next_question(page: Page) -> None:
    ask(page, EXECUTED)
    page.get_by_role("button", name="Ask a follow-up").click()
    expect(box(page)).to_be_focused()
    page.keyboard.type(BROTHER)
    expect(box(page)).to_have_value(BROTHER)


def test_an_empty_page_offers_questions_about_the_notes_own_headings(page: Page) -> None:
    examples = page.get_by_role("region", name="Examples")
    offered = examples.get_by_role("button")
    expect(offered).to_have_count(2)
    texts = set(offered.all_inner_texts())
    assert "What about Kings?" in texts
    assert texts <= {"What about Kings?", "What about Mitochondria?", "What about Sizes?"}
    examples.get_by_role("button", name="What about Kings?").press("Enter")
    expect(box(page)).to_have_value("What about Kings?")
    expect(box(page)).to_be_focused()
    expect(passages(page).first.locator("cite")).to_contain_text("kings.md")
    expect(examples).to_be_hidden()
    page.get_by_role("button", name="New conversation").click()
    expect(examples).to_be_visible()


def test_update_indexes_new_notes_and_counts_them(page: Page, notes: Path) -> None:
    expect(page.locator("#status")).to_have_text("2 notes, 4 passages")
    (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    page.get_by_role("button", name="Update").click()
    expect(page.locator("#status")).to_have_text("3 notes, 5 passages")
    ask(page, "How do ferns spread?")
    expect(answer(page).get_by_role("blockquote")).to_have_text("Ferns spread by spores.[1]")


def test_the_counts_are_those_of_today_when_the_reader_comes_back_to_the_page(
    page: Page, bot: StudyBot, notes: Path
) -> None:
    line = page.locator("#status")
    expect(line).to_have_text("2 notes, 4 passages")
    words = line.evaluate_handle("(it) => it.firstChild")
    for _ in range(2):
        with page.expect_response("**/api/status"):
            page.evaluate("dispatchEvent(new Event('focus'))")
    # The same words are not put there again, which would be read out.
    assert words.evaluate("(it) => it.isConnected")
    (notes / "queens.md").write_text("# Queens\n\nVictoria reigned for 63 years.\n", encoding="utf-8")
    bot.sync()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(line).to_have_text("3 notes, 5 passages")


def test_counts_that_come_late_do_not_take_the_place_of_newer_ones(page: Page, bot: StudyBot, notes: Path) -> None:
    line = page.locator("#status")
    expect(line).to_have_text("2 notes, 4 passages")
    held: list[Route] = []
    page.route("**/api/status", lambda route: held.append(route), times=1)
    with page.expect_request("**/api/status"):
        page.evaluate("dispatchEvent(new Event('focus'))")
    while not held:
        page.wait_for_timeout(10)
    earlier = page.request.get(held[0].request.url).text()
    (notes / "queens.md").write_text("# Queens\n\nVictoria reigned for 63 years.\n", encoding="utf-8")
    bot.sync()
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(line).to_have_text("3 notes, 5 passages")
    with page.expect_response("**/api/status"):
        held[0].fulfill(body=earlier, content_type="application/json")
    # Nothing to wait for: what came late is heard and says nothing.
    page.wait_for_timeout(100)
    expect(line).to_have_text("3 notes, 5 passages")


def test_update_tells_in_words_that_the_notes_folder_is_gone(page: Page, notes: Path) -> None:
    expect(page.locator("#status")).to_have_text("2 notes, 4 passages")
    expect(page.get_by_role("region", name="Examples").get_by_role("button")).to_have_count(2)
    shutil.rmtree(notes)
    page.get_by_role("button", name="Update").click()
    expect(page.locator("#status")).to_contain_text("is not there; name your folder: `studybot index NOTES`")


@pytest.mark.parametrize("width", [320, 380])
def test_on_a_narrow_screen_nothing_scrolls_sideways(
    open_page: Callable[..., Page], server: Served, bot: StudyBot, notes: Path, width: int
) -> None:
    row = "| wide " * 40 + "|\n"
    table = row + "|---" * 40 + "|\n" + row
    (notes / "wide.md").write_text(f"# Wide{'e' * 200}\n\nWide {'w' * 300}\n\n## Rows\n\n{table}", encoding="utf-8")
    bot.sync()
    page = open_page(server, viewport={"width": width, "height": 700})
    ask(page, "What is wide?")
    expect(passages(page)).to_have_count(5)
    expect(page.locator("blockquote.table").first).to_have_attribute("tabindex", "0")
    ask(page, f"and {'narrow' * 40}?")
    expect(earlier(page)).to_have_count(1)
    open_history(page)
    page.locator("summary", has_text="How sure to be").click()
    expect(history(page)).to_have_count(1)
    assert page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]") == [width, width]


@pytest.mark.parametrize(
    ("scheme", "paper", "ink"),
    [("dark", "rgb(23, 25, 26)", "rgb(231, 230, 225)"), ("light", "rgb(251, 250, 246)", "rgb(29, 35, 33)")],
)
def test_the_page_is_as_dark_as_the_reader_wants_it(
    open_page: Callable[..., Page], server: Served, scheme: str, paper: str, ink: str
) -> None:
    page = open_page(server, color_scheme=scheme)
    expect(page.locator("body")).to_have_css("background-color", paper)
    expect(page.locator("body")).to_have_css("color", ink)


def test_docs_show_every_operation(page: Page, server: Served) -> None:
    page.goto(f"{server.url}docs")
    expect(page.locator('[data-path="/api/ask"]')).to_be_visible()
    expect(page.locator("[data-path]")).to_have_count(20)
