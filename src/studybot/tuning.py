"""The study-tuned encoder: all-MiniLM-L6-v2, trained on questions about notes on many subjects.

``python -m studybot.tuning COURSE MODEL FOLDER QUESTIONS NOTES [QUESTIONS NOTES]...`` trains ``MODEL`` and writes it
into ``FOLDER``; ``make encoder`` names the questions of both courses. The same questions and notes give the same
weights on the same machine.
"""

import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studybot import pairs, questions
from studybot.encoding import BASE, SentenceEncoder, load_model
from studybot.errors import StudybotError
from studybot.pairs import Kind, Pair

_SEED = 7
_NEGATIVES: dict[Kind, int] = {"passage": 1, "statement": 2}
_BATCH = 32
_LEARNING_RATE = 3e-5


@dataclass(frozen=True, slots=True)
class Course:
    """How much is learned from one set of questions.

    ``times`` is how often a pair is seen, each time with other negatives: one with known lines, and one with a known
    note only. ``share`` is that of the trained weights in those that are written; the rest are those from before.
    """

    times: Mapping[Kind, tuple[int, int]]
    share: float


COURSES = {
    "first": Course({"passage": (2, 0), "statement": (3, 1)}, share=0.75),
    "further": Course({"passage": (1, 0), "statement": (1, 0)}, share=1.0),
}
"""The first is of few questions, from which the model of many texts should not be led away; the second is of many."""

Row = tuple[str, ...]
"""What is learned from at once: a question, the text that answers, and as many that do not as its kind has."""


def batches(
    collections: Sequence[Sequence[Pair]], times: Mapping[Kind, tuple[int, int]]
) -> dict[Kind, list[list[Row]]]:
    """Return what is trained on, by kind, in random order; a batch is of one collection and of texts of like length.

    The texts of the others are then as hard to tell from the right one as those that an index holds, and little of a
    batch is padding. No text stands twice in one. Rows that do not fill a batch are left out.
    """
    chance = random.Random(_SEED)
    made: dict[Kind, list[list[Row]]] = {"passage": [], "statement": []}
    for kind, full in made.items():
        for time in range(max(times[kind])):
            rows = [
                (pair.question, pair.positive, *chance.sample(pair.negatives, _NEGATIVES[kind]))
                for pairs_of_one in collections
                for pair in sorted(pairs_of_one, key=lambda pair: len(pair.positive))
                if pair.kind == kind and time < times[kind][pair.is_weak] and len(pair.negatives) >= _NEGATIVES[kind]
            ]
            full += _filled(rows)
        chance.shuffle(full)
    return made


def _filled(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the full batches that can be made of ``rows``, neighbours together."""
    while len(rows) >= _BATCH:
        batch: list[Row] = []
        later: list[Row] = []
        texts: set[str] = set()
        for row in rows:
            if len(batch) < _BATCH and texts.isdisjoint(row):
                batch.append(row)
                texts.update(row)
            else:
                later.append(row)
        if len(batch) == _BATCH:
            yield batch
        rows = later


def tune(collections: Sequence[Sequence[Pair]], model: Path, folder: Path, course: Course) -> None:
    """Train ``model`` on the pairs of each collection and write it into ``folder``, in half precision.

    Contrastive, with the other texts of a batch and the mined ones as negatives (van den Oord et al., 2018). The
    trained weights are averaged with those from before, which keeps what the model knew of other texts (Wortsman et
    al., 2022).
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from torch.utils.data import SequentialSampler

    trained = load_model(SentenceEncoder(model).folder)
    before = {name: weight.clone() for name, weight in trained.state_dict().items()}
    data = {
        kind: Dataset.from_dict(_columns([row for batch in made for row in batch]))
        for kind, made in batches(collections, course.times).items()
        if made
    }
    with tempfile.TemporaryDirectory() as scratch:
        SentenceTransformerTrainer(
            model=trained,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                num_train_epochs=1,
                per_device_train_batch_size=_BATCH,
                learning_rate=_LEARNING_RATE,
                warmup_steps=0.1,
                seed=_SEED,
                batch_sampler=lambda rows, **chosen: DefaultBatchSampler(SequentialSampler(rows), **chosen),
                multi_dataset_batch_sampler="proportional",
                save_strategy="no",
                report_to="none",
                logging_steps=20,
                use_cpu=True,
            ),
            train_dataset=data,
            loss=MultipleNegativesRankingLoss(trained),
        ).train()
    share = course.share
    trained.load_state_dict({name: share * w + (1 - share) * before[name] for name, w in trained.state_dict().items()})
    trained.half().save(str(folder), create_model_card=False)


def _columns(rows: Sequence[Row]) -> dict[str, list[str]]:
    names = ["question", "answer", *(f"other {n}" for n in range(1, len(rows[0]) - 1))]
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}


def main(course: str, model: str, folder: str, *named: str) -> None:
    """Train on the question files and notes folders that are ``named`` in turn.

    What a text is like and which others are near to it is told by all-MiniLM-L6-v2, whatever ``model`` is.
    """
    encoder = SentenceEncoder(Path(BASE))
    collections: dict[str, list[Pair]] = {}
    try:
        for file, notes in zip(named[::2], named[1::2], strict=True):
            found = pairs.mined(Path(notes), questions.load(Path(file)), encoder, print)
            collections.setdefault(notes, []).extend(found)
        tune(list(collections.values()), Path(model), Path(folder), COURSES[course])
    except StudybotError as error:
        sys.exit(f"studybot: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
