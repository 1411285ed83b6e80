"""RTCP, RFC 3550 section 6: reports, source description, goodbye.  Bytes in, values out.

Extended reports (RFC 3611) are packets of the same form; their blocks are in ``rtcp_xr``.  A
compound that is broken somewhere is read up to there.
"""

import struct
from typing import Final, NamedTuple

from mediaworker.rtp import rtcp_xr
from mediaworker.rtp.rtcp_xr import Extended

SR: Final = 200
RR: Final = 201
SDES: Final = 202
BYE: Final = 203
XR: Final = 207
CNAME: Final = 1

NTP_EPOCH: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
COMMON: Final = struct.Struct(">BBH")
SENDER: Final = struct.Struct(">QIII")
BLOCK: Final = struct.Struct(">IIIIII")


class SenderInfo(NamedTuple):
    """What a sender report says of its sender."""

    ntp: int
    """64 bits, seconds since 1900 and fraction."""
    timestamp: int
    packets: int
    octets: int


class Block(NamedTuple):
    """Reception of one source, as its receiver sees it."""

    ssrc: int
    fraction_lost: int
    """Of 256, since the last report."""
    lost: int
    """Cumulative; negative if duplicates outweigh losses."""
    highest: int
    """Sequence number with its cycles."""
    jitter: int
    """Timestamp units."""
    last_report: int
    """Middle 32 bits of the NTP time in the last sender report; 0: none."""
    delay: int
    """Since then, in 1/65536 s."""


class Compound(NamedTuple):
    """What a datagram says."""

    ssrc: int
    sender: SenderInfo | None = None
    blocks: tuple[Block, ...] = ()
    goodbyes: tuple[int, ...] = ()
    extended: Extended = Extended()


def ntp_time(wall_ns: int) -> int:
    """Return the NTP time, 64 bits, of nanoseconds since 1970."""
    seconds, rest = divmod(wall_ns, 1_000_000_000)
    return ((seconds + NTP_EPOCH) << 32 | (rest << 32) // 1_000_000_000) & 0xFFFF_FFFF_FFFF_FFFF


def middle(ntp: int) -> int:
    """Return the middle 32 bits of an NTP time, units of 1/65536 s."""
    return (ntp >> 16) & 0xFFFF_FFFF


def report(ssrc: int, cname: str, sender: SenderInfo | None, blocks: tuple[Block, ...]) -> bytes:
    """Return a compound: a sender report, or a receiver report without ``sender``, and SDES."""
    info = b"" if sender is None else SENDER.pack(*sender)
    body = ssrc.to_bytes(4) + info + b"".join(map(_block, blocks))
    kind = RR if sender is None else SR
    return _packet(kind, len(blocks), body) + _description(ssrc, cname)


def goodbye(ssrc: int) -> bytes:
    """Return a BYE, to follow a report in its compound."""
    return _packet(BYE, 1, ssrc.to_bytes(4))


def extended(ssrc: int, blocks: Extended) -> bytes:
    """Return an extended report, to follow a report in its compound."""
    return _packet(XR, 0, ssrc.to_bytes(4) + rtcp_xr.write(blocks))


def parse(datagram: bytes) -> Compound | None:
    """Read a compound; None if it does not begin as one."""
    compound: Compound | None = None
    rest = datagram
    while len(rest) >= 8:
        first, kind, words = COMMON.unpack_from(rest)
        size = 4 + 4 * words
        if first >> 6 != 2 or size > len(rest) or size < 8 or not SR <= kind <= XR:
            break
        compound = compound or Compound(int.from_bytes(rest[4:8]))
        compound = _read(compound, kind, first & 31, rest[4:size])
        rest = rest[size:]
    return compound


def _read(compound: Compound, kind: int, count: int, body: bytes) -> Compound:
    if kind == SR and len(body) >= 4 + SENDER.size:
        sender = SenderInfo(*SENDER.unpack_from(body, 4))
        blocks = _blocks(body[4 + SENDER.size :], count)
        return compound._replace(sender=sender, blocks=compound.blocks + blocks)
    if kind == RR:
        return compound._replace(blocks=compound.blocks + _blocks(body[4:], count))
    if kind == BYE:
        ssrcs = struct.unpack_from(f">{min(count, len(body) // 4)}I", body)
        return compound._replace(goodbyes=compound.goodbyes + ssrcs)
    if kind == XR:
        return compound._replace(extended=rtcp_xr.read(body[4:], compound.extended))
    return compound


def _blocks(body: bytes, count: int) -> tuple[Block, ...]:
    whole = min(count, len(body) // BLOCK.size)
    return tuple(_read_block(body, BLOCK.size * index) for index in range(whole))


def _read_block(body: bytes, offset: int) -> Block:
    ssrc, losses, highest, jitter, last_report, delay = BLOCK.unpack_from(body, offset)
    lost = losses & 0xFF_FFFF
    signed = lost - (1 << 24) if lost & 0x80_0000 else lost
    return Block(ssrc, losses >> 24, signed, highest, jitter, last_report, delay)


def _block(block: Block) -> bytes:
    lost = max(-0x80_0000, min(block.lost, 0x7F_FFFF)) & 0xFF_FFFF
    losses = block.fraction_lost << 24 | lost
    rest = (block.highest, block.jitter, block.last_report, block.delay)
    return BLOCK.pack(block.ssrc, losses, *(number & 0xFFFF_FFFF for number in rest))


def _description(ssrc: int, cname: str) -> bytes:
    text = cname.encode()[:255]
    chunk = ssrc.to_bytes(4) + bytes((CNAME, len(text))) + text
    return _packet(SDES, 1, chunk + bytes(4 - len(chunk) % 4))  # at least one null octet


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return COMMON.pack(0x80 | count, kind, len(body) // 4) + body
