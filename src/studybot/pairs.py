"""Pairs that an encoder learns from: a question, a text that answers it, and texts nearby that do not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from studybot import chunking, questions
from studybot.changes import cut
from studybot.errors import NotesError
from studybot.evaluation import is_in_evidence, is_relevant
from studybot.metrics import contains_all
from studybot.notes import list_notes, read_note
from studybot.questions import Question
from studybot.types import Encoder, Passage, Vectors

Kind = Literal["passage", "statement"]

_NEAREST = 60
_NEGATIVES = 8
_STATEMENTS_OF = 4
"""Of so many wrong passages the statements are looked at."""
_LEAST_FIT = 0.5
"""The cosine from which a passage is taken for the evidence, where only the note is known."""
_Encode = Callable[[Sequence[str]], Vectors]
_MOST_NOTES = 400
_OTHER_NOTES = 60


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and texts as an index embeds them: one that answers, and others, the nearest first.

    ``is_weak`` where a person named the note only, and the text in it was chosen by its fit.
    """

    kind: Kind
    question: str
    positive: str
    negatives: tuple[str, ...]
    is_weak: bool


@dataclass(frozen=True, slots=True)
class _Text:
    """A passage with all texts that an index embeds for it, in the order of its statements."""

    passage: Passage
    text: str
    statements: tuple[str, ...]


def mined(folder: Path, asked: Sequence[Question], encoder: Encoder, say: Callable[[str], None]) -> list[Pair]:
    """Return the pairs that the answerable questions over the notes in ``folder`` give, in their order.

    Negatives are the nearest by ``encoder`` that do not overlap the evidence. Of a folder with more than 400 notes
    those with evidence and 60 others are read.

    Raises:
        QuestionSetInvalid: a question's evidence is not in its note.
    """
    answerable = [question for question in asked if question.answerable]
    texts, lines = _read(folder, {e.note for question in answerable for e in question.evidence}, encoder)
    located = questions.locate(answerable, lines.get)
    say(f"{folder}: {len(located)} questions, {len(texts)} passages")
    encode = _remembering(encoder)
    vectors = encode([one.text for one in texts])
    found = []
    for question, vector in zip(located, encode([q.question for q in located]), strict=True):
        found += _pairs(question, vector, texts, vectors, encode)
    return found


def _remembering(encoder: Encoder) -> _Encode:
    """Return what encodes as ``encoder`` does, each text once: many stand near several questions."""
    known: dict[str, Vectors] = {}

    def encode(texts: Sequence[str]) -> Vectors:
        missing = sorted({text for text in texts if text not in known}, key=len)
        known.update(zip(missing, encoder.encode(missing), strict=True))
        return np.array([known[text] for text in texts], np.float32).reshape(-1, encoder.dim)

    return encode


def _read(folder: Path, wanted: set[str], encoder: Encoder) -> tuple[list[_Text], dict[str, list[str]]]:
    """Return the texts of the notes in ``folder``, and the lines of each note."""
    paths = [file.path for file in list_notes(folder).files]
    if len(paths) > _MOST_NOTES:
        others = [path for path in paths if path not in wanted]
        paths = sorted(wanted & set(paths)) + others[:: max(1, len(others) // _OTHER_NOTES)]
    texts, lines = [], {}
    for path in paths:
        try:
            note = read_note(folder, path)
        except NotesError:
            continue
        lines[path] = note.text.split("\n")
        document, passages = cut(note, encoder)
        statements = {said.start: said for section in document.sections for said in section.statements}
        texts += [
            _Text(passage, chunking.passage_text(passage), tuple(chunking.statement_texts(passage, statements)))
            for passage in passages
            if passage.statements
        ]
    return texts, lines


def _pairs(
    question: Question, vector: Vectors, texts: Sequence[_Text], vectors: Vectors, encode: _Encode
) -> list[Pair]:
    is_weak = any(evidence.is_whole_note for evidence in question.evidence)
    # What fits a question together with its answer tells more than the question alone, where lines are not known.
    aim = encode([f"{question.question} {' '.join(question.golds)}"])[0] if is_weak else vector
    if is_weak:
        right = _chosen(question, aim, texts, vectors)
    else:
        right = [n for n, one in enumerate(texts) if is_relevant(one.passage, question)]
    if not right:
        return []
    nearest = np.argsort(-(vectors @ vector), kind="stable")[:_NEAREST]
    wrong = [texts[n] for n in nearest if not _may_answer(texts[n], question)]
    found = []
    if wrong:
        negatives = tuple(one.text for one in wrong[:_NEGATIVES])
        found = [Pair("passage", question.question, texts[n].text, negatives, is_weak) for n in right]
    said = _statement(question, aim, [texts[n] for n in right], encode)
    if said is None:
        return found
    others = [text for n in right for text in _beside(texts[n], question)] if not is_weak else []
    others += [text for one in wrong[:_STATEMENTS_OF] for text in one.statements]
    others = [text for text in dict.fromkeys(others) if text != said and not _holds_all(text, question)]
    if not others:
        return found
    order = np.argsort(-(encode(others) @ vector), kind="stable")[:_NEGATIVES]
    return [*found, Pair("statement", question.question, said, tuple(others[n] for n in order), is_weak)]


def _chosen(question: Question, aim: Vectors, texts: Sequence[_Text], vectors: Vectors) -> list[int]:
    """Return the passage of the evidence's notes that fits best and holds the answer, where there is one."""
    notes = {evidence.note for evidence in question.evidence}
    within = [n for n, one in enumerate(texts) if one.passage.note in notes]
    holding = [n for n in within if _holds_all(texts[n].text, question)]
    # A given option is a short string that the right passage has to hold; a model answer is in other words.
    candidates = holding or ([] if question.answers else within)
    best = max(candidates, key=lambda n: float(vectors[n] @ aim), default=None)
    return [best] if best is not None and float(vectors[best] @ aim) >= _LEAST_FIT else []


def _statement(question: Question, aim: Vectors, right: Sequence[_Text], encode: _Encode) -> str | None:
    """Return the statement of the right passages that answers: in the evidence's lines, with an answer's words."""
    inside = [
        text
        for one in right
        for said, text in zip(one.passage.statements, one.statements, strict=True)
        if is_in_evidence(one.passage.note, said.start_line, said.end_line, question)
    ]
    holding = [text for text in inside if any(contains_all(text, [answer]) for answer in question.answers)]
    candidates = holding or inside
    if not candidates:
        return None
    return candidates[int(np.argmax(encode(candidates) @ aim))]


def _beside(one: _Text, question: Question) -> list[str]:
    """Return the statements of a right passage that stand outside of the evidence."""
    return [
        text
        for said, text in zip(one.passage.statements, one.statements, strict=True)
        if not is_in_evidence(one.passage.note, said.start_line, said.end_line, question)
    ]


def _may_answer(one: _Text, question: Question) -> bool:
    """Return whether a passage overlaps evidence, or could be it where only the note is known."""
    passage = one.passage
    return is_in_evidence(passage.note, passage.start_line, passage.end_line, question) or (
        any(evidence.is_whole_note for evidence in question.evidence) and _holds_all(one.text, question)
    )


def _holds_all(text: str, question: Question) -> bool:
    return bool(question.answers) and contains_all(text, question.answers)
