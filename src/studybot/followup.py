"""What a question leaves to the one before it: what its pronouns stand for, or all but a few words.

Only words that any English question may hold are looked at: pronouns, question words, auxiliaries, prepositions,
conjunctions. A question that names what its pronoun stands for stands alone, and in doubt so does every question.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from studybot.words import terms

MOST_WORDS = 7
"""A question with more words of its own than this names what it is about, wherever its pronouns stand."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


PREPOSITIONS = _set(
    """about after against around at before behind below between by during for from in inside into of off on onto out
    over per since than through to toward towards under until up versus via vs with within without like as"""
)
_AUXILIARIES = _set(
    """am is are was were be been being 's 're do does did don doesn didn have has had haven hasn hadn can could may
    might must shall should will would cannot couldn won wouldn shouldn isn aren wasn weren"""
)
_SUBJECTS = _set("it they he she")
_OWNERS = _set("its their his her theirs hers")
_PRONOUNS = _SUBJECTS | _OWNERS | _set("them him")
_CONJUNCTIONS = _set(
    """and or but so because if when while whereas although though unless whether which who whom whose what why where
    how once nor yet then"""
)
_RELATIVES = _set("who that which whose")
_ACTORS = _SUBJECTS | _RELATIVES | _set("i you we")
_SUBORDINATORS = _set("before after since until till as than because")
_CHOOSERS = _set("which what this that the other first second last next")
_EFFORTS = _set("take takes took mean means cost costs")
_SAYINGS = _set("that how why whether")
_BEING = _set("is was be 's")
_TOKEN = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*|['’][a-z]+|[^\w\s]")
_OPENING = re.compile(
    r"\W*(?:(?:and|or|but|so|then|also|plus|ok|okay)\b\W*)*(?:(?P<about>(?:what|how)\s+about|what\s+of)\b)?\W*",
    re.IGNORECASE,
)
_LONGEST_PHRASE = 4


@dataclass(frozen=True, slots=True)
class OpenEnd:
    """What a question leaves open: what a word of it ``points`` at or, if none does, all that it does not repeat.

    ``words`` is what it says itself, without "and" or "what about" before it; "" where that is nothing ("why?").
    """

    points: bool
    words: str


def open_end(question: str) -> OpenEnd | None:
    """Return what ``question`` leaves to the one before it, or None where it stands alone."""
    tokens = [(found[0].lower().replace("’", "'"), found.start()) for found in _TOKEN.finditer(question)]
    said = [word for word, _ in tokens]
    if sum(map(_is_own, said)) > MOST_WORDS:
        return None
    names = _names(said)
    points = any(_pointers(said, names))
    opening = _OPENING.match(question)
    begin, is_about = (opening.end(), bool(opening["about"])) if opening else (0, False)
    rest = [word for word, start in tokens if start >= begin and (word[0].isalnum() or word[0] == "'")]
    if points or not any(names) or is_about or _is_fragment(rest, is_opened=begin > 0):
        return OpenEnd(points, question[begin:].rstrip(" ?.!") if any(names) else "")
    return None


def _is_own(word: str) -> bool:
    return word[:1].isalnum() and bool(terms(word))


def _at(said: Sequence[str], place: int) -> str:
    return said[place] if 0 <= place < len(said) else ""


def _names(said: Sequence[str]) -> list[bool]:
    """Return which words may name a thing: not those of "how long", "tell me", "what happens if …"."""
    own = [_is_own(word) and _at(said, place + 1) != "me" for place, word in enumerate(said)]
    for place in range(1, len(said)):
        after = _at(said, place + 1)
        is_lone_verb = after not in _AUXILIARIES and not _is_own(after)
        if said[place - 1] == "how" or (said[place - 1] in ("what", "who") and is_lone_verb):
            own[place] = False
    return own


def _pointers(said: Sequence[str], names: Sequence[bool]) -> Iterator[bool]:
    """Yield, for each word that stands for a thing, whether the thing is not named before it."""
    named = list(names)
    second = _at(said, 1)
    if second[:1].isalnum() and second not in _AUXILIARIES and not named[1]:
        # What a question begins with is then told to be done: "compare it with …".
        named[0] = False
    clause = 0
    for place, word in enumerate(said):
        before, after = _at(said, place - 1), _at(said, place + 1)
        is_owner = word in _OWNERS and (_is_own(after) or after in ("own", "other"))
        if word in _PRONOUNS:
            if not is_owner and _begins_a_clause(said, place):
                clause = place
            points = not (word == "it" and _is_empty(said, place))
        elif word in ("this", "these", "those"):
            points = not (word == "those" and after in PREPOSITIONS | _RELATIVES)
        elif word == "that":
            points = _points(said, place)
        elif word in ("one", "ones"):
            points = before in _CHOOSERS and not _is_own(after) and after not in ("of", "or")
        else:
            points = word == "there" and place > 0 and before not in _AUXILIARIES and not after[:1].isalnum()
        if points:
            # An owner may be named in its own clause ("does a queue keep its order?"), but not right before.
            is_near = is_owner and before not in _AUXILIARIES and not _follows_what_is_asked(said, clause, place)
            yield not any(named[: max(place - 1, 0) if is_near else clause])
        elif word == "that" or (word in _CONJUNCTIONS and place) or not (word[0].isalnum() or word[0] == "'"):
            clause = place + 1


def _begins_a_clause(said: Sequence[str], place: int) -> bool:
    """Return whether the pronoun does something by itself: "after it was …", "until it ends", "the drugs they sell"."""
    before, word, after = _at(said, place - 1), said[place], _at(said, place + 1)
    if word not in _SUBJECTS or before in _AUXILIARIES:
        return False
    is_told = before in _SUBORDINATORS or (word != "it" and _is_own(before))
    return after in _AUXILIARIES or (is_told and _is_own(after))


def _points(said: Sequence[str], place: int) -> bool:
    """Return whether this "that" stands for something, rather than to begin a clause or for a word beside it."""
    before, after = _at(said, place - 1), _at(said, place + 1)
    if after == "of" or before in ("in", "out"):
        return False
    is_told = place == 1 and not after[:1].isalnum()
    return place == 0 or is_told or before == "why" or before in _AUXILIARIES | PREPOSITIONS


def _follows_what_is_asked(said: Sequence[str], clause: int, place: int) -> bool:
    """Return whether only what is asked for is named in the owner's clause: "what is the role of its …"."""
    if "there" in said[clause:place]:
        return True
    if _at(said, clause) not in ("what", "who", "which", "where", "when") or _at(said, clause + 1) not in _AUXILIARIES:
        return False
    return [word for word in said[clause + 2 : place] if word in PREPOSITIONS] == [said[place - 1]]


def _is_empty(said: Sequence[str], place: int) -> bool:
    """Return whether this "it" stands for what the question goes on to say: "how long does it take to restore …"."""
    before, rest = _at(said, place - 1), said[place + 1 :]
    if not rest or rest[0] in ("that", "worth"):
        return len(rest) > 2
    is_effort = rest[0] in _EFFORTS
    for far, word in enumerate(rest[1:5], 1):
        is_said = word in _SAYINGS and before in _AUXILIARIES and _is_own(rest[far - 1])
        if is_said or (word == "until" and is_effort):
            return True
        if word == "to" and (is_effort or before in _BEING):
            # "to" and a verb, with what is done; "similar to …" ends with what it is similar to.
            verb, done = _at(rest, far + 1), _at(rest, far + 2)
            return (is_effort or _is_own(verb) or verb == "be") and done[:1].isalnum()
    return False


def _is_fragment(words: Sequence[str], *, is_opened: bool) -> bool:
    """Return whether ``words``, none of which points, ask nothing by themselves: "(and) the second", "for a week"."""
    first, second = _at(words, 0), _at(words, 1)
    if first == "which" and second in _AUXILIARIES:
        return sum(map(_is_own, words)) == 1
    # "for those I have" holds a verb, too, but not one that asks.
    asks = any(verb in _AUXILIARIES and before not in _ACTORS for before, verb in pairwise(["", *words]))
    if asks or first in ("who", "what", "which"):
        return False
    return is_opened or (len(words) <= _LONGEST_PHRASE and first in PREPOSITIONS)
