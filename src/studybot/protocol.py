"""What uvicorn speaks, with an end to patience: a request that does not arrive is not waited for."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 30
"""How long a request may take to arrive, from its first byte, or from the connection on, to the end of its body."""

MAX_CONNECTIONS = 500
"""At once; below the 1,024 files that a process may usually have open."""


class Protocol(H11Protocol):
    """Breaks off a connection whose request is not there in time.

    uvicorn waits for ever for the rest of one, so that a client that sends a byte a second could hold every connection.
    """

    patience_s: float = PATIENCE_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._watch(is_awaited=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._watch(is_awaited=False)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, and see whether more of a request must follow."""
        super().data_received(data)
        self._watch(is_awaited=self._is_incomplete())

    def on_response_complete(self) -> None:
        """See whether a part of the next request is there already; for its first byte uvicorn itself waits 5 s."""
        super().on_response_complete()
        self._watch(is_awaited=self._is_incomplete())

    def _is_incomplete(self) -> bool:
        state = self.conn.their_state
        return state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))

    def _watch(self, *, is_awaited: bool) -> None:
        if is_awaited and self._deadline is None:
            self._deadline = self.loop.call_later(self.patience_s, self.transport.abort)
        elif not is_awaited and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
