"""Suggestions over HTTP: how what is being typed may go on, and headings to begin with."""

from functools import lru_cache
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from studybot.bot import MAX_QUESTION, StudyBot
from studybot.database import Database
from studybot.headings import Heading, completions, examples, headings, matching
from studybot.shapes import Shape

MOST = 8
_MOST_QUESTIONS = 4
_REMEMBERED = 1_000
_EXAMPLES = 3


class SuggestionJson(Shape):
    """A whole question that was asked before, or what is typed with its last words completed by a heading of a note."""

    kind: Literal["question", "heading"]
    text: str
    heading: str | None
    note: str | None


class ExampleJson(Shape):
    """A heading, and the note that it stands in."""

    heading: str
    note: str


def router(bot: StudyBot) -> APIRouter:
    """Return what answers /api/suggestions and /api/examples from the index of ``bot``."""
    made = APIRouter(prefix="/api")

    # Read again when a sync has changed something: of 10,000 passages with 20,000 headings it takes 150 ms.
    @lru_cache(maxsize=1)
    def known_since(database: Database, _: tuple[str, int]) -> list[Heading]:
        return headings(database)

    def known() -> list[Heading]:
        store = bot.lookup().store
        with store.database.snapshot():
            return known_since(store.database, store.state)

    @made.get("/suggestions")
    def suggestions(text: Annotated[str, Query(max_length=MAX_QUESTION)]) -> list[SuggestionJson]:
        """Suggest up to 8 ways to go on with a question that is being typed: first questions asked before."""
        before = matching(text, bot.history().questions(_REMEMBERED), _MOST_QUESTIONS)
        found = completions(text, known(), MOST - len(before))
        return [
            *(SuggestionJson(kind="question", text=question, heading=None, note=None) for question in before),
            *(
                SuggestionJson(kind="heading", text=one.text, heading=one.heading.title, note=one.heading.note)
                for one in found
            ),
        ]

    @made.get("/examples")
    def example_headings() -> list[ExampleJson]:
        """Return up to 3 headings of different notes to begin with, others each time."""
        return [ExampleJson(heading=one.title, note=one.note) for one in examples(known(), _EXAMPLES)]

    return made
