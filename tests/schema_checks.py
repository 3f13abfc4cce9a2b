"""What schemathesis needs to know of this interface: one check of its own is put more precisely."""

from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, GenerationMode, Response


@schemathesis.check
def only_the_sense_of_a_valid_request_is_refused(ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """A request that the schema allows may name no note, or ask without a word; it is never called malformed."""
    is_valid = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if is_valid and response.status_code in (400, 422):
        assert response.json()["error"]["code"] not in ("invalid", "bad_request", "error"), response.text
