"""The two bodies of an INFO that carry a digit; no RFC defines them, phones agree on them.

application/dtmf-relay      Signal=5 CRLF Duration=160 CRLF
application/dtmf            5
"""

import re
from typing import Final

import msgspec

from signaling.sip.errors import ParseError
from signaling.sip.validate import media_type

RELAY: Final = "application/dtmf-relay"
PLAIN: Final = "application/dtmf"
BODIES: Final = frozenset({RELAY, PLAIN})

USUAL_MS: Final = 100
"""Of a digit whose sender does not say how long it is."""
DIGITS: Final = "0123456789*#ABCD"
"""In the order of RFC 4733 3.2: some phones write the number of the event, 10 for ``*``."""

_SIGNAL: Final = re.compile(r"(?im)^[ \t]*Signal[ \t]*=[ \t]*([0-9A-D*#]{1,2})[ \t\r]*$")
_DURATION: Final = re.compile(r"(?im)^[ \t]*Duration[ \t]*=[ \t]*([0-9]{1,5})[ \t\r]*$")
_NAMES_A_DURATION: Final = re.compile(r"(?im)^[ \t]*Duration\b")
_BARE: Final = re.compile(r"[ \t\r\n]*([0-9A-Da-d*#]{1,2})[ \t\r\n]*")


class Press(msgspec.Struct, frozen=True):
    """A digit and how long it is, in milliseconds."""

    digit: str
    duration_ms: int


def render_press(press: Press, content_type: str) -> bytes:
    """Write the body of an INFO."""
    if content_type == PLAIN:
        return press.digit.encode()
    return f"Signal={press.digit}\r\nDuration={press.duration_ms}\r\n".encode()


def parse_press(content_type: str, body: bytes) -> Press:
    """Read the body of an INFO; either content may stand under either type.

    Raises ParseError if it is no digit.
    """
    text = body.decode("ascii", "replace")
    found = _SIGNAL.search(text)
    if found is None and media_type(content_type) == PLAIN:
        found = _BARE.fullmatch(text)
    if found is None:
        raise ParseError(400, "Malformed digit", detail=text)
    return Press(_digit(found.group(1)), _duration(text))


def _digit(signal: str) -> str:
    if not signal.isdigit():
        if len(signal) > 1:
            raise ParseError(400, "Malformed digit", detail=signal)
        return signal.upper()
    if int(signal) >= len(DIGITS):
        raise ParseError(400, "Not a digit", detail=signal)
    return DIGITS[int(signal)]


def _duration(text: str) -> int:
    found = _DURATION.search(text)
    if found is None and _NAMES_A_DURATION.search(text):
        raise ParseError(400, "Malformed duration", detail=text)
    return int(found.group(1)) if found else USUAL_MS
