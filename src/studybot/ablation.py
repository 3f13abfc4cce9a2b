"""What each part of retrieval brings: the same questions with parts left out, in one table."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from studybot import bootstrap, chunking, evaluation
from studybot.bot import StudyBot
from studybot.fitted import Fusion
from studybot.lookup import Lookup
from studybot.questions import Question
from studybot.types import Encoder, Passage
from studybot.vectors import Stamp, VectorIndex

MEASURES = ("MRR@10", "hit@1", "hit@5", "nDCG@10")

_Find = Callable[[str], Sequence[Passage]]


@dataclass(frozen=True, slots=True)
class Ablation:
    """One way to retrieve: its figures, milliseconds per question, and how many vectors it compares with.

    The milliseconds are a median, whole, and hold the encoding of the question, also where no vector is looked at.
    """

    name: str
    figures: evaluation.Figures
    milliseconds: int
    vectors: int


def ablate(bot: StudyBot, encoder: Encoder, asked: Sequence[Question]) -> Iterator[Ablation]:
    """Yield the ways to retrieve, from the plainest to all of it; each adds one part to the one before.

    The last one is words alone. Passages without their headings are embedded anew, which takes as long as an index.

    Raises:
        QuestionSetInvalid: a question's evidence is not in its note.
    """
    located = [question for question in evaluation.locate(bot, asked) if question.answerable]
    within_reach = evaluation.reachable(bot, located)
    for name, find, vectors in _ways(bot, encoder):
        # The first question waits for what is loaded when it is needed.
        find(located[0].question)
        found, seconds = [], []
        for question in located:
            began = time.perf_counter()
            found.append(find(question.question))
            seconds.append(time.perf_counter() - began)
        measured = evaluation.rank_measures(located, found, within_reach).values()
        figures = {measure: bootstrap.mean([measures[measure] for measures in measured]) for measure in MEASURES}
        yield Ablation(name, figures, round(1000 * statistics.median(seconds)), vectors)


HEADER = f"{'':<22}" + "".join(f"{name:<23}" for name in MEASURES) + f"{'ms each':>8}{'vectors':>10}"


def row(ablation: Ablation) -> str:
    """Return one line of the table below ``HEADER``."""
    cells = "".join(f"{f'{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]':<23}" for f in ablation.figures.values())
    return f"{ablation.name:<22}{cells}{ablation.milliseconds:>8}{ablation.vectors:>10,}"


def _ways(bot: StudyBot, encoder: Encoder) -> Iterator[tuple[str, _Find, int]]:
    lookup, full = bot.lookup(), bot.fitted.fusion
    numbers, _ = lookup.store.passage_vectors()
    passages, statements = len(numbers), lookup.store.counts()["statements"]
    # Weights that were fitted may be of words alone.
    both = full.dense + full.statement or 1.0
    dense = replace(full, dense=1.0, statement=0.0, lexical=0.0)
    vectors = replace(full, dense=full.dense / both, statement=full.statement / both, lexical=0.0)
    words = replace(full, dense=0.0, statement=0.0, lexical=1.0)
    yield "passage text", _by_text_alone(lookup, encoder), passages
    yield "+ heading path", _by(lookup, dense), passages
    yield "+ statements", _by(lookup, vectors), passages + statements
    yield "+ words", _by(lookup, full), passages + statements
    yield "+ reading (all of it)", _by(lookup, full, as_typed=False), passages + statements
    yield "words only", _by(lookup, words), 0


def _by(lookup: Lookup, fusion: Fusion, *, as_typed: bool = True) -> _Find:
    def find(question: str) -> Sequence[Passage]:
        query = lookup.query(question, as_typed=as_typed)
        return [hit.passage for hit in lookup.hits(query, fusion, evaluation.DEPTH)]

    return find


def _by_text_alone(lookup: Lookup, encoder: Encoder) -> _Find:
    """Return what finds passages by vectors of their text without the headings above it."""
    numbers, _ = lookup.store.passage_vectors()
    passages = lookup.store.passages(numbers)
    texts = [chunking.passage_text(replace(passages[number], heading=())) for number in numbers]
    view = VectorIndex.build(encoder.encode(texts), numbers, Stamp("text alone", 0))

    def find(question: str) -> Sequence[Passage]:
        near = view.search(encoder.encode([question])[0], evaluation.DEPTH)
        found = lookup.store.passages([neighbour.row for neighbour in near])
        return [found[neighbour.row] for neighbour in near]

    return find
