from pathlib import Path

import pytest

from studybot.errors import SettingsInvalid
from studybot.settings import PREFIX, Settings, load
from tests.conftest import CHECKOUT


def test_what_is_chosen_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYBOT_PORT", "9000")
    monkeypatch.setenv("STUDYBOT_INDEX", "elsewhere")
    assert load(port=9001, index=None).port == 9001
    assert load().port == 9000
    assert load().index == Path("elsewhere")


@pytest.mark.parametrize(("name", "value"), [("top_k", 0), ("top_k", 51), ("port", 65536), ("min_confidence", 1.1)])
def test_numbers_are_bounded(name: str, value: float) -> None:
    with pytest.raises(SettingsInvalid, match=name):
        load(**{name: value})


@pytest.mark.parametrize("link", ["edit://{note}", "edit://{path", "edit://{}", "edit://{path.name}"])
def test_a_link_that_cannot_be_filled_in_is_refused(link: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"link.*wanted \{path\} and \{line\}"):
        load(link=link)


def test_an_unknown_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDYBOT_TOPK", "3")
    with pytest.raises(SettingsInvalid, match="STUDYBOT_TOPK is no setting; wanted one of STUDYBOT_NOTES"):
        load()


def test_a_checkout_keeps_its_index_and_elsewhere_the_user_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert load().index == Path("index")
    monkeypatch.chdir(tmp_path)
    assert load().index.is_absolute()
    assert not load().index.is_relative_to(tmp_path)


def test_every_setting_is_in_the_readme() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{PREFIX}{name.upper()}`" not in readme] == []
