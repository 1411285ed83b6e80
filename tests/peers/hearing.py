"""What somebody heard: is a song in it, though a jitter buffer may have cut here and there?"""

from pathlib import Path
from typing import Final

import numpy as np

from tests.peers.capture import RtpSeen
from tools.sound import RATE, Heard, Samples, listen, read_wav

SKIPPED: Final = 0.4
"""Seconds at the start of a song that may be lost while streams start."""

Ear = Path | Samples
"""A mono WAV file, or samples."""


def decoded(packets: list[RtpSeen]) -> Samples:
    """Return what PCMU packets say (G.711, the formula), one behind the other."""
    payload = b"".join(packet.payload for packet in packets if packet.payload_type == 0)
    bits = ~np.frombuffer(payload, np.uint8)
    size = (((bits & 15).astype(np.int32) << 3) + 132 << ((bits >> 4) & 7)) - 132
    return np.where(bits & 128, -size, size).astype(np.int16)


def hears(song: Samples, ear: Ear, seconds: float = 1.0) -> Heard:
    """Look for ``seconds`` of a song, from a little behind its start on."""
    first = int(SKIPPED * RATE)
    return listen(song[first : first + int(seconds * RATE)], _samples(ear))


def _samples(ear: Ear) -> Samples:
    """Return what it has, at 8 kHz: a song has nothing above 4 kHz."""
    if not isinstance(ear, Path):
        return ear
    samples, rate = read_wav(ear)
    return samples[:: rate // RATE, 0]


def check_hears(song: Samples, ear: Ear, seconds: float = 1.0) -> None:
    """Assert that the song is there: one piece in ten may be cut by a jitter buffer's slip."""
    heard = hears(song, ear, seconds)
    assert heard.correlation > 0.97, f"{ear} has {heard}"
    assert heard.whole >= 0.8, f"{ear} has {heard}"
    assert abs(heard.gain) < 1.5, f"{ear} has {heard}"


def check_hears_not(song: Samples, ear: Ear, seconds: float = 1.0) -> None:
    """Assert that nothing of the song is there."""
    heard = hears(song, ear, seconds)
    assert heard.whole < 0.2, f"{ear} has {heard}"
