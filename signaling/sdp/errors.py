"""What can be wrong with a session description, and what to answer (``status``).

NegotiationError
├── SdpError              the text is no SDP; says which line and why (400, or 488 for a version or
│                         size that nobody needs to support)
└── NotAcceptableError    well said, but nothing in it can be used (488, RFC 3261 21.4.26)
    └── GlareError        an offer came while ours is unanswered (491, RFC 3261 14.2)
"""

from bus.srtp import masked

SHOWN = 60


class NegotiationError(Exception):
    """Base of all; ``status`` is the SIP status to refuse the request with."""

    status: int = 488


class SdpError(NegotiationError):
    """A line (from 1; 0 is the whole body) that is not as RFC 8866 has it."""

    def __init__(self, line: int, text: str, what: str, status: int = 400) -> None:
        text = masked(text)
        super().__init__(f"SDP line {line} {text[:SHOWN]!r}: {what}")
        self.line = line
        self.text = text
        self.what = what
        self.status = status


class NotAcceptableError(NegotiationError):
    """Nothing that we could use; the reason says what was missing."""


class GlareError(NotAcceptableError):
    """Their offer crossed ours."""

    status = 491
