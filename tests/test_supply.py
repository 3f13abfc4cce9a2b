"""What studybot is built on: each dependency has its reason, a pinned version, and a licence that is named."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import licences
from tests.conftest import CHECKOUT

PROJECT = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)$", (CHECKOUT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
}


def direct() -> list[Requirement]:
    project = tomllib.loads(PROJECT)["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(one) for group in (project["dependencies"], *extras) for one in group]


def needed(requirements: list[Requirement]) -> Iterator[str]:
    """Yield what is named in the ``requirements``, and what that needs here, as far as it is installed."""
    seen: set[tuple[str, str]] = set()
    waiting = [(one, extra) for one in requirements for extra in ("", *one.extras)]
    while waiting:
        requirement, extra = waiting.pop()
        if (key := (canonicalize_name(requirement.name), extra)) in seen:
            continue
        seen.add(key)
        yield key[0]
        try:
            more = [Requirement(one) for one in requires(requirement.name) or []]
        except PackageNotFoundError:
            continue
        wanted = [one for one in more if one.marker is None or one.marker.evaluate({"extra": extra})]
        waiting += [(one, extra) for one in wanted for extra in ("", *one.extras)]


def test_beside_each_direct_dependency_stands_its_reason() -> None:
    for requirement in direct():
        assert re.search(rf'^    "{re.escape(str(requirement))}", +# \w', PROJECT, re.MULTILINE), requirement


def test_each_dependency_is_pinned_and_so_is_what_it_needs() -> None:
    found = set(needed(direct()))
    assert len(found) > 100
    assert found - PINS.keys() == set()


def test_the_licence_of_every_pinned_dependency_is_named() -> None:
    written = (CHECKOUT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\S+) \| (\S+) \| (\S.*) \|$", written, re.MULTILINE)
    assert rows[:2] == [("package", "version", "licence"), ("---", "---", "---")]
    assert {canonicalize_name(name): version for name, version, _ in rows[2:]} == PINS


def test_the_licences_are_those_that_the_packages_name(tmp_path: Path) -> None:
    constraints = tmp_path / "constraints.txt"
    # One names an expression, one has a field of words, one a classifier, one a file.
    wanted = {"ruff": "MIT", "nh3": "MIT", "contourpy": "BSD License", "axe-playwright-python": "MIT License"}
    constraints.write_text("# torch==1\n" + "".join(f"{name}=={PINS[canonicalize_name(name)]}\n" for name in wanted))
    rows = licences.table(constraints).split("\n")[2:-1]
    assert {row.split(" | ")[0].removeprefix("| "): row.split(" | ")[2].removesuffix(" |") for row in rows} == wanted
