"""Lengths of time in header fields: Retry-After (RFC 3261 20.33), Session-Expires (RFC 4028 4)."""

from typing import Final

from signaling.sip.errors import ParseError
from signaling.sip.values import parameter, split_parameters

LONGEST: Final = 2**31 - 1
"""Seconds."""


def delta_seconds(text: str) -> int:
    """Read the seconds a value begins with, before a comment or parameters; -1: there are none."""
    digits = text.partition(";")[0].partition("(")[0].strip(" \t")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 10:
        return -1
    return min(int(digits), LONGEST)


def session_expires(text: str) -> tuple[int, str]:
    """Read a Session-Expires: its seconds (0: there are none) and ``uac``, ``uas`` or nothing."""
    if not text:
        return 0, ""
    semicolon = text.find(";")
    try:
        parameters = split_parameters(text[semicolon:]) if semicolon >= 0 else ()
    except ParseError:
        parameters = ()
    refresher = (parameter(parameters, "refresher") or "").lower()
    return max(delta_seconds(text), 0), refresher if refresher in ("uac", "uas") else ""


def render_session_expires(seconds: int, refresher: str) -> str:
    """Write a Session-Expires."""
    return f"{seconds};refresher={refresher}" if refresher else str(seconds)
