"""G.729 by Debian's libbcg729, if it is there (ITU-T G.729 annexes A and B, RFC 3551 4.5.6).

That library is under the GPL, so it is neither part of this package nor required by it: who
installs it has the codec.  A frame is 10 ms, ten bytes; two bytes at the end of a packet describe
the noise of a pause (annex B), which we hear but never send.
"""

import ctypes
from functools import cache
from typing import Final
from weakref import finalize

import numpy as np

from bus.columns import Column

FILE: Final = "libbcg729.so.0"
FRAME: Final = 80
"""Samples."""
SIZE: Final = 10
"""Bytes of a frame."""
NOISE: Final = 2
"""Bytes of a description of noise."""


@cache
def library() -> ctypes.CDLL:
    """Load it.  Raises OSError if it is not there."""
    found = ctypes.CDLL(FILE)
    channel, pointer, byte = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint8
    found.initBcg729EncoderChannel.argtypes = [byte]
    found.initBcg729DecoderChannel.argtypes = []
    for function in (found.initBcg729EncoderChannel, found.initBcg729DecoderChannel):
        function.restype = channel
    for function in (found.closeBcg729EncoderChannel, found.closeBcg729DecoderChannel):
        function.argtypes, function.restype = [channel], None
    found.bcg729Encoder.argtypes = [channel, ctypes.c_char_p, pointer, pointer]
    found.bcg729Decoder.argtypes = [channel, ctypes.c_char_p, byte, byte, byte, byte, pointer]
    found.bcg729Encoder.restype = found.bcg729Decoder.restype = None
    return found


class Encoder:
    """Of one row."""

    pauses = False

    def __init__(self) -> None:
        code = library()
        self.coded = code.bcg729Encoder
        self.channel = code.initBcg729EncoderChannel(0)
        finalize(self, code.closeBcg729EncoderChannel, self.channel)
        self.payload = ctypes.create_string_buffer(SIZE)
        self.size = ctypes.c_uint8()

    def encode(self, frame: Column[np.int16]) -> bytes:
        """Return ten bytes for every 10 ms."""
        return b"".join(self._encode(frame[at : at + FRAME]) for at in range(0, len(frame), FRAME))

    def expect_loss(self, percent: int) -> None:
        """Do nothing: no packet knows of another."""

    def _encode(self, frame: Column[np.int16]) -> bytes:
        self.coded(self.channel, frame.tobytes(), self.payload, ctypes.byref(self.size))
        return self.payload.raw


class Decoder:
    """Of one row."""

    def __init__(self) -> None:
        code = library()
        self.decoded = code.bcg729Decoder
        self.channel = code.initBcg729DecoderChannel()
        finalize(self, code.closeBcg729DecoderChannel, self.channel)

    def decode(self, payload: bytes) -> Column[np.int16]:
        """Return the samples of a payload, none if it is malformed."""
        parts = [payload[at : at + SIZE] for at in range(0, len(payload), SIZE)]
        return self._decode(parts) if samples(payload) else np.zeros(0, np.int16)

    def conceal(self, samples: int) -> Column[np.int16]:
        """Return what may have been said next."""
        return self._decode([b""] * -(-samples // FRAME))[:samples]

    def recover(self, payload: bytes, samples: int) -> Column[np.int16]:
        """Do as ``conceal`` does: packets say nothing of those before them."""
        return self.conceal(samples)

    def _decode(self, parts: list[bytes]) -> Column[np.int16]:
        heard: Column[np.int16] = np.zeros(len(parts) * FRAME, np.int16)
        address = heard.ctypes.data
        for place, part in enumerate(parts):
            at, noise = address + place * FRAME * heard.itemsize, len(part) == NOISE
            self.decoded(self.channel, part.ljust(SIZE, b"\0"), len(part), not part, noise, 0, at)
        return heard


class G729:
    """The codec."""

    def encoder(self, parameters: str) -> Encoder:
        """Make one; it never describes noise, whatever ``annexb`` says."""
        return Encoder()

    def decoder(self) -> Decoder:
        """Make one."""
        return Decoder()

    def samples(self, payload: bytes) -> int:
        """Return how many samples a payload makes."""
        return samples(payload)

    def missing(self) -> str:
        """Return what is not installed, if anything."""
        try:
            library()
        except OSError:
            return FILE
        return ""


def samples(payload: bytes) -> int:
    """Return how many samples a payload makes, 0 if it is malformed."""
    whole, rest = divmod(len(payload), SIZE)
    return (whole + (rest == NOISE)) * FRAME if rest in (0, NOISE) else 0
