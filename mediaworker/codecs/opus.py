"""Opus at 16 kHz, mono, by libopus (RFC 6716; in RTP RFC 7587).

RTP counts its time at 48 kHz, whatever the codec does inside.  We code up to wideband, as that is
what telephones have; the decoder makes 16 kHz of any bandwidth and mono of stereo by itself.

The library is the one within the package opuslib-next-bundled, else the system's; nothing but the
C interface of it is used.  Its state is kept in memory of ours, so there is nothing to be freed.
"""

import ctypes
import importlib.util
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.fmtp import parse_parameters, whole

RATE: Final = 16000
CHANNELS: Final = 1
VOIP: Final = 2048
"""The application: speech first."""
LONGEST: Final = RATE * 120 // 1000
"""Samples of the longest packet."""
FRAMES: Final = RATE // 2000
"""Samples of half a millisecond, in which RFC 6716 table 2 is written down below."""
LARGEST: Final = 1275
"""Bytes of a frame, which no packet of ours comes near."""
QUIET: Final = 2
"""Bytes of a packet that need not be sent."""

BITRATE: Final = 24000
"""bit/s, unless the peer wants less: wideband speech is transparent at about that (RFC 7587 3.1.1:
16 to 20 kbit/s), and some of it is what the packets repeat of those before them."""
BITRATES: Final = (6000, 64000)
COMPLEXITY: Final = 5
"""Of 0 to 10."""
EXPECTED_LOSS: Final = 10
"""Percent at least, once the peer takes in-band FEC."""

TABLE_2: Final = (
    *((20, 40, 80, 120) * 3),  # SILK, half milliseconds
    *((20, 40) * 2),  # hybrid
    *((5, 10, 20, 40) * 4),  # CELT
)


class Control(IntEnum):
    """Requests of ``opus_encoder_ctl`` (opus_defines.h)."""

    BITRATE = 4002
    MAX_BANDWIDTH = 4004
    VBR = 4006
    COMPLEXITY = 4010
    INBAND_FEC = 4012
    PACKET_LOSS_PERCENT = 4014
    DTX = 4016


class Bandwidth(IntEnum):
    """Its values (opus_defines.h)."""

    NARROW = 1101
    MEDIUM = 1102
    WIDE = 1103


class OpusError(RuntimeError):
    """A call of the library failed, which it does only if we misuse it."""


@cache
def library() -> ctypes.CDLL:
    """Load it.  Raises OSError if it is nowhere."""
    found = ctypes.CDLL(_bundled() or "libopus.so.0")
    state, samples, number = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int
    found.opus_encoder_init.argtypes = [state, ctypes.c_int32, number, number]
    found.opus_decoder_init.argtypes = [state, ctypes.c_int32, number]
    found.opus_encoder_ctl.argtypes = [state, number]  # and one more, after the "..."
    payload, size = ctypes.c_char_p, ctypes.c_int32
    found.opus_encode.argtypes = [state, ctypes.c_char_p, number, ctypes.c_void_p, size]
    found.opus_decode.argtypes = [state, payload, size, samples, number, number]
    return found


def _bundled() -> str:
    spec = importlib.util.find_spec("opuslib_next")
    if spec is None or spec.origin is None:
        return ""
    path = Path(spec.origin).parent / "_native" / "libopus.so"
    return str(path) if path.exists() else ""


class Encoder:
    """Of one row."""

    def __init__(self, parameters: str = "") -> None:
        opus = library()
        self.coded = opus.opus_encode
        self.state = ctypes.create_string_buffer(opus.opus_encoder_get_size(CHANNELS))
        self.payload = ctypes.create_string_buffer(LARGEST)
        _check(opus.opus_encoder_init(self.state, RATE, CHANNELS, VOIP))
        wanted = controls(parameters)
        self.pauses, self.repeats = bool(wanted[Control.DTX]), bool(wanted[Control.INBAND_FEC])
        for control, value in wanted.items():
            self.set(control, value)

    def set(self, control: Control, value: int) -> None:
        """Change how it codes."""
        _check(library().opus_encoder_ctl(self.state, control, ctypes.c_int(value)))

    def expect_loss(self, percent: int) -> None:
        """Prepare for so many packets to be lost, if the peer can make use of that."""
        if self.repeats:
            self.set(Control.PACKET_LOSS_PERCENT, min(max(percent, EXPECTED_LOSS), 100))

    def encode(self, frame: Column[np.int16]) -> bytes:
        """Return the payload; empty if there is nothing to be said (DTX, if the peer asked)."""
        size = self.coded(self.state, frame.tobytes(), len(frame), self.payload, LARGEST)
        _check(size)
        return self.payload.raw[:size] if size > QUIET else b""


