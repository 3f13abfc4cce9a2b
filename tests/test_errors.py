import re

from studybot import errors
from studybot.errors import StudybotError


def drawn() -> list[tuple[str, str]]:
    """Return each class of the tree in the docstring with the one that it is below."""
    found = []
    above = {0: "StudybotError"}
    for branch, name in re.findall(r"^([│ ]*[├└]── )(\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(branch) // 4
        above[depth] = name
        found.append((above[depth - 1], name))
    return found


def below(parent: type[StudybotError]) -> list[tuple[str, str]]:
    children = parent.__subclasses__()
    return [(parent.__name__, child.__name__) for child in children] + [
        pair for child in children for pair in below(child)
    ]


def test_the_tree_is_that_of_the_classes() -> None:
    assert sorted(drawn()) == sorted(below(StudybotError))


def test_every_error_has_a_code_of_its_own() -> None:
    classes = [StudybotError, *(getattr(errors, name) for _, name in below(StudybotError))]
    assert [one.code for one in classes[1:]] == [
        re.sub(r"(?<=.)(?=[A-Z])", "_", one.__name__).lower() for one in classes[1:]
    ]
    assert len({one.code for one in classes}) == len(classes)
