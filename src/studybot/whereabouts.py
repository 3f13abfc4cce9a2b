"""What became of a citation, as the API sends it and ``studybot cite --json`` prints it."""

from studybot import citations
from studybot.bot import StudyBot
from studybot.shapes import Shape


class LinesJson(Shape):
    """Lines of a note; null where there are none any more."""

    note: str
    start_line: int | None
    end_line: int | None


class CitationJson(Shape):
    """What became of a citation: ``current``, ``moved`` or ``changed``, where it stood, and what is there now."""

    id: str
    state: citations.State
    then: LinesJson
    now: LinesJson
    text: str | None


def citation_json(identity: str, bot: StudyBot) -> CitationJson:
    """Return what became of the citation called ``identity``.

    Raises:
        CitationInvalid: it is no citation.
    """
    citation, found = bot.cite(identity)
    return CitationJson(
        id=identity,
        state=found.state,
        then=LinesJson(note=citation.note, start_line=citation.start_line, end_line=citation.end_line),
        now=LinesJson(note=found.note, start_line=found.start_line, end_line=found.end_line),
        text=found.text,
    )
