"""What every screen must be, whoever looks at it and with whatever."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page, expect

from studybot.bot import StudyBot
from studybot.server import web_folder
from tests.browser import Served, answer, ask, box, passages, served, state

EXECUTED = "When was Louis XVI executed?"
MOST_BYTES = 120_000

Screen = Callable[[Page, Path], None]


def ask_page(page: Page, _: Path) -> None:
    expect(page.get_by_role("region", name="Examples").get_by_role("button")).to_have_count(2)


def suggestions(page: Page, _: Path) -> None:
    box(page).press_sequentially("What about king")
    expect(page.get_by_role("option")).to_have_count(1)
    box(page).press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_have_count(1)


def answered(page: Page, _: Path) -> None:
    ask(page, EXECUTED)
    expect(state(page)).to_have_text("Answered from your notes.")


def conversation(page: Page, notes: Path) -> None:
    answered(page, notes)
    ask(page, "and his brother?")
    expect(page.get_by_role("region", name="Earlier in this conversation")).to_be_visible()


def everything_open(page: Page, notes: Path) -> None:
    conversation(page, notes)
    page.locator("summary", has_text="Conversations").click()
    page.locator("summary", has_text="How sure to be").click()
    expect(page.locator("#history").get_by_role("button")).to_have_count(2)


def renaming(page: Page, notes: Path) -> None:
    everything_open(page, notes)
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def forgetting(page: Page, notes: Path) -> None:
    everything_open(page, notes)
    page.locator("#history").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def failed(page: Page, _: Path) -> None:
    ask(page, "?!")
    expect(state(page)).to_have_class("failed")


def notes_page(page: Page, notes: Path) -> None:
    (notes / "kings.md").write_text("# Kings\n\nNone.\n", encoding="utf-8")
    for number in range(12):
        (notes / f"scan-{number}.md").write_bytes(b"\0")
    page.goto(page.url + "notes")
    files: list[FilePayload] = [
        {"name": "photo.png", "mimeType": "image/png", "buffer": b"\0"},
        {"name": "ferns.md", "mimeType": "text/plain", "buffer": b"# Ferns\n"},
    ]
    page.get_by_label("Choose files").set_input_files(files)
    expect(page.locator("#results").get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_role("region", name="What the last update did")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_visible()


def deleting(page: Page, _: Path) -> None:
    page.goto(page.url + "notes")
    page.get_by_role("button", name="Delete “kings.md”").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def figures_page(page: Page, _: Path) -> None:
    page.goto(page.url + "figures")
    expect(state(page)).to_have_text("Nothing was measured on this index yet.")


def reader(page: Page, _: Path) -> None:
    page.goto(page.url + "read?note=biology%2Fcells.md")
    expect(page.get_by_role("article").get_by_role("heading", name="Mitochondria")).to_be_visible()


SCREENS: list[Screen] = [
    ask_page,
    suggestions,
    answered,
    conversation,
    everything_open,
    renaming,
    forgetting,
    failed,
    notes_page,
    deleting,
    figures_page,
    reader,
]


def violations(page: Page) -> list[str]:
    """Return what axe finds, each with the elements at fault."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_nothing_wrong(
    open_page: Callable[..., Page],
    server: Served,
    notes: Path,
    problems: list[str],
    screen: Screen,
    scheme: str,
    width: int,
) -> None:
    page = open_page(server, color_scheme=scheme, viewport={"width": width, "height": 800})
    screen(page, notes)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if screen is failed:
        problems.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_a_refusal(
    open_page: Callable[..., Page], make_bot: Callable[..., StudyBot], scheme: str
) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()
    with served(bot) as server:
        page = open_page(server, color_scheme=scheme)
        ask(page, "Was Louis XVI executed in a theatre?")
        expect(answer(page).get_by_role("heading")).to_have_text("Not in your notes")
        assert violations(page) == []


@pytest.mark.parametrize("more", [{"contrast": "more"}, {"forced_colors": "active"}])
def test_axe_finds_nothing_wrong_with_high_contrast(
    open_page: Callable[..., Page], server: Served, notes: Path, more: dict[str, str]
) -> None:
    page = open_page(server, **more)
    everything_open(page, notes)
    assert violations(page) == []


