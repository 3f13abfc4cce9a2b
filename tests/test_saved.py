import json
import sys
from pathlib import Path
from subprocess import run
from typing import Any

import pytest

from studybot.bot import StudyBot
from studybot.errors import ReplyInvalid
from studybot.reply import reply_json
from studybot.saved import MAX_BYTES, load, read

REPLY: dict[str, Any] = {
    "question": "When was Louis XVI executed?",
    "answered": True,
    "answer": {
        "text": "In 1793. [1]",
        "quotes": [{"text": "In 1793.", "citation": 1, "start_line": 3, "end_line": 3}],
    },
    "passages": [
        {
            "rank": 1,
            "note": "kings.md",
            "heading": ["Kings"],
            "start_line": 3,
            "end_line": 3,
            "text": "In 1793.",
            "citation": "a",
        }
    ],
}
REFUSAL = {**REPLY, "answered": False, "answer": None}


def problem(content: bytes) -> str:
    with pytest.raises(ReplyInvalid) as caught:
        read(content, "answer.json")
    message = str(caught.value)
    assert message.startswith("answer.json ")
    assert "\n" not in message
    return message


def test_what_was_printed_is_read_again(bot: StudyBot) -> None:
    printed = reply_json(bot.ask("When was Louis XVI executed?"), bot)
    reply = read(printed.model_dump_json(indent=2).encode(), "answer.json")
    assert (reply.question, reply.answered) == ("When was Louis XVI executed?", True)
    assert printed.answer is not None
    assert reply.answer is not None
    assert [quote.model_dump() for quote in reply.answer.quotes] == [q.model_dump() for q in printed.answer.quotes]
    assert [passage.citation for passage in reply.passages] == [passage.citation for passage in printed.passages]


def test_a_refusal_is_read() -> None:
    assert read(json.dumps(REFUSAL).encode(), "answer.json").answer is None


def test_fields_of_a_later_version_are_passed_over() -> None:
    assert read(json.dumps({**REPLY, "mood": "good"}).encode(), "answer.json") == read(json.dumps(REPLY).encode(), "x")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_reply_is_read_in_each_encoding_that_shells_write(encoding: str) -> None:
    content = json.dumps({**REPLY, "question": "نيل ☕?"}, ensure_ascii=False).replace(",", ",\r\n").encode(encoding)
    assert read(content, "answer.json").question == "نيل ☕?"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_told(content: bytes) -> None:
    assert "is empty; wanted what `studybot ask --json` prints" in problem(content)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", "Größe".encode("latin-1"), b"\xff\xfe{"])
def test_what_is_no_text_is_told(content: bytes) -> None:
    assert "is not text in UTF-8; wanted" in problem(content)


@pytest.mark.parametrize(
    "content",
    [b"Louis XVI was executed. [1]", b"{", b"\0\0\0\0", b"{}\n{}", b"[" * 100_000, b'{"question": "\\ud800"}'],
    ids=["words", "cut", "binary", "two lines", "deep", "half a letter"],
)
def test_what_is_no_json_is_told(content: bytes) -> None:
    assert "is no reply: Invalid JSON: " in problem(content)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([REPLY], "is no reply: Input should be an object; wanted"),
        ({"error": {"code": "invalid", "message": "?"}}, "is no reply: question: Field required; wanted"),
        ({**REPLY, "passages": None}, "is no reply: passages: Input should be a valid array; wanted"),
        ({**REPLY, "passages": [{}]}, "is no reply: passages.0.rank: Field required; wanted"),
        ({**REPLY, "answer": "In 1793."}, "is no reply: answer: Input should be an object; wanted"),
        ({**REPLY, "answer": {"text": "", "quotes": []}}, "is no reply: answer.quotes: Tuple should have at least 1"),
        ({**REPLY, "answer": None}, "is no reply: answered is True, against its answer; wanted"),
        ({**REPLY, "answered": False}, "is no reply: answered is False, against its answer; wanted"),
    ],
)
def test_json_of_another_shape_is_told(value: object, told: str) -> None:
    assert told in problem(json.dumps(value).encode())


def test_a_quote_of_nothing_is_refused() -> None:
    quote = {"text": "", "citation": 1, "start_line": 3, "end_line": 3}
    told = problem(json.dumps({**REPLY, "answer": {"text": " [1]", "quotes": [quote]}}).encode())
    assert "answer.quotes.0.text: String should have at least 1 character" in told


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReplyInvalid, match=r"gone\.json cannot be read: No such file or directory"):
        load(tmp_path / "gone.json")
    with pytest.raises(ReplyInvalid, match="cannot be read: Is a directory"):
        load(tmp_path)
    with pytest.raises(ReplyInvalid, match="cannot be read: File name too long"):
        load(tmp_path / ("x" * 300))


def test_a_file_of_a_hundred_megabytes_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    with file.open("wb") as stream:
        stream.truncate(100 * 2**20)
    with pytest.raises(ReplyInvalid, match="has more than 64 MB"):
        load(file)
    assert MAX_BYTES == 64 * 2**20


def test_a_dash_is_the_standard_input() -> None:
    program = "from pathlib import Path; from studybot.saved import load; print(load(Path('-')).question)"
    command = [sys.executable, "-c", program]
    done = run(command, input=json.dumps(REPLY), capture_output=True, text=True, check=True)
    assert done.stdout == "When was Louis XVI executed?\n"
    failed = run(command, input="", capture_output=True, text=True, check=False)
    assert "ReplyInvalid: standard input is empty" in failed.stderr
