"""What is fuzzed, and a run of hypothesis: ``python -m tests.fuzzed TARGET SECONDS SEED`` prints a ``Told`` as JSON."""

import json
import re
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import FrameType

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from studybot.links import Links
from studybot.markdown import parse
from studybot.rendering import render
from studybot.types import Note
from tests.test_positions import NOTE, SMALL_WINDOW, count_tokens, faults
from tests.test_rendering import SAID, Reading, is_loaded_with_nothing

MOST_BYTES = 4_096
PATIENCE_S = 2.0
"""Of the processor's time: longer no text is read that a fuzzer makes."""
_BATCH = 200
_ADDRESS = re.compile(r"https?://|mailto:|/read\?note=|#to-")


def parser(text: str) -> None:
    """Read a note and show it: the HTML is harmless, and headings are where the parser has them."""
    sections = parse(text).sections
    shown = render(text, Links("a.md", list))
    assert is_loaded_with_nothing(shown.html)
    for tag, attributes in Reading(shown.html).elements:
        assert attributes.keys() <= SAID | {"colspan", "rowspan"}, tag
        assert _ADDRESS.match(attributes.get("href") or "#to-"), attributes
    assert {one.line for one in shown.outline} <= {section.start_line for section in sections}, "headings"


def chunker(text: str) -> None:
    """Cut a note: every line is in one passage, and every position is exact."""
    found = faults(Note("a.md", text, sha256="", encoding="utf-8"), count_tokens, SMALL_WINDOW)
    assert found == [], found


TARGETS: dict[str, Callable[[str], None]] = {"parser": parser, "chunker": chunker}


@dataclass(frozen=True, slots=True)
class Told:
    """How many texts were tried, in how many seconds of the processor, and what was wrong, in words; else None."""

    tried: int
    cpu_s: float
    wrong: str | None


class TooSlow(Exception):
    """A text took longer than the patience."""


class Trial:
    """Gives texts to a target until the time is over or one is wrong."""

    def __init__(self, target: Callable[[str], None], seconds: float, patience_s: float = PATIENCE_S) -> None:
        """Begin to count now."""
        self._target = target
        self._until = time.process_time() + seconds
        self._patience_s = patience_s
        self._tried = 0
        self._wrong: str | None = None
        signal.signal(signal.SIGPROF, _give_up)

    @property
    def is_over(self) -> bool:
        """Whether no more texts are wanted."""
        return self._wrong is not None or time.process_time() > self._until

    def give(self, text: str) -> None:
        """Try a text, as a note's file would have been read; what is wrong is kept, and raised."""
        text = text.replace("\r\n", "\n")
        self._tried += 1
        signal.setitimer(signal.ITIMER_PROF, self._patience_s)
        try:
            self._target(text)
        except Exception as error:
            self._wrong = f"{type(error).__name__}: {str(error)[:500]} of {text!r}"
            raise
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def told(self) -> Told:
        """Return how it went."""
        return Told(self._tried, round(time.process_time(), 1), self._wrong)


def _give_up(_: int, __: FrameType | None) -> None:
    raise TooSlow


def properties(trial: Trial, first_seed: int) -> Told:
    """Try what hypothesis makes up; what is wrong is told as small as hypothesis can make it."""
    number = first_seed
    while not trial.is_over:

        @seed(number)
        @settings(max_examples=_BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(NOTE | st.text(max_size=300) | st.text(alphabet="#>-*`|[]()!<a1. \t\n\r\\$=:~", max_size=200))
        def batch(text: str) -> None:
            trial.give(text)

        with suppress(Exception):
            batch()
        number += 1
    return trial.told()


if __name__ == "__main__":
    name, for_s, begin = sys.argv[1:]
    print(json.dumps(asdict(properties(Trial(TARGETS[name], float(for_s)), int(begin)))))
