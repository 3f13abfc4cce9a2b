"""The headings in an index: to begin a question with, and to complete one that is being typed."""

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from studybot.database import Database
from studybot.words import terms

_WORD = re.compile(r"[^\W_]+")
# "3.1 Queues" and "3. Queues" are about queues; "1984 in books" is not about books.
_NUMBERING = re.compile(r"^(?:\d+\.)+\d*\s+")
_MOST_WORDS = 6
_LEAST_LETTERS = 2
_LONGEST_EXAMPLE = 60


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading without its numbering, and the first note that has it."""

    title: str
    note: str
    depth: int
    key: str
    """Its words in lower case, with a space before and behind each."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What is typed with its last words replaced by a heading that begins or goes on like them."""

    text: str
    heading: Heading


def headings(database: Database) -> list[Heading]:
    """Return every heading above a passage, once each, in the order of the notes' paths."""
    rows = database.all("SELECT n.path, p.heading FROM passages p JOIN notes n ON n.id = p.note ORDER BY n.path")
    first: dict[str, tuple[str, int]] = {}
    for note, path in dict.fromkeys(rows):
        for depth, heading in enumerate(json.loads(path), 1):
            first.setdefault(heading, (note, depth))
    found: dict[str, Heading] = {}
    for heading, place in first.items():
        title = _NUMBERING.sub("", heading)
        key = _key(_WORD.findall(title))
        if key.strip():
            found.setdefault(key, Heading(title, *place, key))
    return list(found.values())


def completions(typed: str, known: Sequence[Heading], most: int) -> list[Completion]:
    """Return up to ``most`` ways to complete ``typed`` with a heading.

    First those that have more of the last words; then those that begin with them, then the shorter ones. A word that
    any question may hold begins none, and a heading that is typed in full completes nothing.
    """
    words = list(_WORD.finditer(typed))
    everything = _key([word[0] for word in words])
    found: dict[str, Completion] = {}
    for position in range(max(0, len(words) - _MOST_WORDS), len(words)):
        last_words = [word[0] for word in words[position:]]
        is_last_open = words[-1].end() == len(typed)
        if not terms(last_words[0]) or len(typed) - words[position].start() < _LEAST_LETTERS:
            continue
        whole = _key(last_words)
        begun = whole.rstrip() if is_last_open else whole
        fitting = [heading for heading in known if begun in heading.key and heading.key not in everything]
        fitting.sort(key=lambda heading: (not heading.key.startswith(begun), len(heading.title), heading.title))
        for heading in fitting[:most]:
            text = typed[: words[position].start()] + heading.title
            found.setdefault(heading.key, Completion(text, heading))
    return list(found.values())[:most]


def matching(typed: str, questions: Sequence[str], most: int) -> list[str]:
    """Return up to ``most`` of ``questions`` that have every word of ``typed``, the last of which may go on.

    Those that begin as ``typed`` does are first; else their order is kept. What is typed in full is left out.
    """
    words = _WORD.findall(typed.lower())
    if len("".join(words)) < _LEAST_LETTERS:
        return []
    keys = {question: _question_key(question) for question in questions}
    wanted = [f" {word} " for word in words[:-1]] + [f" {words[-1]}{' ' if typed[-1].isspace() else ''}"]
    whole = _key(words)
    found = [question for question, key in keys.items() if key != whole and all(one in key for one in wanted)]
    return sorted(found, key=lambda question: not keys[question].startswith(whole.rstrip()))[:most]


def examples(known: Sequence[Heading], most: int) -> list[Heading]:
    """Return up to ``most`` short headings of different notes, others each time."""
    of_notes: dict[str, list[Heading]] = {}
    for heading in known:
        if len(heading.title) <= _LONGEST_EXAMPLE:
            of_notes.setdefault(heading.note, []).append(heading)
    chosen = random.sample(list(of_notes.values()), min(most, len(of_notes)))
    # The title is about all of a note; what stands below it is easier to answer.
    return [random.choice([one for one in of_note if one.depth > 1] or of_note) for of_note in chosen]


# The same questions are looked through with every letter that is typed.
@lru_cache(maxsize=2_000)
def _question_key(question: str) -> str:
    return _key(_WORD.findall(question))


def _key(words: Sequence[str]) -> str:
    return f" {' '.join(words).lower()} "
