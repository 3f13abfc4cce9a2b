import base64
import json
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings

from studybot import citations, saved
from studybot.bot import StudyBot
from studybot.chunking import passages
from studybot.errors import CitationInvalid, NotesFolderMissing
from studybot.markdown import parse
from studybot.notes import list_notes, read_note
from studybot.reply import reply_json
from studybot.types import Note, Passage, Place
from studybot.verification import Finding, Verification, verify
from tests.conftest import KINGS
from tests.test_cli import one_line_error, studybot
from tests.test_positions import NOTE, count_tokens
from tests.word_encoder import WordEncoder

EXECUTED = "Louis XVI was executed in 1793."


def cut(note: Note) -> list[Passage]:
    encoder = WordEncoder()
    return passages(note, parse(note.text), encoder.count_tokens, encoder.max_tokens)


def reply_of(cited: list[Passage], quotes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "question": "Really?",
        "answered": True,
        "answer": {"text": "\n".join(f"{quote['text']} [{quote['citation']}]" for quote in quotes), "quotes": quotes},
        "passages": [
            {
                "rank": rank,
                "note": passage.note,
                "heading": passage.heading,
                "start_line": passage.start_line,
                "end_line": passage.end_line,
                "text": passage.text,
                "citation": citations.write(citations.cite(passage)),
            }
            for rank, passage in enumerate(cited, 1)
        ],
    }


def quoting(folder: Path, *texts: str) -> dict[str, Any]:
    """Return a reply whose quotes are the first statements that hold ``texts``."""
    cited = [passage for file in list_notes(folder).files for passage in cut(read_note(folder, file.path))]
    quotes = []
    for text in texts:
        rank, statement = next(
            (rank, statement)
            for rank, passage in enumerate(cited, 1)
            for statement in passage.statements
            if text in statement.text
        )
        lines = {"start_line": statement.start_line, "end_line": statement.end_line}
        quotes.append({"text": statement.text, "citation": rank, **lines})
    return reply_of(cited, quotes)


def verified(reply: dict[str, Any], folder: Path) -> Verification:
    return verify(saved.read(json.dumps(reply).encode(), "answer.json"), folder)


def only(reply: dict[str, Any], folder: Path) -> Finding:
    (found,) = verified(reply, folder).quotes
    return found


def test_the_quotes_of_an_answer_stand_in_the_notes_that_were_asked(bot: StudyBot, notes: Path) -> None:
    reply = reply_json(bot.ask("Who was executed in 1793?"), bot)
    found = verify(saved.read(reply.model_dump_json().encode(), "answer.json"), notes)
    assert (found.question, found.notes_folder, found.forgery) == ("Who was executed in 1793?", str(notes), None)
    assert found.holds
    assert found.quotes[0] == Finding(
        EXECUTED, 1, "verified", Place("kings.md", ("Kings",), 3, 3), Place("kings.md", ("Kings",), 3, 3), None
    )