class Decoder:
    """Of one row."""

    def __init__(self) -> None:
        opus = library()
        self.decoded = opus.opus_decode
        self.state = ctypes.create_string_buffer(opus.opus_decoder_get_size(CHANNELS))
        self.samples = np.zeros(LONGEST, np.int16)
        self.address = self.samples.ctypes.data
        _check(opus.opus_decoder_init(self.state, RATE, CHANNELS))

    def decode(self, payload: bytes) -> Column[np.int16]:
        """Return the samples of a payload, none if it is malformed."""
        return self._decode(payload, LONGEST, 0) if payload else self.samples[:0]

    def conceal(self, samples: int) -> Column[np.int16]:
        """Return what may have been said next."""
        return self._decode(None, samples, 0)

    def recover(self, payload: bytes, samples: int) -> Column[np.int16]:
        """Return what was lost from what a payload repeats of it, if it does."""
        return self._decode(payload, samples, 1)

    def _decode(self, payload: bytes | None, most: int, fec: int) -> Column[np.int16]:
        size = len(payload) if payload else 0
        count = self.decoded(self.state, payload, size, self.address, min(most, LONGEST), fec)
        return self.samples[: max(count, 0)].copy()


class Opus:
    """The codec."""

    def encoder(self, parameters: str) -> Encoder:
        """Make one that does what the peer's ``a=fmtp`` asks for (RFC 7587 section 6.1)."""
        return Encoder(parameters)

    def decoder(self) -> Decoder:
        """Make one."""
        return Decoder()

    def samples(self, payload: bytes) -> int:
        """Return how many samples a payload makes (RFC 6716 section 3.1)."""
        if not payload:
            return 0
        kind, code = payload[0] >> 3, payload[0] & 3
        if code == 3 and len(payload) < 2:
            return 0
        frames = payload[1] & 63 if code == 3 else min(code, 1) + 1
        total = frames * TABLE_2[kind] * FRAMES
        return total if total <= LONGEST else 0

    def missing(self) -> str:
        """Return what is not installed, if anything."""
        try:
            library()
        except OSError:
            return "the package opuslib-next-bundled, or libopus"
        return ""


def controls(parameters: str) -> dict[Control, int]:
    """Return what an encoder is told so that the peer gets what it asked for."""
    asked = parse_parameters(parameters)
    lowest, highest = BITRATES
    bitrate = min(whole(asked, "maxaveragebitrate", BITRATE), BITRATE)
    repeats = asked.get("useinbandfec") == "1"
    return {
        Control.COMPLEXITY: COMPLEXITY,
        Control.MAX_BANDWIDTH: _bandwidth(whole(asked, "maxplaybackrate", RATE)),
        Control.BITRATE: min(max(bitrate, lowest), highest),
        Control.VBR: asked.get("cbr") != "1",
        Control.INBAND_FEC: repeats,
        Control.PACKET_LOSS_PERCENT: EXPECTED_LOSS if repeats else 0,
        Control.DTX: asked.get("usedtx") == "1",
    }


def _bandwidth(playback_rate: int) -> Bandwidth:
    """Return the widest that a peer can make heard (RFC 7587 section 3.1.1)."""
    if playback_rate < 12000:
        return Bandwidth.NARROW
    return Bandwidth.MEDIUM if playback_rate < RATE else Bandwidth.WIDE


def _check(result: int) -> None:
    if result < 0:
        raise OpusError(f"libopus: error {result}")
