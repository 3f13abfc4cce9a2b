"""Replies that were saved: what is read of one, wherever it was printed to."""

import json
import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studybot.errors import ReplyInvalid

MAX_BYTES = 64 * 2**20
"""Largest saved reply that is read; hardly one has a megabyte."""

_WANTED = "wanted what `studybot ask --json` prints"


class Saved(BaseModel):
    """What is read of a reply that was saved; other fields are passed over, so that it outlives its version."""

    model_config = ConfigDict(frozen=True)


class SavedQuote(Saved):
    """A quote; ``citation`` is the rank of its passage."""

    text: Annotated[str, Field(min_length=1)]
    citation: int
    start_line: int
    end_line: int


class SavedAnswer(Saved):
    """The text that was read, and the quotes that it is made of."""

    text: str
    quotes: Annotated[tuple[SavedQuote, ...], Field(min_length=1)]


class SavedPassage(Saved):
    """A passage; ``citation`` is its id."""

    rank: int
    note: str
    heading: tuple[str, ...]
    start_line: int
    end_line: int
    text: str
    citation: str


class SavedReply(Saved):
    """A reply; ``answer`` is None for a refusal."""

    question: str
    answered: bool
    answer: SavedAnswer | None
    passages: tuple[SavedPassage, ...]


def load(file: Path) -> SavedReply:
    """Return the reply that was saved in ``file``; ``-`` is the standard input.

    Raises:
        ReplyInvalid: it cannot be read, or is no reply.
    """
    is_input = str(file) == "-"
    name = "standard input" if is_input else str(file)
    try:
        with os.fdopen(0, "rb", closefd=False) if is_input else file.open("rb") as stream:
            return read(stream.read(MAX_BYTES + 1), name)
    except OSError as error:
        raise ReplyInvalid(f"{name} cannot be read: {error.strerror}") from error


def read(content: bytes, name: str) -> SavedReply:
    """Return the saved reply that ``content`` is; messages call it ``name``.

    Raises:
        ReplyInvalid: it is no reply.
    """
    if len(content) > MAX_BYTES:
        raise ReplyInvalid(f"{name} has more than {MAX_BYTES // 2**20} MB, which no reply has; {_WANTED}")
    try:
        # UTF-16 and a byte order mark, too: so some shells on Windows write what a command prints.
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise ReplyInvalid(f"{name} is not text in UTF-8; {_WANTED}") from error
    if not text.strip():
        raise ReplyInvalid(f"{name} is empty; {_WANTED}")
    try:
        reply = SavedReply.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        what = ": ".join(filter(None, (".".join(map(str, problem["loc"])), problem["msg"])))
        raise ReplyInvalid(f"{name} is no reply: {what}; {_WANTED}") from error
    if reply.answered != (reply.answer is not None):
        raise ReplyInvalid(f"{name} is no reply: answered is {reply.answered}, against its answer; {_WANTED}")
    return reply
