"""What can go wrong with SIP, whose fault it is, and what to answer.

SipError
├── LocalError            our caller asked for something that must not go on the wire
└── RemoteError           the peer's fault; ``status`` and ``reason`` are the answer it deserves
    └── ParseError        the text is not as RFC 3261 has it; ``partial`` is what can be answered
        └── FramingError  a stream that cannot be cut into messages any further
"""

from typing import Final

from signaling.sip.message import Request

SHOWN: Final = 60


class SipError(Exception):
    """Base of all."""


class LocalError(SipError):
    """A message, header or address that we refuse to send."""


class RemoteError(SipError):
    """What a peer did wrong, as the status and reason phrase to answer it with.

    ``detail`` is the text at fault; it is shown in part by ``str``, and never sent back.
    """

    def __init__(self, status: int, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {excerpt(detail)}" if detail else reason)
        self.status = status
        self.reason = reason
        self.detail = detail


class ParseError(RemoteError):
    """Malformed text.

    ``partial`` holds the Via, From, To, Call-ID and CSeq of a request as they came, for
    ``respond``; None where nothing can or should be answered.
    """

    def __init__(
        self, status: int, reason: str, partial: Request | None = None, *, detail: str = ""
    ) -> None:
        super().__init__(status, reason, detail)
        self.partial = partial


class FramingError(ParseError):
    """A stream that can only be closed; ``head`` is the header part at fault, as it came."""

    def __init__(self, status: int, reason: str, head: bytes, partial: Request | None) -> None:
        super().__init__(status, reason, partial)
        self.head = head


def excerpt(text: str) -> str:
    """Return the beginning of a text, safe to show on one line."""
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
