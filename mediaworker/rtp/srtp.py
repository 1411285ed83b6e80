"""SRTP (RFC 3711, AEAD as in RFC 7714): suites, session keys, and RTCP one report at a time.

    master key and salt ──► derive ──► Keys of packets ──► Context   library objects, see
                                  └──► Keys of reports ──► Context   ``srtp_packets``

Nothing here has a memory: indexes and windows are columns, and all else follows from the master
keys.  The derivation rate is 0, no MKI is used, and SRTCP is always encrypted.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.hmac import HMAC

BLOCK: Final = 16
MAC_KEY: Final = 20
AEAD_TAG: Final = 16
REPORT_TAG: Final = 10
"""Bytes, in both suites with HMAC-SHA1 (RFC 4568 6.2.2)."""
REPORT_HEADER: Final = 8
"""Bytes of RTCP that stay readable."""
ENCRYPTED: Final = 1 << 31
"""The E bit before the index of a report."""
LONGEST_MASTER: Final = 44
"""Bytes of master key and salt."""
LONGEST_TAG: Final = AEAD_TAG


class Suite(IntEnum):
    """How a row is protected (column ``suite``)."""

    NONE = 0
    AES_CM_128_HMAC_SHA1_80 = 1
    AES_CM_128_HMAC_SHA1_32 = 2
    AEAD_AES_128_GCM = 3
    AEAD_AES_256_GCM = 4


class Profile(NamedTuple):
    """The sizes of a suite in bytes."""

    key: int
    salt: int
    tag: int
    aead: bool = False


PROFILES: Final = {
    Suite.AES_CM_128_HMAC_SHA1_80: Profile(16, 14, 10),
    Suite.AES_CM_128_HMAC_SHA1_32: Profile(16, 14, 4),
    Suite.AEAD_AES_128_GCM: Profile(16, 12, AEAD_TAG, aead=True),
    Suite.AEAD_AES_256_GCM: Profile(32, 12, AEAD_TAG, aead=True),
}


class Keys(NamedTuple):
    """Session keys (RFC 3711 4.3)."""

    cipher: bytes
    mac: bytes
    salt: bytes


def derive(profile: Profile, master: bytes, label: int) -> Keys:
    """Derive the keys of labels ``label`` to ``label + 2``: 0 is for packets, 3 for reports."""
    end = profile.key + profile.salt
    key, salt = master[: profile.key], master[profile.key : end].ljust(14, b"\0")

    def stream(label: int, size: int) -> bytes:
        begin = (int.from_bytes(salt) ^ label << 48) << 16
        cipher = Cipher(algorithms.AES(key), modes.CTR(begin.to_bytes(BLOCK)))
        return cipher.encryptor().update(bytes(size))

    return Keys(
        stream(label, profile.key), stream(label + 1, MAC_KEY), stream(label + 2, profile.salt)
    )


class Context(NamedTuple):
    """What the library made of session keys."""

    encrypt: Callable[[memoryview | bytes, memoryview | bytearray], int]
    """AES of blocks, into a buffer that is 15 bytes longer at least."""
    mac: HMAC
    aead: AESGCM
    salt: tuple[int, int]
    """As words of a block: on the left of it, or on the right with AEAD."""


def context(profile: Profile, keys: Keys) -> Context:
    """Prepare session keys for use."""
    ecb = Cipher(algorithms.AES(keys.cipher), modes.ECB())
    salt = keys.salt.rjust(BLOCK, b"\0") if profile.aead else keys.salt.ljust(BLOCK, b"\0")
    return Context(
        ecb.encryptor().update_into,
        HMAC(keys.mac, SHA1()),
        AESGCM(keys.cipher),
        (int.from_bytes(salt[:8]), int.from_bytes(salt[8:])),
    )


class Direction(NamedTuple):
    """All that one master key is used for."""

    packets: Context
    reports: Context


def direction(profile: Profile, master: bytes) -> Direction:
    """Prepare a master key and salt for use."""
    packets, reports = (derive(profile, master, label) for label in (0, 3))
    return Direction(context(profile, packets), context(profile, reports))


class Protected(NamedTuple):
    """The library objects of a row; they follow from its columns."""

    suite: Suite
    out: Direction
    into: Direction


# -------------------------------------------------------------------------------- reports, SRTCP


def seal_report(profile: Profile, context: Context, datagram: bytes, index: int) -> bytes:
    """Encrypt and authenticate a compound (RFC 3711 3.4, RFC 7714 9); ``index`` is below 2**31."""
    header, body = datagram[:REPORT_HEADER], datagram[REPORT_HEADER:]
    trailer = (ENCRYPTED | index).to_bytes(4)
    if profile.aead:
        nonce = _report_nonce(context, header, index)
        return header + context.aead.encrypt(nonce, body, header + trailer) + trailer
    sealed = header + _crypt(context, header, index, body) + trailer
    return sealed + _mac(context, sealed)


def open_report(profile: Profile, context: Context, datagram: bytes) -> tuple[int, bytes] | None:
    """Return index and compound; None if it is not authentic, or was not encrypted."""
    tag = 0 if profile.aead else REPORT_TAG
    least = REPORT_HEADER + 4 + (AEAD_TAG if profile.aead else REPORT_TAG)
    if len(datagram) < least:
        return None
    end = len(datagram) - tag
    header, body, trailer = datagram[:REPORT_HEADER], datagram[8 : end - 4], datagram[end - 4 : end]
    index = int.from_bytes(trailer) ^ ENCRYPTED
    if index >= ENCRYPTED:
        return None
    if profile.aead:
        nonce = _report_nonce(context, header, index)
        try:
            return index, header + context.aead.decrypt(nonce, body, header + trailer)
        except InvalidTag:
            return None
    if _mac(context, datagram[:end]) != datagram[end:]:
        return None
    return index, header + _crypt(context, header, index, body)


def _report_nonce(context: Context, header: bytes, index: int) -> bytes:
    salt = context.salt[0] << 64 | context.salt[1]
    return (salt ^ int.from_bytes(header[4:8]) << 48 ^ index).to_bytes(BLOCK)[4:]


def _crypt(context: Context, header: bytes, index: int, body: bytes) -> bytes:
    salt = context.salt[0] << 64 | context.salt[1]
    begin = salt ^ int.from_bytes(header[4:8]) << 64 ^ index << 16
    blocks = b"".join((begin + count).to_bytes(BLOCK) for count in range(len(body) // BLOCK + 1))
    stream = bytearray(len(blocks) + BLOCK)
    context.encrypt(blocks, stream)
    mixed = int.from_bytes(body) ^ int.from_bytes(stream[: len(body)])
    return mixed.to_bytes(len(body))


def _mac(context: Context, authenticated: bytes) -> bytes:
    mac = context.mac.copy()
    mac.update(authenticated)
    return mac.finalize()[:REPORT_TAG]
