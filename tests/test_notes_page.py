import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from studybot.bot import StudyBot
from tests.browser import PATIENCE_S, Served, served
from tests.conftest import CELLS, KINGS
from tests.word_encoder import HeldEncoder

MakeBot = Callable[..., StudyBot]

FERNS = b"# Ferns\n\nFerns spread by spores.\n"


@pytest.fixture
def encoder() -> Iterator[HeldEncoder]:
    encoder = HeldEncoder("Patience")
    yield encoder
    encoder.may_go_on.set()


@pytest.fixture
def page(open_page: Callable[..., Page], server: Served) -> Page:
    """Return the notes page, with its list."""
    page = open_page(server, "notes")
    expect(rows(page)).to_have_count(2)
    return page


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="Notes").get_by_role("listitem")


def row(page: Page, note: str) -> Locator:
    return rows(page).filter(has_text=note)


def results(page: Page) -> Locator:
    return page.locator("#results").get_by_role("listitem")


def outcome(page: Page) -> Locator:
    return page.get_by_role("region", name="What the last update did")


def choose(page: Page, *files: tuple[str, bytes]) -> None:
    """Choose files by the button."""
    payloads: list[FilePayload] = [{"name": name, "mimeType": "text/plain", "buffer": text} for name, text in files]
    page.get_by_label("Choose files").set_input_files(payloads)


