"""The reader: a note over HTTP, and the page that shows it, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Locator, Page, expect

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.server import web_folder
from tests.browser import Served, answer, ask, passages, state
from tests.conftest import KINGS

EXECUTED = "When was Louis XVI executed?"
BROTHER = "and his brother?"
SMOOTH = "Which membrane is smooth?"

Open = Callable[..., Page]


def read(open_page: Open, server: Served, note: str, lines: str = "", **options: object) -> Page:
    return open_page(server, f"read?note={quote(note)}{lines and f'&lines={lines}'}", **options)


def text(page: Page) -> Locator:
    return page.get_by_role("article")


def outline(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Outline")


def cited(page: Page) -> Locator:
    return page.locator(".cited")


def open_in_reader(page: Page, rank: int = 1) -> None:
    passages(page).nth(rank - 1).get_by_role("link", name="Open in reader").click()


def long_note(notes: Path) -> None:
    """Put a note there whose passages do not fit into one window."""
    paragraphs = [f"## Part {number}\n\n" + f"Ferns number {number} grow slowly. " * 30 for number in range(1, 30)]
    (notes / "ferns.md").write_text("# Ferns\n\n" + "\n\n".join(paragraphs) + "\n", encoding="utf-8")


@pytest.fixture
def client(bot: StudyBot) -> TestClient:
    return TestClient(create_app(bot, web_folder()), base_url="http://127.0.0.1", client=("127.0.0.1", 50000))


def test_a_note_is_given_as_html_with_its_outline(client: TestClient, notes: Path) -> None:
    response = client.get("/api/rendered/kings.md?line=3")
    assert response.json() == {
        "note": "kings.md",
        "html": '<h1 id="to-kings" data-lines="1-1">Kings</h1>\n'
        '<p data-lines="3-4">Louis XVI was executed in 1793.\nHis brother became king in 1814.</p>\n',
        "outline": [{"level": 1, "title": "Kings", "id": "to-kings", "line": 1}],
        "link": f"vscode://file{(notes / 'kings.md').as_posix()}:3",
    }
    assert response.headers["cache-control"] == "no-store"


def test_windows_line_ends_and_a_byte_order_mark_shift_no_line(client: TestClient, notes: Path) -> None:
    (notes / "kings.md").write_bytes(b"\xef\xbb\xbf" + KINGS.replace("\n", "\r\n").encode())
    assert '<p data-lines="3-4">Louis' in client.get("/api/rendered/kings.md").json()["html"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("gone.md", 404, "note_not_found"),
        ("../kings.md", 404, "not_found"),
        ("..%2Fkings.md", 422, "note_name_invalid"),
        ("picture.png", 422, "note_name_invalid"),
        ("binary.md", 422, "note_unreadable"),
        ("kings.md?line=0", 422, "invalid"),
    ],
)
def test_what_cannot_be_rendered_is_refused(client: TestClient, notes: Path, path: str, status: int, code: str) -> None:
    (notes / "binary.md").write_bytes(b"\0\1\2")
    response = client.get(f"/api/rendered/{path}")
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_a_passage_is_opened_in_its_note_with_its_lines_marked(page: Page) -> None:
    ask(page, EXECUTED)
    open_in_reader(page)
    expect(page).to_have_title("kings.md · studybot")
    expect(page.get_by_role("heading", name="kings.md", exact=True)).to_be_visible()
    expect(text(page).get_by_role("heading", name="Kings", level=1)).to_be_visible()
    expect(state(page)).to_have_text("Lines 3–4 are marked.")
    expect(cited(page)).to_have_count(1)
    expect(cited(page)).to_have_text(
        re.compile(r"^Louis XVI was executed in 1793\.\s*His brother became king in 1814\.$")
    )
    expect(page.get_by_role("link", name="Open in editor")).to_have_attribute("href", re.compile(r"/kings\.md:3$"))


@pytest.mark.parametrize(
    ("lines", "marked"),
    [
        ("7-7", ["Mitochondria make most of the cell's ATP."]),
        ("8", ["They have two membranes:"]),
        ("8-9", ["They have two membranes:", "the outer one is smooth"]),
        ("17", ["Nucleus 6 µm"]),
        ("13-15", ["Organelle Diameter"]),
        ("5-6", ["Mitochondria"]),
        ("99", []),
        ("x", []),
    ],
)
def test_the_smallest_blocks_that_hold_the_lines_are_marked(
    open_page: Open, server: Served, lines: str, marked: list[str]
) -> None:
    page = read(open_page, server, "biology/cells.md", lines)
    expect(text(page)).to_contain_text("Notes on the smallest living things.")
    expect(cited(page)).to_have_text(marked)


def test_the_marked_lines_are_in_view_below_what_they_are_about(
    open_page: Open, server: Served, bot: StudyBot, notes: Path
) -> None:
    long_note(notes)
    for size in ({"width": 1280, "height": 700}, {"width": 380, "height": 700}):
        page = read(open_page, server, "ferns.md", "93", viewport=size)
        expect(cited(page)).to_be_in_viewport()
        expect(cited(page)).to_contain_text("Ferns number 23")
        expect(text(page).get_by_role("heading", name="Part 23")).to_be_in_viewport(ratio=1)
        expect(page.locator("#headings [aria-current]")).to_have_text("Part 23")


def test_back_leads_to_the_reply_and_the_place_that_was_left(
    open_page: Open, server: Served, bot: StudyBot, notes: Path
) -> None:
    long_note(notes)
    bot.sync()
    page = open_page(server, viewport={"width": 800, "height": 500})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/api/ask") else None)
    ask(page, "How do ferns grow?")
    expect(passages(page)).to_have_count(5)
    for leave, come_back in (
        (1, lambda: page.get_by_role("link", name="Back to the question").click()),
        (4, page.go_back),
        (3, lambda: page.get_by_role("link", name="Back to the question").press("Enter")),
    ):
        link = passages(page).nth(leave).get_by_role("link", name="Open in reader")
        link.scroll_into_view_if_needed()
        place = page.evaluate("scrollY")
        assert place > 200
        link.click()
        expect(cited(page).first).to_be_in_viewport()
        come_back()
        expect(answer(page)).to_be_visible()
        expect(passages(page)).to_have_count(5)
        expect(page).to_have_title("How do ferns grow? – studybot")
        page.wait_for_function("place => scrollY === place", arg=place)
    assert len(asked) == 1


def test_back_keeps_a_conversation_and_its_place(open_page: Open, server: Served) -> None:
    page = open_page(server, viewport={"width": 600, "height": 400})
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")
    ask(page, BROTHER)
    earlier = page.get_by_role("region", name="Earlier in this conversation").get_by_role("article")
    expect(earlier).to_have_count(1)
    link = earlier.get_by_role("link", name="kings.md › Kings › lines 3–4")
    link.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    link.click()
    expect(state(page)).to_have_text("Lines 3–4 are marked.")
    page.get_by_role("link", name="Back to the question").click()
    expect(earlier).to_have_count(1)
    expect(answer(page)).to_contain_text("His brother became king in 1814.")
    page.wait_for_function("place => scrollY === place", arg=place)


def test_a_conversation_that_is_opened_from_the_list_has_no_place_yet(page: Page, bot: StudyBot) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    page.locator("summary", has_text="Conversations").click()
    page.locator("#history").get_by_role("link", name=EXECUTED, exact=True).click()
    expect(state(page)).to_contain_text("What you ask now follows.")
    assert page.evaluate("history.state") == {"conversation": bot.history().conversations()[0].id}


def test_without_a_question_before_the_reader_leads_to_the_box(open_page: Open, server: Served) -> None:
    page = read(open_page, server, "kings.md")
    page.get_by_role("link", name="Ask your notes").click()
    expect(page.get_by_label("Ask your notes")).to_be_focused()


def test_lines_that_moved_since_are_found_again(page: Page, notes: Path) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    (notes / "kings.md").write_text(KINGS.replace("# Kings\n", "# Kings\n\nOf France.\n"), encoding="utf-8")
    open_in_reader(page)
    expect(state(page)).to_have_text("The note was changed; the same words now stand here. Lines 5–6 are marked.")
    expect(cited(page)).to_contain_text("Louis XVI was executed in 1793.")


def test_lines_that_were_rewritten_since_are_told_so(page: Page, notes: Path) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    (notes / "kings.md").write_text("# Kings\n\nAll forgotten.\n", encoding="utf-8")
    open_in_reader(page)
    expect(state(page)).to_have_text(re.compile(r"^What was cited was changed; this is the section today\. "))
    (notes / "kings.md").write_text("# Queens\n\nAll new.\n", encoding="utf-8")
    page.reload()
    expect(state(page)).to_have_text("What was cited is no longer in this note.")
    expect(cited(page)).to_have_count(0)
    expect(text(page)).to_contain_text("All new.")


def test_a_note_that_is_gone_is_told_in_words(page: Page, notes: Path, problems: list[str]) -> None:
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    (notes / "kings.md").unlink()
    open_in_reader(page)
    expect(state(page)).to_have_text("There is no note “kings.md” any more: it was moved, renamed or deleted.")
    expect(page).to_have_title("kings.md · studybot")
    expect(text(page)).to_be_empty()
    expect(page.get_by_role("link", name="Open in editor")).to_be_hidden()
    page.get_by_role("link", name="Back to the question").click()
    expect(answer(page)).to_be_visible()
    assert len(problems) == 1
    problems.clear()


def test_a_note_that_cannot_be_read_is_told_in_words(
    open_page: Open, server: Served, notes: Path, problems: list[str]
) -> None:
    (notes / "binary.md").write_bytes(b"\0\1\2")
    page = read(open_page, server, "binary.md")
    expect(state(page)).to_have_text("binary.md is binary, not text")
    page.goto(f"{server.url}read")
    expect(state(page)).to_have_text("The address names no note; open one from an answer.")
    assert len(problems) == 1
    problems.clear()


def test_an_empty_note_is_told_in_words(open_page: Open, server: Served, notes: Path) -> None:
    (notes / "empty.md").write_text("\n", encoding="utf-8")
    expect(state(read(open_page, server, "empty.md"))).to_have_text("This note is empty.")


def test_a_server_that_is_gone_is_told_in_words(open_page: Open, server: Served, problems: list[str]) -> None:
    page = read(open_page, server, "kings.md")
    expect(text(page)).to_contain_text("Louis XVI")
    # The page itself comes as ever; then nothing does.
    page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    page.reload()
    expect(state(page)).to_have_text("studybot does not answer; is it still running in your terminal?")
    assert problems == ["Failed to load resource: net::ERR_CONNECTION_REFUSED"]
    problems.clear()


def test_the_outline_leads_to_each_heading_and_no_entry_stays_behind(
    open_page: Open, server: Served, bot: StudyBot, notes: Path
) -> None:
    long_note(notes)
    bot.sync()
    page = open_page(server, viewport={"width": 1280, "height": 700})
    ask(page, EXECUTED)
    expect(answer(page)).to_be_visible()
    page.evaluate("path => location.assign(path)", "/read?note=ferns.md")
    expect(outline(page).get_by_role("link")).to_have_text(["Ferns", *(f"Part {number}" for number in range(1, 30))])
    for part in ("Part 20", "Part 5"):
        outline(page).get_by_role("link", name=part, exact=True).click()
        expect(text(page).get_by_role("heading", name=part, exact=True)).to_be_in_viewport()
        expect(outline(page).locator("[aria-current]")).to_have_text(part)
    page.go_back()
    expect(answer(page)).to_contain_text("Louis XVI was executed in 1793.")


@pytest.mark.parametrize("key", ["Control", "Shift"])
def test_a_heading_of_the_outline_can_be_opened_in_another_tab(
    open_page: Open, server: Served, notes: Path, key: Literal["Control", "Shift"]
) -> None:
    long_note(notes)
    page = read(open_page, server, "ferns.md", viewport={"width": 1280, "height": 700})
    with page.context.expect_page() as other:
        outline(page).get_by_role("link", name="Part 20").click(modifiers=[key])
    expect(text(other.value).get_by_role("heading", name="Part 20")).to_be_in_viewport()
    assert "#" not in page.url


def test_where_the_browser_keeps_nothing_the_reader_reads_and_leads_to_the_box(
    browser: Browser, server: Served
) -> None:
    context = browser.new_context()
    server.pages.callback(context.close)
    context.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('', 'SecurityError'); } })"
    )
    page = context.new_page()
    page.goto(server.url)
    ask(page, EXECUTED)
    open_in_reader(page)
    expect(state(page)).to_have_text("Lines 3–4 are marked.")
    page.get_by_role("link", name="Ask your notes").click()
    expect(page).to_have_url(server.url)


def test_on_a_narrow_screen_the_outline_is_folded_away_until_it_is_wanted(
    open_page: Open, server: Served, notes: Path
) -> None:
    long_note(notes)
    page = read(open_page, server, "ferns.md", viewport={"width": 380, "height": 700})
    expect(outline(page)).to_be_hidden()
    page.locator("summary", has_text="Outline").press("Enter")
    link = outline(page).get_by_role("link", name="Part 17")
    link.press("Enter")
    expect(outline(page)).to_be_hidden()
    expect(text(page).get_by_role("heading", name="Part 17")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [320, 380])
def test_on_a_narrow_screen_only_what_is_wide_scrolls_sideways(
    open_page: Open, server: Served, notes: Path, width: int
) -> None:
    row = "| wide " * 40 + "|\n"
    table = row + "|---" * 40 + "|\n" + row
    code = f"```\n{'long ' * 80}\n```\n"
    (notes / "wide.md").write_text(
        f"# Wide{'e' * 200}\n\n## {'W' * 90}\n\nWide {'w' * 300} `{'c' * 300}` $${'m' * 300}$$\n\n{table}\n{code}\n"
        f"- {'> - ' * 12}deep\n",
        encoding="utf-8",
    )
    page = read(open_page, server, "wide.md", "7", viewport={"width": width, "height": 700})
    expect(cited(page)).to_have_count(1)
    assert page.evaluate("[document.documentElement.scrollWidth, document.body.scrollWidth]") == [width, width]
    for wide in (text(page).locator(".wide"), text(page).locator("pre")):
        expect(wide).to_have_attribute("tabindex", "0")
        wide.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => document.activeElement.scrollLeft > 0")


def test_a_hostile_note_does_nothing(open_page: Open, server: Served, notes: Path) -> None:
    ran = "document.title='ran'"
    (notes / "traps.md").write_text(
        f"# Traps <img src=x onerror={ran}>\n\n<script>{ran}</script>\n\n<svg onload={ran}></svg>\n\n"
        f"<style>* {{ display: none }}</style>\n\n[run](javascript:{ran}) <a href='javascript:{ran}'>go</a>\n\n"
        f"<b id=state style='position:fixed' onclick={ran}>bold</b> ![picture](https://evil.example/x.png)\n\n"
        f"<iframe srcdoc='<script>parent.{ran}</script>'></iframe>\n\n<form action=/api/index method=post>\n"
        "<button>send</button></form>\n\n<!-- never closed\n",
        encoding="utf-8",
    )
    page = read(open_page, server, "traps.md", "17-18")
    expect(text(page)).to_contain_text("<!-- never closed")
    expect(text(page).locator("script, svg, img, style, iframe, form, button, [style], [onclick]")).to_have_count(0)
    expect(text(page)).to_contain_text(f"<script>{ran}</script>")
    expect(text(page)).to_contain_text("Image: picture (x.png)")
    for link in ("go", "run"):
        text(page).get_by_text(link, exact=False).first.click()
    text(page).get_by_text("bold").click()
    expect(page).to_have_title("traps.md · studybot")
    expect(state(page)).to_have_text("Lines 17–18 are marked.")


def test_a_wikilink_leads_to_another_note_and_back_to_its_place(open_page: Open, server: Served, notes: Path) -> None:
    long_note(notes)
    with (notes / "ferns.md").open("a", encoding="utf-8") as note:
        note.write("\nSee [[cells#Sizes|the sizes]] and [the top](#ferns).\n")
    page = read(open_page, server, "ferns.md", viewport={"width": 800, "height": 300})
    link = text(page).get_by_role("link", name="the sizes")
    link.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    link.click()
    expect(page).to_have_title("biology/cells.md · studybot")
    expect(text(page).get_by_role("heading", name="Sizes")).to_be_in_viewport()
    page.go_back()
    expect(text(page)).to_contain_text("Ferns number 29")
    page.wait_for_function("place => scrollY === place", arg=place)
    text(page).get_by_role("link", name="the top").click()
    expect(text(page).get_by_role("heading", name="Ferns", exact=True)).to_be_in_viewport()


def test_emoji_and_arabic_are_read_and_marked(page: Page, bot: StudyBot, notes: Path) -> None:
    name = "نص 🫀 & #1?.md"
    (notes / name).write_text("# نص 🫀\n\n- 👩‍🔬 Salt 🌊\n- القلب 🫀 يضخ الدم في الجسم.\n", encoding="utf-8")
    bot.sync()
    ask(page, "القلب يضخ الدم")
    expect(passages(page).first.locator("cite")).to_contain_text(name)
    open_in_reader(page)
    expect(page).to_have_title(f"{name} · studybot")
    expect(cited(page)).to_have_text(["👩‍🔬 Salt 🌊", "القلب 🫀 يضخ الدم في الجسم."])


def test_each_block_reads_in_the_direction_of_its_own_words(open_page: Open, server: Served, notes: Path) -> None:
    arabic, english = "القلب يضخ الدم (42).", "Hearts pump blood (42)."
    (notes / "heart.md").write_text(
        "".join(f"{words}\n\n- {words}\n\n> {words}\n\n" for words in (arabic, english))
        + f"- {arabic}\n- {english}\n\n```\n{arabic}\n```\n",
        encoding="utf-8",
    )
    page = read(open_page, server, "heart.md")
    for kind in ("p", "ul", "blockquote"):
        blocks = text(page).locator(f"> {kind}")
        expect(blocks.nth(0)).to_have_css("direction", "rtl")
        expect(blocks.nth(1)).to_have_css("direction", "ltr")
    expect(text(page).locator("> pre")).to_have_css("direction", "ltr")
    # Text that is narrower than its line stands where its own language begins, also in a list that begins with another.
    gaps = [
        item.evaluate(
            """it => {
                const words = document.createRange();
                words.selectNodeContents(it);
                const [all, some] = [it.getBoundingClientRect(), words.getBoundingClientRect()];
                return [some.left - all.left, all.right - some.right];
            }"""
        )
        for item in text(page).locator("> ul").nth(2).get_by_role("listitem").all()
    ]
    assert [left > right for left, right in gaps] == [True, False]


def test_the_keyboard_goes_on_from_the_marked_lines(open_page: Open, server: Served, notes: Path) -> None:
    (notes / "ways.md").write_text("# Ways\n\n[[kings]]\n\n## More\n\nMarked.\n\n[[cells]]\n", encoding="utf-8")
    page = read(open_page, server, "ways.md", "7", viewport={"width": 1280, "height": 700})
    expect(cited(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(text(page).get_by_role("link", name="cells")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(text(page).get_by_role("link", name="kings")).to_be_focused()
    page.get_by_role("link", name="Ask your notes").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip the outline")).to_be_focused()
    page.keyboard.press("Enter")
    expect(text(page)).to_be_focused()


def test_cited_front_matter_is_unfolded(open_page: Open, server: Served, notes: Path) -> None:
    (notes / "front.md").write_text("---\ntags: [a]\n---\n\nWords.\n", encoding="utf-8")
    page = read(open_page, server, "front.md", "2")
    expect(text(page).get_by_text("tags: [a]")).to_be_visible()


def test_a_note_of_a_megabyte_is_read(open_page: Open, server: Served, notes: Path) -> None:
    rows = "".join(f"| row {number} | {number * 7} |\n" for number in range(12_000))
    facts = "".join(f"- Fact {number} says that it is number {number}.\n" for number in range(18_000))
    (notes / "big.md").write_text(f"# Big\n\n| a | b |\n|---|---|\n{rows}\n## Facts\n\n{facts}", encoding="utf-8")
    assert (notes / "big.md").stat().st_size > 900_000
    page = read(open_page, server, "big.md", "28001")
    expect(cited(page)).to_have_text("Fact 15993 says that it is number 15993.", timeout=60_000)
    expect(cited(page)).to_be_in_viewport()
