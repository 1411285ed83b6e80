"""RFC 3711 appendix B.2, RFC 7714 section 16; libsrtp as the independent witness."""

import random
import struct

import numpy as np
import pytest

from bus.columns import Column
from mediaworker.rtp.srtp import LONGEST_TAG, PROFILES, Context, Keys, Profile, Suite, context
from mediaworker.rtp.srtp_packets import open_block, seal
from tests.mediaworker.rtp.test_srtp import CM, GCM, SALT, drawn, suite
from tests.mediaworker.secure import receiver, sender

__all__ = ["suite"]

PACKET = bytes.fromhex(
    "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e697320646976"
    "69736120696e207061727465732074726573"
)
SEALED = (
    "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd5"
    "0d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
    "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab1801238"
    "9a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
)


def block_of(datagrams: list[bytes], room: int = LONGEST_TAG) -> Column[np.uint8]:
    width = max(map(len, datagrams)) + room
    joined = b"".join(each.ljust(width, b"\xee") for each in datagrams)
    return np.frombuffer(bytearray(joined), np.uint8).reshape(-1, width)


def lengths_of(datagrams: list[bytes]) -> Column[np.int64]:
    return np.array([len(each) for each in datagrams])


def sealed(
    profile: Profile, contexts: list[Context], datagrams: list[bytes], indexes: list[int]
) -> list[bytes]:
    block, lengths = block_of(datagrams), lengths_of(datagrams)
    ssrcs = np.array([int.from_bytes(each[8:12]) for each in datagrams], np.uint64)
    salts = np.array([each.salt for each in contexts], np.uint64)
    seal(profile, contexts, salts, ssrcs, np.array(indexes, np.uint64), block, lengths)
    return [
        row[: length + profile.tag].tobytes() for row, length in zip(block, lengths, strict=True)
    ]


def opened(
    profile: Profile,
    contexts: list[Context],
    datagrams: list[bytes],
    indexes: list[int],
    begins: list[int] | None = None,
) -> list[bytes | None]:
    block, lengths = block_of(datagrams, 0), lengths_of(datagrams)
    good = open_block(
        profile,
        contexts,
        np.array([each.salt for each in contexts], np.uint64),
        np.array([int.from_bytes(each[8:12]) for each in datagrams], np.uint64),
        np.array(indexes, np.uint64),
        block,
        lengths,
        np.array(begins or [12] * len(datagrams)),
    )
    plain = [
        row[: length - profile.tag].tobytes() for row, length in zip(block, lengths, strict=True)
    ]
    return [each if fine else None for each, fine in zip(plain, good.tolist(), strict=True)]


def test_the_key_stream_of_rfc3711_b2() -> None:
    keys = Keys(
        bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"),
        bytes(20),
        bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
    )
    packet = sealed(CM, [context(CM, keys)], [bytes(12) + bytes(16 * 0xFF02)], [0])[0][12:]
    assert packet[:48].hex().upper() == (
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
        "41E95B3BB0A2E8DD477901E4FCA894C0"
    )
    assert packet[16 * 0xFEFF : 16 * 0xFF02].hex().upper() == (
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE"
        "6A2CC3787889374FBEB4C81B17BA6C44"
    )


@pytest.mark.parametrize("strength", [0, 1])
def test_packets_as_in_rfc7714_16(strength: int) -> None:
    profile = GCM[strength]
    keys = context(profile, Keys(bytes(range(profile.key)), b"", SALT))
    assert sealed(profile, [keys], [PACKET], [0xF17B])[0].hex() == SEALED[strength]
    assert opened(profile, [keys], [bytes.fromhex(SEALED[strength])], [0xF17B]) == [PACKET]


def some_packets(count: int, least: int = 0) -> list[bytes]:
    numbers = random.Random(count)
    return [
        struct.pack(">BBHII", 0x80, 0, at, 160 * at, 1000 + at)
        + numbers.randbytes(numbers.choice((least, 4, 33, 160, 160, 480)))
        for at in range(count)
    ]


def test_packets_of_all_lengths_go_both_ways_with_libsrtp(suite: Suite) -> None:
    """Each row with a key of its own, in one block."""
    profile, plain = PROFILES[suite], some_packets(40)
    masters = [drawn(suite) for _ in plain]
    contexts, indexes = [keys.packets for _, keys in masters], list(range(len(plain)))
    for (master, _), ours, packet in zip(
        masters, sealed(profile, contexts, plain, indexes), plain, strict=True
    ):
        assert receiver(master, suite.name).unprotect(ours) == packet
    theirs = [
        sender(master, suite.name).protect(packet)
        for (master, _), packet in zip(masters, plain, strict=True)
    ]
    assert opened(profile, contexts, theirs, indexes) == plain


def test_contributing_sources_and_extensions_stay_readable(suite: Suite) -> None:
    extended = struct.pack(">BBHII", 0x90, 0, 1, 0, 7) + b"\xbe\xde\0\1abcd" + bytes(range(99))
    contributed = struct.pack(">BBHII", 0x82, 0, 1, 0, 7) + bytes(8) + bytes(range(160))
    padded = struct.pack(">BBHII", 0xA0, 0, 1, 0, 7) + bytes(range(100)) + b"\0\0\0\4"
    plain, begins = [extended, contributed, padded], [20, 20, 12]
    masters = [drawn(suite) for _ in plain]
    theirs = [
        sender(master, suite.name).protect(packet)
        for (master, _), packet in zip(masters, plain, strict=True)
    ]
    contexts = [keys.packets for _, keys in masters]
    assert opened(PROFILES[suite], contexts, theirs, [1, 1, 1], begins) == plain


def test_any_bit_that_is_changed_is_noticed(suite: Suite) -> None:
    profile, (_, keys) = PROFILES[suite], drawn(suite)
    whole = sealed(profile, [keys.packets], some_packets(1, 33), [5])[0]
    changed = [
        whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in range(len(whole))
    ]
    found = opened(profile, [keys.packets] * len(changed), changed, [5] * len(changed))
    assert found == [None] * len(changed)


def test_another_index_is_noticed(suite: Suite) -> None:
    """The roll-over counter is not in the packet, but it is authenticated."""
    profile, (_, keys) = PROFILES[suite], drawn(suite)
    whole = sealed(profile, [keys.packets], some_packets(1), [5])[0]
    for index in (5 + (1 << 16), 5 + (1 << 47)):
        assert opened(profile, [keys.packets], [whole], [index]) == [None]
    assert opened(profile, [keys.packets], [whole], [5]) != [None]


def test_what_is_broken_spoils_no_other(suite: Suite) -> None:
    profile, plain = PROFILES[suite], some_packets(9)
    contexts = [drawn(suite)[1].packets for _ in plain]
    whole = sealed(profile, contexts, plain, [3] * 9)
    whole[4] = whole[4][:-1] + bytes([whole[4][-1] ^ 128])
    expected: list[bytes | None] = [*plain]
    expected[4] = None
    assert opened(profile, contexts, whole, [3] * 9) == expected
