"""SRTP with the keys that SDP carries (SDES, RFC 4568): the suites, and the keys of a stream.

Keys are secrets: they have no place in logs and traces, see ``masked``.
"""

import re
from typing import Final

import msgspec

SUITES: Final = {
    "AEAD_AES_256_GCM": 32 + 12,
    "AEAD_AES_128_GCM": 16 + 12,
    "AES_CM_128_HMAC_SHA1_80": 16 + 14,
    "AES_CM_128_HMAC_SHA1_32": 16 + 14,
}
"""RFC 4568 6.2, RFC 7714 14.2: each suite, best first -> bytes of its master key and salt."""

_KEY: Final = re.compile(r"(inline:)[^|\s]+", re.IGNORECASE)


class Crypto(msgspec.Struct, frozen=True, kw_only=True):
    """How a stream is encrypted and authenticated, both ways."""

    suite: str
    """One of ``SUITES``."""
    ours: bytes
    """Master key and salt of what we send."""
    theirs: bytes
    """Of what the peer sends."""

    def __repr__(self) -> str:
        return f"Crypto(suite={self.suite!r})"


def masked(text: str) -> str:
    """Return a text, an SDP body for example, without the keys in it."""
    return _KEY.sub(r"\1***", text)
