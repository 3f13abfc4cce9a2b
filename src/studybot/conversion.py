"""A sentence-transformers model converted to ONNX and tried against itself: the one use of PyTorch at a first index.

``python -m studybot.conversion MODEL FOLDER`` is run by :func:`studybot.export.make`.
"""

import io
import json
import os
import sys
from pathlib import Path

import numpy as np

from studybot import checksums, export
from studybot.encoding import SentenceEncoder, load_model

_TOLERANCE = 1e-4
# Of many lengths, one longer than any window, and with whatever a tokenizer may treat in a way of its own.
_TRIED = (
    "",
    "cells",
    "How long is a message kept?",
    "  Leading, doubled  and trailing spaces\tand\n\nlines ",
    "ÀÉÎõü naïve Straße İstanbul ﬁn ½ CO₂ → x² ≤ 3",
    "日本語 и русский 🧬\u200b\u00ad\u0000\ufffd",
    "<s> </s> [CLS] [SEP] [MASK] <pad> query: passage:",
    "| a | b |\n|---|---|\n| `code()` | **bold** |",
    "The cell's membrane keeps its inside from its outside. " * 9,
    "supercalifragilisticexpialidocious " * 1_000,
)


def convert(model: Path, folder: Path) -> None:
    """Write the ONNX export of ``model``, its pooling and normalisation included, into ``folder``.

    Raises:
        ValueError: its rows are not those of sentence-transformers.
        Exception: whatever PyTorch raises for a model that cannot be exported.
    """
    import onnx
    import torch

    encoder = SentenceEncoder(model)
    reference = load_model(encoder.folder)
    wanted = reference.encode(list(_TRIED), normalize_embeddings=True, show_progress_bar=False)
    if (transformer := reference.transformers_model) is not None:
        # Its graph is the plainer one: 1.08 times the texts a second.
        transformer.set_attn_implementation("eager")

    class Rows(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = reference

        def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            found = self.model({"input_ids": tokens, "attention_mask": mask})["sentence_embedding"]
            return torch.nn.functional.normalize(found, dim=1)

    mask = torch.tensor([[1] * 8, [1] * 5 + [0] * 3])
    written = io.BytesIO()
    # The newer exporter needs another package, and 18 s instead of 4. Into memory, as a file would take the space of
    # the weights twice; its types, which are the newer one's, do not say that it writes to what is open, too.
    torch.onnx.export(
        Rows().eval(),
        (torch.ones_like(mask), mask),
        written,  # type: ignore[arg-type]
        input_names=list(export.INPUTS),
        output_names=["rows"],
        dynamic_axes={name: {0: "texts", 1: "length"} for name in export.INPUTS} | {"rows": {0: "texts"}},
        dynamo=False,
    )
    # Weights in a file of their own are mapped, not read: 0.1 s instead of 0.3 to load, 100 MB instead of 175.
    onnx.save_model(
        onnx.load_model_from_string(written.getvalue()),
        str(folder / export.GRAPH),
        save_as_external_data=True,
        location=export.WEIGHTS,
        size_threshold=1024,
    )
    stamp: dict[str, object] = {"padding": reference.tokenizer.pad_token_id or 0}
    for name in (export.GRAPH, export.WEIGHTS):
        with (folder / name).open("rb") as stream:
            os.fsync(stream.fileno())
        stamp[name] = checksums.sha256(folder / name)
    (folder / export.STAMP).write_text(json.dumps(stamp), encoding="utf-8")
    apart = float(np.abs(export.Export(folder).encode(encoder.tokens(_TRIED)) - wanted).max())
    if not apart <= _TOLERANCE:
        raise ValueError(f"its rows are {apart:.1g} from those of sentence-transformers")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
