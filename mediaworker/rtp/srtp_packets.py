"""SRTP packets, many at once: one call of the library a row, all else on whole columns.

Packets are the rows of a block of bytes, each as long as its ``lengths`` says.  With HMAC-SHA1 the
roll-over counter is authenticated behind the packet (RFC 3711 4.2): it is written where the tag is
to be, so that one call does it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from cryptography.exceptions import InvalidTag

from bus.columns import Column
from mediaworker.masks import every, places
from mediaworker.rtp.srtp import BLOCK, MAC_KEY, Context, Profile

COUNTER: Final = np.array(4)
"""Bytes of the roll-over counter."""
LOW: Final = np.array(0xFFFF, np.uint64)
HALF: Final = np.array(16, np.uint64)
UPPER: Final = np.array(48, np.uint64)

Block = Column[np.uint8]
Where = tuple[slice | Column[np.intp], slice | Column[np.int64]]


def seal(
    profile: Profile,
    contexts: Sequence[Context],
    salts: Column[np.uint64],
    ssrcs: Column[np.uint64],
    indexes: Column[np.uint64],
    block: Block,
    lengths: Column[np.int64],
    header: int = 12,
) -> None:
    """Encrypt and authenticate packets in place; each grows by the tag, for which there is room.

    ``salts``: shape (n, 2), of the contexts.  ``indexes``: 48 bits each.
    """
    words = _words(profile, salts, ssrcs, indexes)
    if profile.aead:
        _seal_each(contexts, words, block, lengths, header)
        return
    _mix(contexts, words, block, header, int(lengths.max()))
    tags = _tags(contexts, indexes, block, lengths, profile.tag)
    block[_spot(lengths, profile.tag)] = tags


def open_block(
    profile: Profile,
    contexts: Sequence[Context],
    salts: Column[np.uint64],
    ssrcs: Column[np.uint64],
    indexes: Column[np.uint64],
    block: Block,
    lengths: Column[np.int64],
    begins: Column[np.int64],
) -> Column[np.bool_]:
    """Authenticate and decrypt packets in place; return which are authentic.

    ``begins``: where the payload begins.  Arguments as in ``seal``; ``lengths`` include the tags.
    """
    words = _words(profile, salts, ssrcs, indexes)
    if profile.aead:
        return _open_each(contexts, words, block, lengths, begins)
    ends = lengths - profile.tag
    given = block[_spot(ends, profile.tag)].copy()
    tags = _tags(contexts, indexes, block, ends, profile.tag)
    good: Column[np.bool_] = ~np.logical_or.reduce(given ^ tags, axis=1)
    first = int(begins[0])
    if every(begins == first):
        _mix(contexts, words, block, first, int(ends.max()))
        return good
    for begin in np.unique(begins).tolist():
        which = places(begins == begin)
        some: list[int] = which.tolist()
        part = block[which]
        _mix([contexts[at] for at in some], words[which], part, begin, int(ends.max()))
        block[which] = part
    return good


def _words(
    profile: Profile,
    salts: Column[np.uint64],
    ssrcs: Column[np.uint64],
    indexes: Column[np.uint64],
) -> Column[np.uint64]:
    """Return the first counter blocks (RFC 3711 4.1.1) or nonces (RFC 7714 8.1), two words each."""
    words = np.empty(salts.shape, np.uint64)
    if profile.aead:
        words[:, 0] = ssrcs >> HALF
        words[:, 1] = (ssrcs & LOW) << UPPER | indexes
    else:
        words[:, 0] = ssrcs
        words[:, 1] = indexes << HALF
    return words ^ salts


def _mix(
    contexts: Sequence[Context], words: Column[np.uint64], block: Block, begin: int, end: int
) -> None:
    """Encrypt or decrypt by the key stream."""
    count = (end - begin + BLOCK - 1) // BLOCK
    if count <= 0:
        return
    counters = np.empty((len(words), count, 2), ">u8")
    counters[:, :, 0] = words[:, :1]
    counters[:, :, 1] = words[:, 1:] + np.arange(count, dtype=np.uint64)
    given = counters.view(np.uint8).reshape(-1).data
    stream = np.empty((len(words), (count + 1) * BLOCK), np.uint8)
    taken = stream.reshape(-1).data
    size, room = count * BLOCK, (count + 1) * BLOCK
    for at, each in enumerate(contexts):
        each.encrypt(given[at * size : at * size + size], taken[at * room : at * room + room])
    block[:, begin:end] ^= stream[:, : end - begin]


def _tags(
    contexts: Sequence[Context],
    indexes: Column[np.uint64],
    block: Block,
    lengths: Column[np.int64],
    tag: int,
) -> Block:
    """Return the tags of packets; overwrites what is behind them."""
    counters = (indexes >> HALF).astype(">u4").view(np.uint8).reshape(-1, 4)
    block[_spot(lengths, 4)] = counters
    whole, width = block.reshape(-1).data, block.shape[1]
    made = list[bytes]()
    for at, (each, size) in enumerate(zip(contexts, (lengths + COUNTER).tolist(), strict=True)):
        mac = each.mac.copy()
        mac.update(whole[at * width : at * width + size])
        made.append(mac.finalize())
    return np.frombuffer(b"".join(made), np.uint8).reshape(-1, MAC_KEY)[:, :tag]


def _spot(begins: Column[np.int64], size: int) -> Where:
    """Return where in a block so many bytes of each row are."""
    first = int(begins[0])
    if every(begins == first):
        return slice(None), slice(first, first + size)
    return np.arange(len(begins))[:, np.newaxis], begins[:, np.newaxis] + np.arange(size)


def _seal_each(
    contexts: Sequence[Context],
    words: Column[np.uint64],
    block: Block,
    lengths: Column[np.int64],
    header: int,
) -> None:
    nonces, whole, width = _nonces(words), block.reshape(-1).data, block.shape[1]
    for at, (each, length) in enumerate(zip(contexts, lengths.tolist(), strict=True)):
        begin = at * width
        payload = begin + header
        sealed = each.aead.encrypt(
            nonces[at * BLOCK + 4 : at * BLOCK + BLOCK],
            whole[payload : begin + length],
            whole[begin:payload],
        )
        whole[payload : payload + len(sealed)] = sealed


def _open_each(
    contexts: Sequence[Context],
    words: Column[np.uint64],
    block: Block,
    lengths: Column[np.int64],
    begins: Column[np.int64],
) -> Column[np.bool_]:
    nonces, whole, width = _nonces(words), block.reshape(-1).data, block.shape[1]
    good = np.zeros(len(words), np.bool_)
    ends, headers = lengths.tolist(), begins.tolist()
    for at, each in enumerate(contexts):
        begin = at * width
        payload = begin + headers[at]
        try:
            opened = each.aead.decrypt(
                nonces[at * BLOCK + 4 : at * BLOCK + BLOCK],
                whole[payload : begin + ends[at]],
                whole[begin:payload],
            )
        except InvalidTag:
            continue
        whole[payload : payload + len(opened)] = opened
        good[at] = True
    return good


def _nonces(words: Column[np.uint64]) -> bytes:
    return words.astype(">u8").tobytes()
