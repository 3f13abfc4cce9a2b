import pytest

from tests.fuzzed import TARGETS, TooSlow, Trial, properties
from tests.fuzzing import CORPUS, read_corpus, smallest


@pytest.mark.parametrize("target", TARGETS)
def test_what_fuzzers_found_to_reach_other_code_is_read_without_fault(target: str) -> None:
    trial = Trial(TARGETS[target], seconds=60)
    for text in read_corpus():
        trial.give(text)
    assert trial.told().tried > 20


def test_the_corpus_is_small() -> None:
    assert CORPUS.stat().st_size < 100_000


def only_short(text: str) -> None:
    assert len(text) < 3


def for_ever(_: str) -> None:
    while True:
        pass


def test_hypothesis_tells_the_smallest_text_that_is_wrong() -> None:
    told = properties(Trial(only_short, seconds=60), 8)
    assert told.wrong is not None
    assert told.wrong.startswith("AssertionError: ")
    assert len(told.wrong.rpartition(" of ")[2]) == len("'abc'")


def test_a_text_that_is_read_for_ever_is_given_up() -> None:
    trial = Trial(for_ever, seconds=60, patience_s=0.05)
    with pytest.raises(TooSlow):
        trial.give("a")
    assert trial.is_over
    assert trial.told().wrong == "TooSlow:  of 'a'"


def test_of_texts_that_reach_the_same_code_the_shortest_is_kept() -> None:
    assert smallest(["# a\n", "# longer\n", "# longer still\n"]) == ["# a\n"]
    assert smallest(["- a\n", "# a\n"]) == ["# a\n", "- a\n"]
