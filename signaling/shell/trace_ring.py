"""The SIP messages of late, for whoever wants to see them afterwards.

A ring of references: nothing is copied, parsed or rendered before somebody asks.
"""

import re
from collections import deque
from collections.abc import Iterator
from time import time
from typing import Final

from bus.codec import encode
from bus.srtp import masked
from bus.tracing import Trace, TracedMessage
from signaling.sip.flow import Flow

CALL_ID: Final = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*(\S+)", re.I | re.M)
MOST_BYTES: Final = 32 << 20
OVERHEAD: Final = 200
"""Bytes that an entry takes besides its message."""


def call_id_of(message: bytes) -> str:
    """Return the Call-ID of a message, empty if it has none."""
    found = CALL_ID.search(message)
    return found[1].decode(errors="replace") if found else ""


class TraceRing:
    """The youngest messages, so many and so large at most."""

    def __init__(self, most: int, most_bytes: int = MOST_BYTES) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.bytes = 0
        self.kept: deque[tuple[float, str, Flow, bytes]] = deque()

    def add(self, direction: str, flow: Flow, message: bytes) -> None:
        """Keep one; the oldest make room."""
        kept = self.kept
        kept.append((time(), direction, flow, message))
        self.bytes += len(message) + OVERHEAD
        while len(kept) > self.most or self.bytes > self.most_bytes:
            self.bytes -= len(kept.popleft()[3]) + OVERHEAD

    def trace(self, sip_call_id: str, longest: int) -> Trace:
        """Return the messages of a call; the oldest are left out of what is longer than that."""
        taken: list[TracedMessage] = []
        left_out = 0
        for message in self._youngest_first(sip_call_id):
            longest -= len(encode(message))
            if longest < 0:
                left_out += 1
            else:
                taken.append(message)
        return Trace(messages=tuple(reversed(taken)), left_out=left_out)

    def _youngest_first(self, sip_call_id: str) -> Iterator[TracedMessage]:
        wanted = sip_call_id.encode()
        for at, direction, flow, message in reversed(self.kept):
            if wanted and wanted in message and call_id_of(message) == sip_call_id:
                yield TracedMessage(
                    at=at,
                    direction=direction,
                    local=flow.listener,
                    remote=f"{flow.host}:{flow.port}",
                    sip_call_id=sip_call_id,
                    text=masked(message.decode(errors="replace")),
                )
