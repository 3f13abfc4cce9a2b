import pytest

from studybot.links import Links, anchor

NOTES = [
    "biology/cells.md",
    "biology/plants/cells.md",
    "history/Cells.md",
    "history/kings.md",
    "kings.markdown",
    "what? & #1.md",
    "v1.2 plan.txt",
    "نص 🫀.md",
]


@pytest.mark.parametrize(
    ("source", "target", "note"),
    [
        ("a.md", "history/kings", "history/kings.md"),
        ("a.md", "history/kings.md", "history/kings.md"),
        ("history/a.md", "kings", "kings.markdown"),
        ("history/a.md", "kings.md", "history/kings.md"),
        ("a.md", "cells", "biology/cells.md"),
        ("biology/a.md", "cells", "biology/cells.md"),
        ("biology/plants/a.md", "Cells", "biology/plants/cells.md"),
        ("a.md", "plants/cells", "biology/plants/cells.md"),
        ("a.md", "/biology/cells", "biology/cells.md"),
        ("a.md", "v1.2 plan", "v1.2 plan.txt"),
        ("a.md", "نص 🫀", "نص 🫀.md"),
        ("a.md", "animals/cells", None),
        ("a.md", "cell", None),
        ("a.md", "../kings", None),
    ],
)
def test_a_wikilink_names_a_note_by_the_end_of_its_path(source: str, target: str, note: str | None) -> None:
    address = Links(source, lambda: NOTES).of_wikilink(target)
    assert address == (note and f"/read?note={PERCENT.get(note, note)}")


PERCENT = {"v1.2 plan.txt": "v1.2%20plan.txt", "نص 🫀.md": "%D9%86%D8%B5%20%F0%9F%AB%80.md"}


@pytest.mark.parametrize(
    ("source", "target", "address"),
    [
        ("history/a.md", "kings.md", "/read?note=history/kings.md"),
        ("history/a.md", "./kings.md#Louis-XVI", "/read?note=history/kings.md#to-louis-xvi"),
        ("history/a.md", "../biology/cells.md", "/read?note=biology/cells.md"),
        ("history/a.md", "/biology/cells.md", "/read?note=biology/cells.md"),
        ("history/a.md", "kings", "/read?note=history/kings.md"),
        ("a.md", "what%3F%20&%20%231.md", "/read?note=what%3F%20%26%20%231.md"),
        ("a.md", "kings.md", None),
        ("a.md", "../../history/kings.md", None),
        ("a.md", "slides.pdf", None),
    ],
)
def test_a_markdown_link_names_a_note_by_its_path_from_there(source: str, target: str, address: str | None) -> None:
    assert Links(source, lambda: NOTES).of_markdown(target) == address


def test_the_notes_are_listed_only_for_a_link_to_a_note() -> None:
    listed: list[str] = []

    def notes() -> list[str]:
        listed.append("once")
        return NOTES

    links = Links("a.md", notes)
    assert (links.of_markdown("#top"), links.of_wikilink("#top")) == ("#to-top", "#to-top")
    assert listed == []
    assert links.of_wikilink("kings") == links.of_wikilink("Kings")
    assert listed == ["once"]


@pytest.mark.parametrize(
    ("heading", "identity"),
    [
        ("Users & Groups", "to-users--groups"),
        ("EBS [EC2 Instance Storage]", "to-ebs-ec2-instance-storage"),
        ("2.1 Größe, Maß", "to-21-größe-maß"),
        (" state ", "to-state"),
        ("?!", "to-"),
    ],
)
def test_a_heading_is_named_as_github_names_it(heading: str, identity: str) -> None:
    assert anchor(heading) == identity
