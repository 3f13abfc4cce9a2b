"""Short and long forms that the notes themselves give, to bridge from the one to the other.

"Elastic Block Store (EBS)" and "EBS: Elastic Block Store" give a form; the heading "Security Groups" lends one, SG, to
questions that use a short form which the notes do not have.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

_SHORT = r"[A-Z][A-Za-z0-9]*[A-Z0-9]"
# What stands before or behind a short form; how much of it is the long form, the initials tell.
# It begins where words begin, and takes none back: each word is looked at once, however long it is.
_LONG_THEN_SHORT = re.compile(rf"(?<![\w&/'-])[_&/'-]*+((?:[^\W_][\w&/'-]*+[ ]++){{1,8}}+)\(({_SHORT})s?\)")
_SHORT_THEN_LONG = re.compile(rf"(?<!\w)({_SHORT})s?[ ]*(?:[:=\u2013\u2014-]|\()[ ]*((?:[^\W_][\w&/'-]*[ ]?){{2,8}})")
_TITLE = re.compile(r"(?:[A-Z][\w'-]*[ ]+)+[A-Z][\w'-]*")
_PART = re.compile(r"[^\W_]+")
_LITTLE = frozenset({"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"})
_LONGEST_TITLE = 5
# A heading may be a line of any length; to look for capitals in it takes the square of that.
_MAX_HEADING = 1_000


@dataclass(frozen=True, slots=True)
class Glossary:
    """The long forms that notes give for a short form, in capitals, and those that their headings lend."""

    given: Mapping[str, str]
    lent: Mapping[str, str]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], headings: Iterable[str]) -> "Glossary":
        """Return the glossary of ``pairs`` of short and long forms, and of ``headings``; the most frequent wins."""
        return cls(_most_frequent(pairs), _most_frequent(pair for title in headings for pair in initials(title)))

    def bridges(self, question: str, is_known: Callable[[str], bool]) -> dict[str, str]:
        """Return the short forms in ``question`` with their long forms, but those that the question gives itself.

        A heading lends its initials only to a word in capitals that ``is_known`` does not find in the notes.
        """
        found: dict[str, str] = {}
        for word in _PART.findall(question):
            singular = word[:-1] if len(word) > 2 and word.endswith("s") else word
            short = next((form.upper() for form in (word, singular) if form.upper() in self.given), None)
            if short is not None:
                long = self.given[short]
            elif singular.isupper() and singular in self.lent and not is_known(word):
                long = self.lent[singular]
            else:
                continue
            if word.lower() not in _LITTLE and long.lower() not in question.lower():
                found[word] = long
        return found


def spelled_out(question: str, bridges: dict[str, str]) -> str:
    """Return ``question`` with each long form in brackets behind its short form."""
    for short, long in bridges.items():
        found = re.search(rf"\b{re.escape(short)}\b", question)
        if found is not None:
            question = f"{question[: found.end()]} ({long}){question[found.end() :]}"
    return question


def forms(text: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of short and long form that ``text`` gives: the initials of the long one spell the short one."""
    for found in _LONG_THEN_SHORT.finditer(text):
        words = found[1].split()
        spelling = (words[begin:] for begin in range(len(words) - 1))
        yield from _first_spelled(spelling, found[2])
    for found in _SHORT_THEN_LONG.finditer(text):
        words = found[2].split()
        spelling = (words[:end] for end in range(2, len(words) + 1))
        yield from _first_spelled(spelling, found[1])


def initials(title: str) -> Iterator[tuple[str, str]]:
    """Yield what the capital words of a heading could be called for short: SG for "Security Groups"."""
    for run in _TITLE.findall(title[:_MAX_HEADING]):
        words = run.split()
        for begin in range(len(words) - 1):
            for end in range(begin + 2, min(begin + _LONGEST_TITLE, len(words)) + 1):
                yield "".join(word[0] for word in words[begin:end]).upper(), " ".join(words[begin:end])


def _first_spelled(candidates: Iterable[list[str]], short: str) -> Iterator[tuple[str, str]]:
    for words in candidates:
        parts = [part for word in words for part in _PART.findall(word)]
        great = [part for part in parts if part.lower() not in _LITTLE]
        edges_are_great = parts and parts[0] in great and parts[-1] in great
        if edges_are_great and short.upper() in ("".join(p[0] for p in some).upper() for some in (parts, great)):
            yield short.upper(), " ".join(words)
            return


def _most_frequent(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    counts = Counter(pairs)
    # Ascending, so that of several long forms the most frequent is the last; the alphabet decides between equals.
    ordered = sorted(counts, key=lambda pair: (counts[pair], pair))
    return dict(ordered)
