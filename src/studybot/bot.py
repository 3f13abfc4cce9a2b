"""StudyBot: the few verbs that the command line and the server call."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from studybot import checkup, citations, fitted
from studybot.answering import answer
from studybot.changes import cut
from studybot.conversation import RECENT, Cited, Turn, completed
from studybot.database import Database
from studybot.errors import IndexMismatch, IndexMissing, NoteNotFound, NotesFolderMissing, QuestionInvalid
from studybot.fitted import Fitted
from studybot.gap import explained
from studybot.history import History
from studybot.indexing import Progress, pipeline_of, sync
from studybot.lookup import Lookup
from studybot.markdown import parse
from studybot.notes import read_note
from studybot.repair import Rebuilt, mend
from studybot.settings import Settings
from studybot.store import Store
from studybot.types import Answer, Citation, Document, Encoder, Hit, Note, Passage, Refusal, SyncReport
from studybot.words import words

MAX_QUESTION = 1_000
MAX_TOP_K = 50
ANSWERING_HITS = 5
"""How many hits an answer is taken from and its confidence judged by."""


@dataclass(frozen=True, slots=True)
class Reply:
    """All there is to say to a question. ``hits`` are the best passages in any case; times are in milliseconds."""

    question: str
    interpreted_as: str | None
    """The question that was looked up, where the one asked left something to the turns before it."""
    conversation: str | None
    outcome: Answer | Refusal
    hits: tuple[Hit, ...]
    timings_ms: dict[str, float]

    @property
    def turn(self) -> Turn:
        """What a conversation keeps of it."""
        answered = self.outcome if isinstance(self.outcome, Answer) else None
        marks = dict.fromkeys(quote.citation for quote in answered.quotes) if answered else ()
        passages = {mark: self.hits[mark - 1].passage for mark in marks}
        return Turn(
            question=self.question,
            interpreted_as=self.interpreted_as,
            answer=answered.text if answered else "",
            refused=answered is None,
            cited=tuple(Cited(mark, citations.write(citations.cite(p)), p.heading) for mark, p in passages.items()),
            asked=time.time(),
        )


@dataclass(frozen=True, slots=True)
class Status:
    """What is indexed, from where, with what."""

    notes_folder: Path | None
    index: Path
    generation: int
    counts: dict[str, int]
    model: str
    is_calibrated: bool
    """Whether the confidence was fitted for this encoder; without that nothing is refused by default."""
    least_confidence: float
    """The confidence below which an answer is withheld, where the question does not say another."""
    language: str = "English"


class StudyBot:
    """Notes, index and encoder together. Threads may share it; a sync does not keep questions waiting."""

    def __init__(self, settings: Settings, encoder: Encoder, learned: Fitted | None = None) -> None:
        """Open nothing yet. Where nothing was ``learned``, what ships with the package is used."""
        self.settings = settings
        self._encoder = encoder
        self.pipeline = pipeline_of(encoder)
        self.fitted = fitted.load() if learned is None else learned
        self._lock = threading.Lock()
        self._opened: Lookup | None = None

    def close(self) -> None:
        """Let go of the index."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @property
    def notes_folder(self) -> Path:
        """The folder that was set, else the one that was indexed last.

        Raises:
            NotesFolderMissing: neither is known.
        """
        try:
            folder = self.settings.notes or self.lookup().store.notes_folder
        except IndexMissing:
            folder = None
        if folder is None:
            raise NotesFolderMissing("no notes folder is known; name it: `studybot index NOTES`")
        # Links that open an editor lead nowhere from a path that begins where the server was started.
        return folder.resolve()

    @property
    def least_confidence(self) -> float:
        """What was set, else the fitted threshold, which means nothing for another pipeline than its own."""
        if self.settings.min_confidence is not None:
            return self.settings.min_confidence
        return self.fitted.confidence.threshold if self.fitted.holds_for(self.pipeline) else 0.0

    def sync(self, on_progress: Callable[[Progress], None] = lambda _: None) -> SyncReport:
        """Make the index say what the notes say; see :func:`studybot.indexing.sync` for what it reports and raises."""
        try:
            folder = self.notes_folder
        except IndexMismatch:
            # One of another format tells its folder once it is of this one.
            Database(self.settings.index, write=True).close()
            folder = self.notes_folder
        if not folder.is_dir():
            raise NotesFolderMissing(
                f"the notes folder {folder} is not there; name your folder: `studybot index NOTES`"
            )
        # A connection of its own: questions are answered from the last generation until this one is committed.
        database = Database(self.settings.index, write=True)
        try:
            return sync(folder, Store(database), self._encoder, on_progress)
        finally:
            database.close()

    def ask(
        self,
        question: str,
        top_k: int | None = None,
        conversation: str | None = None,
        prefixes: Collection[str] | None = None,
        *,
        after: Sequence[Turn] = (),
        as_typed: bool = False,
        min_confidence: float | None = None,
        remember: bool = False,
    ) -> Reply:
        """Return the answer to ``question``, or a refusal, and the ``top_k`` best passages.

        ``prefixes`` restricts it to notes whose path starts with one of them. In a ``conversation``, or ``after`` turns
        that are kept nowhere, a follow-up is completed from what came before, unless it is meant ``as_typed``. An
        answer below ``min_confidence``, else below ``least_confidence``, is withheld. With ``remember`` the turn is
        kept in ``conversation``, or in a new one, if the index can be written to.

        Raises:
            QuestionInvalid: ``question`` has no word or more than 1,000 characters, or ``top_k`` is not in 1..50.
            ConversationNotFound: there is no such conversation.
            IndexMissing, IndexMismatch: nothing was indexed, or with another model or chunking, or other notes.
            IndexCorrupt: what is read of the index is not what was written.
        """
        question, top_k = _checked(question, self.settings.top_k if top_k is None else top_k)
        lookup = self.lookup()
        store = lookup.store
        turns = after if conversation is None else History(store.database).turns(conversation, RECENT)
        began = time.perf_counter()
        interpreted_as = None if as_typed else completed(question, turns)
        understood = interpreted_as or question
        least = self.least_confidence if min_confidence is None else min_confidence
        query = None
        # Again, where a sync ended in between: the words, or the reason, would be of another state than the passages.
        while query is None or query.state != store.state:
            query = lookup.query(understood)
            encoded = time.perf_counter()
            # The confidence is judged by as many hits whatever number of them is shown.
            hits = lookup.hits(query, self.fitted.fusion, max(top_k, ANSWERING_HITS), prefixes)
            retrieved = time.perf_counter()
            first = hits[:ANSWERING_HITS]
            outcome = answer(understood, query.unknown, first, top_k, self.fitted, least)
            if isinstance(outcome, Refusal) and hits:
                outcome = explained(outcome, understood, query.words, first, store.full_text)
        answered = time.perf_counter()
        times = {
            "encode": encoded - began,
            "retrieve": retrieved - encoded,
            "answer": answered - retrieved,
            "total": answered - began,
        }
        timings_ms = {name: round(seconds * 1000, 2) for name, seconds in times.items()}
        reply = Reply(question, interpreted_as, conversation, outcome, tuple(hits[:top_k]), timings_ms)
        if remember:
            reply = replace(reply, conversation=History(store.database).keep(conversation, reply.turn))
        return reply

    def cite(self, identity: str) -> tuple[Citation, citations.Found]:
        """Return a citation and what became of it in today's notes.

        Raises:
            CitationInvalid: ``identity`` is no citation.
        """
        citation = citations.read(identity)
        found = self._found(citation)
        if found.state == "changed":
            # The index may be older than the notes: what it remembers is looked up where it should be now.
            for passage in self.lookup().store.passages_saying(citation.content_hash):
                elsewhere = self._found(replace(citation, note=passage.note))
                if elsewhere.state != "changed":
                    return citation, replace(elsewhere, state="moved")
        return citation, found

    def history(self) -> History:
        """Return the conversations that the index keeps.

        Raises:
            IndexMissing, IndexMismatch, IndexCorrupt: there is no index that can be read.
        """
        return History(self.lookup().store.database)

    def note(self, path: str) -> tuple[Note, Document]:
        """Return the note called ``path`` as it is today, and its sections.

        Raises:
            NoteNameInvalid, NoteNotFound, NoteUnreadable: there is no such note to be read.
        """
        found = read_note(self.notes_folder, path)
        return found, parse(found.text)

    def passages(self, path: str) -> list[Passage]:
        """Return the indexed passages of the note called ``path``, in order; none for a note that is not indexed."""
        return self.lookup().store.passages_of(path)

    def warm_up(self) -> None:
        """Load the model and the view, so that the first question does not wait for them."""
        self.lookup().warm_up()

    def lookup(self) -> Lookup:
        """Return what questions are looked up in.

        Raises:
            IndexMissing, IndexMismatch, IndexCorrupt: there is no index that can be read.
        """
        with self._lock:
            if self._opened is not None and self._opened.store.database.is_gone:
                self._opened.close()
                self._opened = None
            if self._opened is None:
                self._opened = Lookup(self.settings.index, self._encoder, self.settings.notes)
            self._opened.check()
            return self._opened

    def examine(self) -> dict[str, str | None]:
        """Return what was checked, each with what is wrong with it, or None."""
        return checkup.examine(self.settings.index, self._encoder, self.pipeline, self.settings.notes)

    def repair(self, on_progress: Callable[[Progress], None] = lambda _: None) -> Rebuilt | None:
        """Mend the index from what is sound, and sync it; see :func:`studybot.repair.mend` for what it raises."""
        self.close()
        return mend(self.settings.index, lambda: self.sync(on_progress))

    def status(self) -> Status:
        """Return what is indexed.

        Raises:
            IndexMissing: nothing is.
        """
        store = self.lookup().store
        with store.database.snapshot():
            return Status(
                notes_folder=store.notes_folder,
                index=self.settings.index,
                generation=store.generation,
                counts=store.counts(),
                model=self._encoder.fingerprint,
                is_calibrated=self.fitted.holds_for(self.pipeline),
                least_confidence=self.least_confidence,
            )

    def _found(self, citation: Citation) -> citations.Found:
        try:
            note = read_note(self.notes_folder, citation.note)
        except NoteNotFound:
            return citations.Found("changed", citation.note, None, None, None)
        return citations.find(citation, note.text, *cut(note, self._encoder))


def _checked(question: str, top_k: int) -> tuple[str, int]:
    if len(question) > MAX_QUESTION:
        raise QuestionInvalid(f"the question has {len(question):,} characters; wanted 1 to {MAX_QUESTION:,}")
    if not words(question):
        raise QuestionInvalid("the question has no word; wanted something like 'How long does SQS keep a message?'")
    if not 1 <= top_k <= MAX_TOP_K:
        raise QuestionInvalid(f"top_k is {top_k}; wanted 1 to {MAX_TOP_K}")
    return question.strip(), top_k
