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
    USUAL: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    "AES_CM_128_HMAC_SHA1_32": pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    "AEAD_AES_128_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    "AEAD_AES_256_GCM": pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}


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
        self.out = _session(keys.theirs, keys.suite, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self.into = _session(keys.ours, keys.suite, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    def protect(self, packet: Rtp | bytes) -> bytes:
        return self.out.protect(packet.datagram() if isinstance(packet, Rtp) else packet)

    def protected(self, packets: Iterable[Rtp]) -> list[bytes]:
        return [self.protect(each) for each in packets]

    def read(self, packet: Rtp) -> Rtp:
        return read(self.into.unprotect(packet.datagram()))

    def read_all(self, packets: Iterable[Rtp]) -> list[Rtp]:
        return [self.read(each) for each in packets]


def _session(key: bytes, suite: str, kind: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=PROFILES[suite])
    return pylibsrtp.Session(policy)
