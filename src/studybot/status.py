"""What is served, over HTTP: what is indexed, from where; and that the server runs."""

from fastapi import APIRouter

from studybot import __version__
from studybot.bot import StudyBot
from studybot.shapes import Shape
from studybot.syncing import Syncing


class StatusJson(Shape):
    """What is indexed, from where, with which encoder; and the confidence below which an answer is withheld."""

    version: str
    notes_folder: str | None
    index: str
    generation: int
    notes: int
    passages: int
    statements: int
    model: str
    language: str
    is_calibrated: bool
    least_confidence: float
    syncing: bool


def router(bot: StudyBot, syncing: Syncing) -> APIRouter:
    """Return what answers /api/status and /healthz."""
    made = APIRouter()

    @made.get("/api/status")
    def status() -> StatusJson:
        """Tell what is indexed, from where, with which encoder."""
        now = bot.status()
        return StatusJson(
            version=__version__,
            notes_folder=str(now.notes_folder) if now.notes_folder else None,
            index=str(now.index),
            generation=now.generation,
            notes=now.counts["notes"],
            passages=now.counts["passages"],
            statements=now.counts["statements"],
            model=now.model,
            language=now.language,
            is_calibrated=now.is_calibrated,
            least_confidence=now.least_confidence,
            syncing=syncing.is_running,
        )

    @made.get("/healthz")
    def health() -> dict[str, str]:
        """Answer as long as the server runs."""
        return {"status": "ok"}

    return made