def test_a_quote_below_new_lines_has_moved(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    (notes / "kings.md").write_text("Above.\n\n" + KINGS, encoding="utf-8")
    found = only(reply, notes)
    assert (found.state, found.then) == ("moved", Place("kings.md", ("Kings",), 3, 3))
    assert found.now == Place("kings.md", ("Kings",), 5, 5)
    assert verified(reply, notes).holds


def test_a_quote_stays_verified_when_the_rest_of_its_passage_and_its_heading_change(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    (notes / "kings.md").write_text(f"# Of France\n\n{EXECUTED}\nNo more kings.\n", encoding="utf-8")
    found = only(reply, notes)
    assert (found.state, found.now) == ("verified", Place("kings.md", ("Of France",), 3, 3))


def test_a_quote_that_went_into_another_section_has_moved(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    (notes / "kings.md").write_text(f"# Kings\n\nNone.\n\n## Heads\n\n- **{EXECUTED}**\n", encoding="utf-8")
    found = only(reply, notes)
    assert (found.state, found.now) == ("moved", Place("kings.md", ("Kings", "Heads"), 7, 7))


def test_of_several_places_that_of_the_whole_passage_then_of_the_same_heading_then_the_nearest_is_told(
    notes: Path,
) -> None:
    reply = quoting(notes, "Louis")
    note = notes / "kings.md"
    near, same = f"# Heads\n\n## Once\n\n{EXECUTED}\n", f"# Kings\n\n{EXECUTED}\n"
    note.write_text(f"{near}\n{same}\n{same}\n# More\n\n{KINGS.removeprefix('# Kings')}", encoding="utf-8")
    assert only(reply, notes).now == Place("kings.md", ("More",), 19, 19)
    note.write_text(f"{near}\n{same}\n{same}", encoding="utf-8")
    assert only(reply, notes).now == Place("kings.md", ("Kings",), 9, 9)
    note.write_text(f"{near}\n\n# More\n\n{EXECUTED}\n", encoding="utf-8")
    assert only(reply, notes).now == Place("kings.md", ("Heads", "Once"), 5, 5)


def test_a_quote_of_a_renamed_note_has_moved_there_though_nothing_was_indexed(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    (notes / "kings.md").rename(notes / "biology" / "rulers.md")
    found = only(reply, notes)
    assert (found.state, found.now) == ("moved", Place("biology/rulers.md", ("Kings",), 3, 3))


def test_a_quote_is_looked_for_in_other_notes_with_its_whole_passage_only(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    (notes / "kings.md").write_text("# Kings\n\nNone.\n", encoding="utf-8")
    (notes / "heads.md").write_text(f"# Heads\n\n{EXECUTED}\n", encoding="utf-8")
    assert only(reply, notes).state == "changed"
    (notes / "heads.md").write_text(KINGS.replace("Kings", "Heads"), encoding="utf-8")
    assert only(reply, notes).now == Place("heads.md", ("Heads",), 3, 3)


def test_a_rewritten_quote_has_changed_and_its_section_is_told(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    (notes / "kings.md").write_text("Of France.\n\n" + KINGS.replace("1793", "January 1793") + "\n", encoding="utf-8")
    found = only(reply, notes)
    assert (found.state, found.now) == ("changed", Place("kings.md", ("Kings",), 3, 6))
    assert not verified(reply, notes).holds


def test_a_quote_has_changed_when_its_section_is_empty(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    (notes / "kings.md").write_text("# Kings\n\n# Queens\n\nNone.\n", encoding="utf-8")
    assert only(reply, notes).now == Place("kings.md", ("Kings",), 1, 1)


def test_a_quote_is_gone_with_its_section_or_its_note(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    note = notes / "kings.md"
    note.write_text("# Queens\n\nMarie Antoinette.\n", encoding="utf-8")
    found = only(reply, notes)
    assert (found.state, found.now, found.reason) == ("gone", None, "kings.md has no such section any more")
    note.write_bytes(b"\x89PNG\0")
    assert (only(reply, notes).state, only(reply, notes).reason) == ("gone", "kings.md is binary, not text")
    note.unlink()
    assert (only(reply, notes).state, only(reply, notes).reason) == ("gone", "there is no note 'kings.md'")
    assert not verified(reply, notes).holds


def test_each_quote_is_told_by_itself(notes: Path) -> None:
    reply = quoting(notes, "Ribosome", "Louis", "outer", "brother")
    (notes / "kings.md").write_text(KINGS.replace("1793", "January 1793"), encoding="utf-8")
    found = verified(reply, notes)
    assert [quote.state for quote in found.quotes] == ["verified", "changed", "verified", "verified"]
    assert [quote.text for quote in found.quotes][:2] == ["| Ribosome | 25 nm |", EXECUTED]


@pytest.mark.parametrize(
    ("then", "now", "state"),
    [
        ("25 nm", "125 nm", "changed"),
        ("25 nm", "2.25 nm", "changed"),
        ("at most 4", "at most 4.5", "changed"),
        ("at most 4", "at most 4,500", "changed"),
        ("at most 4", "at most 42", "changed"),
        ("cafe", "cafe\u0301", "changed"),
        ("كتب", "كتب\u064e", "changed"),
        ("safe", "unsafe", "changed"),
        ("at most 4", "at most 4, mostly", "verified"),
        ("at most 4", "_at most 4_", "verified"),
        ("at most 4", "(at most 4)", "verified"),
    ],
)
def test_a_part_of_a_word_or_of_a_number_is_no_quote(tmp_path: Path, then: str, now: str, state: str) -> None:
    (tmp_path / "a.md").write_text(f"# Size\n\n- {then}\n", encoding="utf-8")
    reply = quoting(tmp_path, then)
    (tmp_path / "a.md").write_text(f"# Size\n\n- {now}\n", encoding="utf-8")
    assert only(reply, tmp_path).state == state
    (tmp_path / "a.md").rename(tmp_path / "b.md")
    assert only(reply, tmp_path).state == "gone"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda reply: reply["answer"]["quotes"][0].update(text="Louis XVI was executed in 1792."), "does not say so"),
        (lambda reply: reply["answer"]["quotes"][0].update(text="ouis XVI was executed in 1793."), "does not say so"),
        (lambda reply: reply["answer"]["quotes"][0].update(start_line=4, end_line=4), "does not say so"),
        (lambda reply: reply["answer"]["quotes"][0].update(end_line=4), "does not say so"),
        (lambda reply: reply["answer"]["quotes"][0].update(citation=7), "the reply has no passage 7"),
        (lambda reply: reply["passages"][0].update(text=f"{EXECUTED}\nIt was cold."), "not the one that was cited"),
        (lambda reply: reply["passages"][0].update(note="queens.md"), "not the one that was cited"),
        (lambda reply: reply["passages"][0].update(note="../kings.md"), "not the one that was cited"),
        (lambda reply: reply["passages"][0].update(heading=["Queens"]), "not the one that was cited"),
        (lambda reply: reply["passages"][0].update(start_line=2, end_line=3), "not the one that was cited"),
    ],
)
def test_a_reply_that_contradicts_itself_is_forged(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    (tmp_path / "kings.md").write_text(KINGS, encoding="utf-8")
    reply = quoting(tmp_path, "Louis")
    change(reply)
    found = only(reply, tmp_path)
    assert (found.state, found.now) == ("forged", None)
    assert reason in str(found.reason)
    assert not verified(reply, tmp_path).holds


def test_a_passage_that_was_invented_with_its_citation_is_not_verified(notes: Path) -> None:
    invented = Passage("", "kings.md", ("Kings",), "Louis XVI lives.", 0, 3, 3, ())
    quote = {"text": "Louis XVI lives.", "citation": 1, "start_line": 3, "end_line": 3}
    assert only(reply_of([invented], [quote]), notes).state == "changed"


def test_an_answer_that_says_more_than_its_quotes_is_forged(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    reply["answer"]["text"] = "Louis XVI was executed in 1793, unjustly. [1]"
    found = verified(reply, notes)
    assert (found.forgery, found.holds) == ("the answer's text is not that of its quotes", False)
    assert found.quotes[0].state == "verified"


def test_a_refusal_has_nothing_to_verify(notes: Path) -> None:
    found = verified({**quoting(notes, "Louis"), "answered": False, "answer": None}, notes)
    assert (found.answered, found.quotes, found.holds) == (False, (), True)


def test_a_citation_that_was_cut_short_is_an_error(notes: Path) -> None:
    reply = quoting(notes, "Louis")
    cited = reply["passages"][reply["answer"]["quotes"][0]["citation"] - 1]
    cited["citation"] = cited["citation"][:-3]
    with pytest.raises(CitationInvalid, match="copy the whole id"):
        verified(reply, notes)


def test_a_folder_that_is_not_there_is_an_error_and_not_a_lost_quote(notes: Path, tmp_path: Path) -> None:
    with pytest.raises(NotesFolderMissing, match="does not exist"):
        verified(quoting(notes, "Louis"), tmp_path / "nowhere")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("statement", "edited"),
    [
        ("Café au lait: 65 °C", "Cafe au lait: 65 °C"),
        ("Family 👩‍👩‍👧 of 🏳️‍🌈 three", "Family 👩‍👩‍👦 of 🏳️‍🌈 three"),
        ("القهوة من الْيَمَن ؟", "القهوة من اليمن ؟"),
        ("コーヒーは九十二度です", "コーヒーは九十度です"),
        ("a\x0cb\u2028c\x85d", "a\x0cb\u2028c d"),
        ("<b>bold</b> & `code` \\| [x](y)", "<b>bold</b> & `code` | [x](y)"),
    ],
)
def test_quotes_in_every_script_are_compared_byte_for_byte(
    tmp_path: Path, statement: str, edited: str, end: str, form: Any
) -> None:
    statement, edited = (unicodedata.normalize(form, text) for text in (statement, edited))
    note = tmp_path / "☕.md"
    lines = ["# Drinks", "", f"- {statement}", "- water", ""]
    note.write_bytes(end.join(lines).encode())
    reply = quoting(tmp_path, statement)
    assert only(reply, tmp_path).state == "verified"
    note.write_bytes(end.join(["Above", "", *lines]).encode())
    assert only(reply, tmp_path).now == Place("☕.md", ("Drinks",), 5, 5)
    note.write_bytes(end.join(lines).replace(statement, edited).encode())
    assert only(reply, tmp_path).state == "changed"


def test_the_other_normal_form_of_a_text_is_another_text(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\n- Café noir\n", encoding="utf-8")
    reply = quoting(tmp_path, "noir")
    (tmp_path / "a.md").write_text(unicodedata.normalize("NFD", "# A\n\n- Café noir\n"), encoding="utf-8")
    assert only(reply, tmp_path).state == "changed"


def test_line_ends_of_another_system_change_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"# A\n\n```\none\n\ntwo\n```\n")
    reply = quoting(tmp_path, "one")
    assert reply["answer"]["quotes"][0]["text"] == "one\n\ntwo"
    (tmp_path / "a.md").write_bytes(b"# A\r\n\r\n```\r\none\r\n\r\ntwo\r\n```\r\n")
    assert (only(reply, tmp_path).state, only(reply, tmp_path).now) == ("verified", Place("a.md", ("A",), 4, 6))


LONG = {
    "sentences": " ".join(f"Sentence {number} is one of many." for number in range(2_550)),
    "no spaces": base64.b64encode(random.Random(5).randbytes(56_250)).decode(),
}


@pytest.mark.parametrize("line", LONG.values(), ids=LONG)
def test_quotes_from_a_line_of_75_000_characters_are_found_again(tmp_path: Path, line: str) -> None:
    assert len(line) >= 75_000
    note = tmp_path / "long.md"
    note.write_text(f"# Long\n\n{line}\n", encoding="utf-8")
    long = read_note(tmp_path, "long.md")
    parts = passages(long, parse(long.text), count_tokens, max_tokens=256)
    middle = len(parts) // 2
    cited = [parts[0], parts[middle], parts[-1]]
    quotes = [
        {"text": part.statements[-1].text, "citation": rank, "start_line": 3, "end_line": 3}
        for rank, part in enumerate(cited, 1)
    ]
    reply = reply_of(cited, quotes)
    assert [found.state for found in verified(reply, tmp_path).quotes] == ["verified"] * 3
    note.write_text(f"Above.\n\n# Long\n\n{line}\n", encoding="utf-8")
    assert [found.now for found in verified(reply, tmp_path).quotes] == [Place("long.md", ("Long",), 5, 5)] * 3
    note.rename(tmp_path / "renamed.md")
    assert [found.now for found in verified(reply, tmp_path).quotes] == [Place("renamed.md", ("Long",), 5, 5)] * 3


@settings(max_examples=30, deadline=None, derandomize=True)
@given(text=NOTE)
def test_every_statement_of_a_random_note_is_verified_and_then_moved(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assume("\0" not in text)
    folder = tmp_path_factory.getbasetemp() / "random"
    folder.mkdir(exist_ok=True)
    file = folder / "random.md"
    file.write_bytes(text.encode())
    note = read_note(folder, "random.md")
    cited = passages(note, parse(note.text), count_tokens, max_tokens=128)
    quotes = [
        {"text": s.text, "citation": rank, "start_line": s.start_line, "end_line": s.end_line}
        for rank, passage in enumerate(cited, 1)
        for s in passage.statements
    ]
    assume(quotes)
    reply = reply_of(cited, quotes)
    found = verified(reply, folder)
    assert found.forgery is None
    assert [quote.now for quote in found.quotes] == [quote.then for quote in found.quotes]
    file.write_bytes(b"\n" * 1000 + text.encode())
    for quote in verified(reply, folder).quotes:
        assert quote.state == "moved"
        assert quote.now is not None
        lines = read_note(folder, "random.md").text.split("\n")[quote.now.start_line - 1 : quote.now.end_line]
        assert quote.text in "\n".join(lines)


@pytest.fixture
def answer(notes: Path, tmp_path: Path) -> Path:
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(quoting(notes, "Louis", "brother"), ensure_ascii=False), encoding="utf-8")
    return file


def test_the_command_prints_what_became_of_each_quote(notes: Path, answer: Path) -> None:
    (notes / "kings.md").write_text(KINGS.replace("His", "In Paris.\nHis"), encoding="utf-8")
    done = studybot("verify", str(answer), "--notes", str(notes))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "verified: kings.md:3 › Kings\n"
        "    Louis XVI was executed in 1793.\n"
        "moved: kings.md:4 › Kings\n"
        "  now: kings.md:5 › Kings\n"
        "    His brother became king in 1814.\n"
        "2 quotes: 1 verified, 1 moved\n"
    )


def test_the_command_fails_where_a_quote_has_changed_and_tells_it_in_json_too(notes: Path, answer: Path) -> None:
    (notes / "kings.md").write_text("# Kings\n\nLouis XVI was executed in 1793.\n", encoding="utf-8")
    done = studybot("verify", str(answer), "--notes", str(notes))
    assert (done.returncode, done.stderr) == (1, "")
    assert "changed: kings.md:4 › Kings\n  its section: kings.md:1-3 › Kings\n" in done.stdout
    done = studybot("verify", str(answer), "--notes", str(notes), "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, list(found)) == (1, ["question", "answered", "notes_folder", "forgery", "quotes"])
    assert found["quotes"][1] == {
        "text": "His brother became king in 1814.",
        "citation": found["quotes"][0]["citation"],
        "state": "changed",
        "then": {"note": "kings.md", "heading": ["Kings"], "start_line": 4, "end_line": 4},
        "now": {"note": "kings.md", "heading": ["Kings"], "start_line": 1, "end_line": 3},
        "reason": None,
    }


def test_a_reply_of_other_notes_is_told(answer: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    done = studybot("verify", str(answer), "--notes", str(other))
    assert done.returncode == 1
    assert "gone: kings.md:3 › Kings\n  there is no note 'kings.md'\n" in done.stdout
    assert done.stderr == f"studybot: none of it is in {other}; other notes are named by --notes\n"


def test_a_refusal_succeeds_and_an_answer_that_was_rewritten_fails(notes: Path, answer: Path) -> None:
    reply = json.loads(answer.read_text(encoding="utf-8"))
    answer.write_text(json.dumps({**reply, "answered": False, "answer": None}), encoding="utf-8")
    done = studybot("verify", str(answer), "--notes", str(notes))
    assert (done.returncode, done.stdout) == (0, "Nothing to verify: the reply is that it is not in the notes.\n")
    reply["answer"]["text"] = "Louis XVI lives. [1]"
    answer.write_text(json.dumps(reply), encoding="utf-8")
    done = studybot("verify", str(answer), "--notes", str(notes))
    assert (done.returncode, done.stdout.split("\n")[0]) == (1, "forged: the answer's text is not that of its quotes")


def test_no_model_is_asked_for_and_an_index_only_where_the_notes_lie(
    notes: Path, answer: Path, bot: StudyBot, tmp_path: Path
) -> None:
    done = studybot("verify", str(answer), "--index", str(bot.settings.index), STUDYBOT_MODEL=str(tmp_path / "gone"))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("2 quotes: 2 verified\n")


def test_what_cannot_be_verified_is_one_line(notes: Path, answer: Path, tmp_path: Path) -> None:
    where = ("--notes", str(notes))
    assert "cannot be read: No such file" in one_line_error(studybot("verify", str(tmp_path / "gone.json"), *where))
    assert "does not exist" in one_line_error(studybot("verify", str(answer), "--notes", str(tmp_path / "gone")))
    unknown = studybot("verify", str(answer), "--index", str(tmp_path / "no-index"))
    assert "no notes folder is known" in one_line_error(unknown)
    assert studybot("verify").returncode == 2
