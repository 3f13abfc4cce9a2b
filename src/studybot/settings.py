"""What a user may set: by command line, by environment (``STUDYBOT_INDEX``, …), or not at all."""

import os
import re
from pathlib import Path
from typing import Annotated, Any

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from studybot.errors import SettingsInvalid

PREFIX = "STUDYBOT_"
_TOKEN = re.compile(r"[!-~]{16,200}")


def _default_index() -> Path:
    """Return ``index/`` in a checkout of the project, elsewhere the user's data folder."""
    here = Path("index")
    return (
        here
        if (here / "README.md").is_file() and Path("src/studybot").is_dir()
        else user_data_path("studybot") / "index"
    )


class Settings(BaseSettings):
    """Every setting with its default; see README for the table."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    notes: Annotated[Path | None, Field(description="The notes folder; without it, the one indexed last.")] = None
    index: Annotated[Path, Field(description="Where the index lies.")] = Field(default_factory=_default_index)
    model: Annotated[
        Path | None, Field(description="A sentence-transformers folder, or all-MiniLM-L6-v2, for the study-tuned one.")
    ] = None
    host: Annotated[str, Field(min_length=1, description="The address that serve listens on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="The port that serve listens on; 0 takes a free one.")] = (
        8765
    )
    token: Annotated[
        SecretStr | None, Field(description="What other computers must know; --host asks for it beyond this computer.")
    ] = None
    watch: Annotated[bool, Field(description="Whether serve indexes what changes in the notes folder meanwhile.")] = (
        True
    )
    top_k: Annotated[int, Field(ge=1, le=50, description="How many passages a reply holds.")] = 5
    min_confidence: Annotated[
        float | None,
        Field(ge=0.0, le=1.0, description="Below it the reply is a refusal; the default is fitted with the weights."),
    ] = None
    link: Annotated[
        str,
        Field(
            description="How a passage is opened in an editor; {path} and {line} are filled in. For Obsidian it is "
            "obsidian://open?path={path}."
        ),
    ] = "vscode://file{path}:{line}"

    @field_validator("link")
    @classmethod
    def _can_be_filled_in(cls, link: str) -> str:
        try:
            link.format(path="/notes/a.md", line=1)
        except (LookupError, ValueError, AttributeError, TypeError) as error:
            raise ValueError("wanted {path} and {line}, and no other braces") from error
        return link

    @field_validator("token")
    @classmethod
    def _is_hard_to_guess(cls, token: SecretStr | None) -> SecretStr | None:
        if token and not _TOKEN.fullmatch(token.get_secret_value()):
            raise ValueError(
                "wanted 16 to 200 letters, digits and signs without spaces; "
                "`python -c 'import secrets; print(secrets.token_urlsafe())'` makes one"
            )
        return token


def load(**chosen: Any) -> Settings:
    """Return the settings: what is ``chosen`` and not None, else the environment's, else the defaults.

    Raises:
        SettingsInvalid: a value is out of range, or the environment has a ``STUDYBOT_`` name that is no setting.
    """
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(PREFIX) and name[len(PREFIX) :].lower() not in Settings.model_fields
    )
    if unknown:
        known = ", ".join(PREFIX + name.upper() for name in Settings.model_fields)
        raise SettingsInvalid(f"{', '.join(unknown)} is no setting; wanted one of {known}")
    try:
        return Settings(**{name: value for name, value in chosen.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsInvalid(f"a setting is out of range: {problems}") from error