def drop(page: Page, name: str, text: str) -> None:
    """Drop a file on the page."""
    carried = page.evaluate_handle(
        "([name, text]) => { const all = new DataTransfer(); all.items.add(new File([text], name)); return all; }",
        [name, text],
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": carried})
    expect(page.locator("#adding")).to_have_class("over")
    page.dispatch_event("main", "drop", {"dataTransfer": carried})
    expect(page.locator("#adding")).to_have_class("")


def refused(problems: list[str], status: int) -> None:
    """Take out what Chromium says of a reply that refuses."""
    assert [problem.partition(" (")[0] for problem in problems] == [
        f"Failed to load resource: the server responded with a status of {status}"
    ]
    problems.clear()


def test_the_pages_lead_to_each_other_even_where_the_counts_could_not_be_had(
    open_page: Callable[..., Page], server: Served, problems: list[str]
) -> None:
    page = open_page(server)
    page.route("**/api/status", lambda route: route.abort())
    page.reload()
    expect(page.locator("#status")).to_have_text("studybot does not answer; is it still running in your terminal?")
    page.unroute("**/api/status")
    problems.clear()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Notes").click()
    expect(page).to_have_url(f"{server.url}notes")
    expect(page.get_by_role("heading", level=1)).to_have_text("Notes")
    page.get_by_role("link", name="Ask").click()
    expect(page).to_have_url(server.url)


def test_notes_are_listed_with_size_passages_and_state(page: Page, notes: Path) -> None:
    expect(page.locator("#status")).to_have_text("2 notes, 4 passages")
    expect(page.locator("#folder")).to_have_text(str(notes))
    expect(page.locator("#shown")).to_have_text("2 notes.")
    expect(rows(page).locator(".title")).to_have_text(["biology/cells.md", "kings.md"])
    expect(rows(page).locator(".facts")).to_have_text(
        [f"3 passages · {len(CELLS.encode())} bytes · indexed", f"1 passage · {len(KINGS.encode())} bytes · indexed"]
    )
    expect(page.get_by_role("searchbox", name="Filter")).to_be_hidden()


def test_each_note_leads_to_the_reader(page: Page) -> None:
    link = page.get_by_role("link", name="biology/cells.md")
    expect(link).to_have_attribute("href", "/read?note=biology%2Fcells.md")


def test_notes_that_need_a_look_stand_first_and_say_why(
    open_page: Callable[..., Page], server: Served, notes: Path
) -> None:
    (notes / "kings.md").write_text(KINGS + "\nMore.\n", encoding="utf-8")
    (notes / "new.md").write_bytes(FERNS)
    (notes / "scan.md").write_bytes(b"\x89PNG\0")
    (notes / "biology" / "cells.md").unlink()
    page = open_page(server, "notes")
    expect(rows(page).locator(".title")).to_have_text(["scan.md", "biology/cells.md", "kings.md", "new.md"])
    expect(rows(page).locator(".state")).to_have_text(
        [
            "cannot be read: it is binary, not text",
            "gone from the folder, quoted until the next update",
            "changed since the last update",
            "not indexed yet",
        ]
    )
    expect(row(page, "scan.md").get_by_role("link")).to_have_count(0)
    expect(row(page, "cells.md").get_by_role("link")).to_have_count(0)
    expect(row(page, "cells.md").get_by_role("button")).to_have_count(0)
    page.get_by_role("button", name="Update").click()
    expect(outcome(page).get_by_role("listitem")).to_have_text(
        ["1 added: new.md", "1 changed: kings.md", "1 removed: biology/cells.md", "scan.md is binary, not text"]
    )
    expect(rows(page).locator(".title")).to_have_text(["scan.md", "kings.md", "new.md"])
    expect(rows(page).locator(".state")).to_have_count(1)


def test_chosen_files_are_added_or_refused_each_with_a_word(page: Page, notes: Path, problems: list[str]) -> None:
    choose(page, ("ferns.md", FERNS), ("photo.png", b"\x89PNG"), ("scan.md", b"\x89PNG\0"), ("moss.TXT", b"Moss.\n"))
    expect(results(page)).to_have_text(
        [
            "ferns.md: added",
            "photo.png: refused, it is no note; wanted .md, .markdown or .txt",
            "scan.md: refused, it is binary, not text",
            "moss.TXT: added",
        ]
    )
    expect(page.locator("#said")).to_have_text("Added 2 of 4 files.")
    expect(page.locator("#status")).to_have_text("4 notes, 6 passages")
    expect(outcome(page)).to_be_hidden()
    expect(row(page, "ferns.md").locator(".facts")).to_have_text("1 passage · 33 bytes · indexed")
    assert (notes / "ferns.md").read_bytes() == FERNS
    assert not (notes / "scan.md").exists()
    refused(problems, 422)


def test_a_dropped_file_is_added(page: Page, notes: Path) -> None:
    drop(page, "ferns.md", FERNS.decode())
    expect(results(page)).to_have_text(["ferns.md: added"])
    expect(row(page, "ferns.md").locator(".facts")).to_contain_text("indexed")
    assert (notes / "ferns.md").read_bytes() == FERNS


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(page: Page, notes: Path) -> None:
    drop(page, "large.md", "x" * (20 * 2**20 + 600_000))
    expect(results(page)).to_have_text(["large.md: refused, it has 20.6 MB; at most 20 MB are taken"])
    assert not (notes / "large.md").exists()


def test_a_name_that_no_note_may_have_is_refused(page: Page, problems: list[str]) -> None:
    choose(page, (".hidden.md", FERNS))
    expect(results(page)).to_have_text(
        [".hidden.md: refused, '.hidden.md' cannot be a note; wanted a relative path such as 'biology/cells.md'"]
    )
    refused(problems, 422)


@pytest.mark.parametrize(
    ("button", "word", "is_replaced"), [("Replace", "replaced", True), ("Keep", "kept as it was", False)]
)
def test_a_note_that_is_there_is_replaced_only_when_asked(
    page: Page, notes: Path, problems: list[str], button: str, word: str, is_replaced: bool
) -> None:
    choose(page, ("kings.md", b"# Kings\n\nNone.\n"))
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("“kings.md” is among your notes already. Replace it with the file that you chose?")
    assert (notes / "kings.md").read_text(encoding="utf-8") == KINGS
    dialog.get_by_role("button", name=button).click()
    expect(results(page)).to_have_text([f"kings.md: {word}"])
    expect(page.locator("#said")).to_have_text(f"Added {int(is_replaced)} of 1 file.")
    assert ((notes / "kings.md").read_bytes() == b"# Kings\n\nNone.\n") is is_replaced
    refused(problems, 412)


def test_a_note_that_the_list_does_not_have_yet_is_replaced_only_when_asked(
    page: Page, notes: Path, problems: list[str]
) -> None:
    (notes / "ferns.md").write_bytes(FERNS)
    choose(page, ("ferns.md", b"# Other ferns\n"))
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(results(page)).to_have_text(["ferns.md: kept as it was"])
    assert (notes / "ferns.md").read_bytes() == FERNS
    refused(problems, 412)


def test_a_list_that_did_not_come_is_told_in_words_and_asked_for_again(
    open_page: Callable[..., Page], server: Served, problems: list[str]
) -> None:
    page = open_page(server)
    page.route("**/api/notes", lambda route: route.abort())
    page.goto(f"{server.url}notes")
    expect(page.locator("#shown")).to_have_text("Your notes could not be listed just now.")
    expect(page.locator("#said")).to_have_text("studybot does not answer; is it still running in your terminal?")
    page.unroute("**/api/notes")
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#shown")).to_have_text("2 notes.")
    expect(page.locator("#said")).to_have_text("")
    problems.clear()


def test_sizes_are_told_in_one_unit(open_page: Callable[..., Page], server: Served, notes: Path) -> None:
    for name, size in [("a.md", 1023), ("b.md", 1024), ("c.md", 1_500_000), ("d.md", 20 * 2**20)]:
        (notes / name).write_bytes(b"x" * size)
    facts = rows(open_page(server, "notes")).locator(".facts")
    expect(facts).to_have_text(
        [re.compile(said) for said in ("^1,023 bytes$", "^1 KB$", "^1.43 MB$", "^20 MB$", "bytes", "bytes")]
    )


def test_a_note_is_deleted_only_when_confirmed(page: Page, notes: Path) -> None:
    delete = page.get_by_role("button", name="Delete “biology/cells.md”")
    delete.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete the file “biology/cells.md” from your notes folder? There is no way back.")
    expect(dialog.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(delete).to_be_focused()
    assert (notes / "biology" / "cells.md").exists()

    delete.press("Enter")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator("#said")).to_have_text("Deleted “biology/cells.md”.")
    expect(rows(page).locator(".title")).to_have_text(["kings.md"])
    expect(page.locator("#status")).to_have_text("1 note, 1 passage")
    expect(page.get_by_role("button", name="Delete “kings.md”")).to_be_focused()
    assert not (notes / "biology" / "cells.md").exists()


@pytest.mark.parametrize(("button", "focused"), [("Keep", "kings.md"), ("Delete", "long.md")])
def test_the_reader_stays_in_a_list_that_is_made_anew_behind_a_dialog(
    page: Page, encoder: HeldEncoder, button: str, focused: str
) -> None:
    choose(page, ("long.md", b"# Long\n\nPatience.\n"))
    assert encoder.is_reached.wait(PATIENCE_S)
    expect(row(page, "long.md").locator(".state")).to_have_text("not indexed yet")
    page.get_by_role("button", name="Delete “kings.md”").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    before = page.locator("#list li").first.element_handle()
    encoder.may_go_on.set()
    page.wait_for_function("row => !row.isConnected", arg=before)
    page.get_by_role("dialog").get_by_role("button", name=button).press("Enter")
    expect(page.get_by_role("button", name=f"Delete “{focused}”")).to_be_focused()


def test_a_list_that_comes_late_does_not_take_the_place_of_a_newer_one(page: Page, server: Served) -> None:
    earlier = page.request.get(f"{server.url}api/notes").text()
    held: list[Route] = []
    page.route("**/api/notes", lambda route: held.append(route), times=1)
    choose(page, ("ferns.md", FERNS))
    expect(row(page, "ferns.md").locator(".facts")).to_contain_text("indexed")
    with page.expect_response("**/api/notes"):
        held[0].fulfill(body=earlier, content_type="application/json")
    # Nothing to wait for: what came late is heard and shows nothing.
    page.wait_for_timeout(100)
    expect(rows(page)).to_have_count(3)


def test_the_progress_of_an_update_is_live(page: Page, notes: Path, encoder: HeldEncoder) -> None:
    (notes / "long.md").write_text("# Long\n\nPatience.\n", encoding="utf-8")
    page.get_by_role("button", name="Update").click()
    assert encoder.is_reached.wait(PATIENCE_S)
    expect(page.locator("#status")).to_have_text("Indexing: embedding 0 of 1")
    expect(page.get_by_role("progressbar", name="Indexing")).to_have_js_property("max", 1)
    encoder.may_go_on.set()
    expect(page.locator("#status")).to_have_text("3 notes, 5 passages")
    expect(page.get_by_role("progressbar")).to_be_hidden()
    expect(outcome(page)).to_have_text("What changed1 added: long.md")


def test_an_update_that_changes_nothing_says_so(page: Page) -> None:
    page.get_by_role("button", name="Update").click()
    expect(outcome(page)).to_have_text("Nothing changed")


def test_an_update_that_fails_says_so_in_words(page: Page, notes: Path) -> None:
    shutil.rmtree(notes)
    page.get_by_role("button", name="Update").click()
    expect(page.locator("#status")).to_contain_text("is not there; name your folder: `studybot index NOTES`")


def test_a_page_that_is_opened_during_an_update_follows_it(
    open_page: Callable[..., Page], server: Served, page: Page, notes: Path, encoder: HeldEncoder
) -> None:
    (notes / "long.md").write_text("# Long\n\nPatience.\n", encoding="utf-8")
    page.get_by_role("button", name="Update").click()
    assert encoder.is_reached.wait(PATIENCE_S)
    other = open_page(server, "notes")
    expect(row(other, "long.md").locator(".state")).to_have_text("not indexed yet")
    encoder.may_go_on.set()
    expect(row(other, "long.md").locator(".facts")).to_contain_text("indexed")


def test_many_notes_are_shown_in_parts_and_found_by_the_filter(
    open_page: Callable[..., Page], server: Served, notes: Path
) -> None:
    for number in range(450):
        (notes / f"day-{number:03}.md").write_bytes(b"A day.\n")
    page = open_page(server, "notes")
    expect(page.locator("#shown")).to_have_text("452 notes; the first 200 are shown.")
    expect(rows(page)).to_have_count(200)
    page.get_by_role("button", name="Show 200 more").press("Enter")
    expect(rows(page)).to_have_count(400)
    expect(page.get_by_role("link", name="day-200.md")).to_be_focused()
    page.get_by_role("button", name="Show 52 more").click()
    expect(rows(page)).to_have_count(452)
    expect(page.get_by_role("button", name="Show")).to_be_hidden()
    page.get_by_role("searchbox", name="Filter").fill("DAY 44")
    expect(page.locator("#shown")).to_have_text("14 of 452 notes are called so.")
    expect(rows(page).locator(".title").first).to_have_text("day-044.md")
    page.get_by_role("searchbox", name="Filter").fill("nope")
    expect(page.locator("#shown")).to_have_text("No note is called so.")


def test_a_page_without_notes_says_what_to_do(
    open_page: Callable[..., Page], make_bot: MakeBot, notes: Path, tmp_path: Path, problems: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    with served(make_bot(notes=tmp_path / "empty")) as server:
        page = open_page(server, "notes")
        expect(page.locator("#shown")).to_have_text(
            "No notes yet: drop some here, or put them into the folder and press Update."
        )
        expect(page.locator("#status")).to_contain_text("there is no index in")
        refused(problems, 503)
        choose(page, ("ferns.md", FERNS))
        expect(page.locator("#status")).to_have_text("1 note, 1 passage")
        expect(row(page, "ferns.md").locator(".facts")).to_contain_text("indexed")


def test_a_hostile_name_is_shown_as_it_is(open_page: Callable[..., Page], server: Served, notes: Path) -> None:
    name = "<img src=x onerror=alert(1)> 😀 كتاب #?.md"
    (notes / name).write_bytes(FERNS)
    page = open_page(server, "notes")
    expect(rows(page).locator(".title").first).to_have_text(name)
    page.get_by_role("button", name=f"Delete “{name}”").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#said")).to_have_text(f"Deleted “{name}”.")
    assert not (notes / name).exists()


@pytest.mark.parametrize("width", [320, 3840])
def test_nothing_scrolls_sideways(open_page: Callable[..., Page], server: Served, notes: Path, width: int) -> None:
    (notes / f"{'wide' * 50}.md").write_bytes(FERNS)
    page = open_page(server, "notes", viewport={"width": width, "height": 700})
    expect(rows(page)).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_dead_server_is_told_in_words(page: Page, server: Served, problems: list[str]) -> None:
    server.vanish()
    choose(page, ("ferns.md", FERNS))
    expect(results(page)).to_have_text(
        ["ferns.md: refused, studybot does not answer; is it still running in your terminal?"]
    )
    problems.clear()