def test_more_contrast_leaves_no_faint_words_and_lines(open_page: Callable[..., Page], server: Served) -> None:
    page = open_page(server, color_scheme="light")
    hint, frame = page.locator(".hint"), page.get_by_role("button", name="Update")
    expect(hint).to_have_css("color", "rgb(91, 100, 96)")
    page.emulate_media(contrast="more")
    expect(hint).to_have_css("color", "rgb(29, 35, 33)")
    expect(frame).to_have_css("border-top-color", "rgb(29, 35, 33)")


def test_forced_colours_still_tell_what_is_marked_and_chosen(
    open_page: Callable[..., Page], server: Served, notes: Path
) -> None:
    page = open_page(server, forced_colors="active")
    suggestions(page, notes)
    option, rest = page.get_by_role("option", selected=True), page.get_by_role("listbox")
    chosen = option.evaluate("(it) => getComputedStyle(it).backgroundColor")
    assert chosen != rest.evaluate("(it) => getComputedStyle(it).backgroundColor")
    ask(page, EXECUTED)
    marked = passages(page).first.locator("mark")
    background = marked.evaluate("(it) => getComputedStyle(it).backgroundColor")
    assert background != page.locator("body").evaluate("(it) => getComputedStyle(it).backgroundColor")
    assert background != marked.evaluate("(it) => getComputedStyle(it).color")


@pytest.mark.parametrize(("wish", "behaviour"), [("no-preference", "smooth"), ("reduce", "auto")])
def test_nothing_moves_by_itself_where_motion_is_unwanted(
    open_page: Callable[..., Page], server: Served, wish: str, behaviour: str
) -> None:
    page = open_page(server, reduced_motion=wish)
    expect(page.locator("html")).to_have_css("scroll-behavior", behaviour)
    moving = "[...document.querySelectorAll('*')].filter((it) => getComputedStyle(it).transitionDuration !== '0s')"
    assert page.evaluate(f"{moving}.length + document.getAnimations().length") == 0


@pytest.mark.parametrize(("width", "size"), [(1280, "16px"), (2560, "20px"), (3840, "28px")])
def test_letters_grow_with_a_very_large_screen(
    open_page: Callable[..., Page], server: Served, width: int, size: str
) -> None:
    page = open_page(server, viewport={"width": width, "height": 1000})
    expect(page.locator("html")).to_have_css("font-size", size)


def test_pages_repeat_the_same_head_and_the_same_ways_to_each_other() -> None:
    # No template makes them, nor do modules, which would come after the first paint.
    pages = [path.read_text(encoding="utf-8") for path in web_folder().glob("*.html") if path.name != "docs.html"]
    heads = {re.sub("<title>.*", "<title>", page).partition('style.css">')[0] for page in pages}
    assert (len(pages), len(heads)) == (5, 1)
    ways = [page.partition("<nav")[2].partition("</nav>")[0] for page in pages if 'aria-label="Pages"' in page]
    assert [way.count(' aria-current="page"') for way in ways] == [1, 1, 1]
    assert len({way.replace(' aria-current="page"', "") for way in ways}) == 1


def test_every_page_says_that_it_needs_javascript() -> None:
    # Chromium as it is driven here shows no <noscript>.
    pages = [path.read_text(encoding="utf-8") for path in web_folder().glob("*.html")]
    assert [page.count("<noscript>This page needs JavaScript") for page in pages] == [1] * 6


@pytest.mark.parametrize("path", ["", "notes", "figures", "read"])
def test_a_page_is_light(browser: Browser, server: Served, path: str) -> None:
    # One that was here before would only ask whether its copies are today's.
    context = browser.new_context()
    server.pages.callback(context.close)
    page = context.new_page()
    fetched: dict[str, int] = {}
    page.on("response", lambda reply: fetched.update({urlsplit(reply.url).path: len(reply.body())}))
    page.goto(f"{server.url}{path}?note=kings.md", wait_until="networkidle")
    assert f"/{path}" in fetched
    own = {name: size for name, size in fetched.items() if not name.startswith("/api/")}
    assert len(own) > 5
    assert sum(own.values()) < MOST_BYTES, own
