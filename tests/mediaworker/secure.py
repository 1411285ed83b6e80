"""The far end of a protected stream: libsrtp, or none of it."""

import hashlib
from collections.abc import Iterable
from typing import Final

import pylibsrtp

from bus.srtp import SUITES, Crypto
from bus.streams import Remote
from tests.mediaworker.virtual import Rtp, peer, read

USUAL: Final = "AES_CM_128_HMAC_SHA1_80"
PROFILES: Final = {
    USUAL: "SRTP_PROFILE_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "SRTP_PROFILE_AES128_CM_SHA1_32",
    "AEAD_AES_128_GCM": "SRTP_PROFILE_AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM": "SRTP_PROFILE_AEAD_AES_256_GCM",
}
"""What libsrtp calls them."""


def crypto(ours: str = "ours", theirs: str = "theirs", suite: str = USUAL) -> Crypto:
    """Return keys made of two words."""
    first, second = (
        hashlib.sha512(word.encode()).digest()[: SUITES[suite]] for word in (ours, theirs)
    )
    return Crypto(suite=suite, ours=first, theirs=second)


def secure_peer(keys: Crypto | None = None, **changes: object) -> Remote:
    """Return a usual peer with keys."""
    return peer(crypto=keys or crypto(), **changes)


class FarEnd:
    """What a peer with these keys does."""

    def __init__(self, keys: Crypto | None = None) -> None:
        keys = keys or crypto()
        self.out = sender(keys.theirs, keys.suite)
        self.into = receiver(keys.ours, keys.suite)

    def protect(self, packet: Rtp | bytes) -> bytes:
        return self.out.protect(packet.datagram() if isinstance(packet, Rtp) else packet)

    def protected(self, packets: Iterable[Rtp]) -> list[bytes]:
        return [self.protect(each) for each in packets]

    def read(self, packet: Rtp) -> Rtp:
        return read(self.into.unprotect(packet.datagram()))

    def read_all(self, packets: Iterable[Rtp]) -> list[Rtp]:
        return [self.read(each) for each in packets]


def sender(key: bytes, suite: str) -> pylibsrtp.Session:
    """Return one that protects."""
    return _session(key, suite, "SSRC_ANY_OUTBOUND")


def receiver(key: bytes, suite: str) -> pylibsrtp.Session:
    """Return one that reads what was protected."""
    return _session(key, suite, "SSRC_ANY_INBOUND")


def _session(key: bytes, suite: str, kind: str) -> pylibsrtp.Session:
    ssrc_type, profile = (int(getattr(pylibsrtp.Policy, name)) for name in (kind, PROFILES[suite]))
    policy = pylibsrtp.Policy(key=key, ssrc_type=ssrc_type, srtp_profile=profile)
    return pylibsrtp.Session(policy)
