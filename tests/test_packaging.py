"""What is built from the project: a wheel that answers without the checkout, and a source that builds the same."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest
from platformdirs import user_cache_path

from tests.conftest import CHECKOUT

WEB = {f"studybot/{file.relative_to(CHECKOUT)}" for file in (CHECKOUT / "web").iterdir()}
PACKAGE = {
    f"studybot/{file.relative_to(CHECKOUT / 'src' / 'studybot')}"
    for file in (CHECKOUT / "src" / "studybot").rglob("*")
    if file.is_file() and "__pycache__" not in file.parts
}


def run(*words: str | Path, cwd: Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(what: str, source: Path, folder: Path) -> Path:
    """Return the wheel or the sdist that is built from ``source``."""
    run("-m", "hatchling", "build", "--target", what, "--directory", folder, cwd=source)
    (file,) = folder.iterdir()
    return file


def names(wheel: Path) -> set[str]:
    return set(ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", CHECKOUT, tmp_path_factory.mktemp("wheel"))


def test_a_wheel_holds_the_package_and_the_page_and_nothing_else(wheel: Path) -> None:
    found = {name for name in names(wheel) if ".dist-info/" not in name}
    assert found == PACKAGE | WEB
    assert any(name.endswith("licenses/LICENSE") for name in names(wheel))


def test_a_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(built("sdist", CHECKOUT, tmp_path / "sdist")) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("studybot-*")
    again = built("wheel", source, tmp_path / "wheel")
    assert names(again) == names(wheel)
    assert not list(source.rglob("index/*.sqlite"))
    assert not (source / ".venv").exists()


def test_an_installed_wheel_indexes_and_answers_far_from_the_checkout(wheel: Path, notes: Path, tmp_path: Path) -> None:
    site, home = tmp_path / "site", tmp_path / "home"
    home.mkdir()
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    run(*install, "--target", site, wheel, cwd=tmp_path)
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("STUDYBOT_", "XDG_"))}
    # The model's export is the one that other tests made.
    mine |= {"PYTHONPATH": str(site), "HOME": str(home), "XDG_CACHE_HOME": str(user_cache_path())}
    where = run("-c", "import studybot; print(studybot.__file__)", cwd=home, environment=mine)
    assert Path(where.strip()).is_relative_to(site)
    web = "from studybot.server import web_folder; print(web_folder())"
    assert Path(run("-c", web, cwd=home, environment=mine).strip()) == site / "studybot" / "web"
    run("-m", "studybot", "index", notes, cwd=home, environment=mine)
    said = run("-m", "studybot", "ask", "--json", "When was Louis XVI executed?", cwd=home, environment=mine)
    assert json.loads(said)["answer"]["quotes"][0]["text"] == "Louis XVI was executed in 1793."
    # What a user's program keeps lies in the user's folders.
    assert list(home.rglob("studybot.sqlite"))
    assert not list(site.rglob("*.sqlite"))
