import pytest

from studybot.acronyms import Glossary, forms, initials, spelled_out


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("We keep it in Elastic Block Store (EBS) volumes.", [("EBS", "Elastic Block Store")]),
        ("EBS (Elastic Block Store)", [("EBS", "Elastic Block Store")]),
        ("DNA: deoxyribo nucleic acid", [("DNA", "deoxyribo nucleic acid")]),
        ("RNA - Ribo Nucleic Acid and more", [("RNA", "Ribo Nucleic Acid")]),
        ("the Bank of England (BOE)", [("BOE", "Bank of England")]),
        ("Department of the Interior (DI)", [("DI", "Department of the Interior")]),
        ("high-performance computing (HPC)", [("HPC", "high-performance computing")]),
        ("central processing units (CPUs)", [("CPU", "central processing units")]),
        ("Redis (NOSQL)", []),
        ("see the appendix (PDF)", []),
    ],
)
def test_forms_are_those_whose_initials_agree(text: str, pairs: list[tuple[str, str]]) -> None:
    assert list(forms(text)) == pairs


def test_headings_lend_the_initials_of_their_capital_words() -> None:
    assert ("SG", "Security Groups") in list(initials("Security Groups and more"))
    assert list(initials("plain words")) == []


def glossary() -> Glossary:
    return Glossary.of(
        [("ATP", "adenosine triphosphate"), ("ATP", "adenosine triphosphate"), ("ATP", "a tall pole")],
        ["Security Groups", "Nitrogen Cycle"],
    )


def test_the_most_frequent_long_form_is_taken_in_any_case_and_number() -> None:
    known = glossary()
    assert known.bridges("what does atp do?", lambda _: True) == {"atp": "adenosine triphosphate"}
    assert known.bridges("where do ATPs go?", lambda _: True) == {"ATPs": "adenosine triphosphate"}


def test_a_lent_form_is_for_unknown_words_in_capitals_only() -> None:
    known = glossary()
    assert known.bridges("what does an SG do?", lambda _: False) == {"SG": "Security Groups"}
    assert known.bridges("what does an SG do?", lambda _: True) == {}
    assert known.bridges("what does an sg do?", lambda _: False) == {}


def test_a_question_that_gives_the_long_form_is_left_alone() -> None:
    assert glossary().bridges("Is ATP adenosine triphosphate?", lambda _: True) == {}


def test_the_long_form_is_put_behind_the_short_one() -> None:
    assert spelled_out("Is ATP in an ATP pump?", {"ATP": "adenosine (x)"}) == "Is ATP (adenosine (x)) in an ATP pump?"
