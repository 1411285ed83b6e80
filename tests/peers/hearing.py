"""What a foreign telephone heard: is a song in it, though its jitter buffer cut here and there?"""

from pathlib import Path
from typing import Final

from tools.sound import RATE, Heard, Samples, listen, read_wav

SKIPPED: Final = 0.4
"""Seconds at the start of a song that may be lost while streams start."""


def hears(song: Samples, wav: Path, seconds: float = 1.0) -> Heard:
    """Look in a recording for ``seconds`` of a song, from a little behind its start on."""
    first = int(SKIPPED * RATE)
    return listen(song[first : first + int(seconds * RATE)], read_wav(wav)[0][:, 0])


def check_hears(song: Samples, wav: Path, seconds: float = 1.0) -> None:
    """Assert that the song is there: one piece in ten may be cut by a jitter buffer's slip."""
    heard = hears(song, wav, seconds)
    assert heard.correlation > 0.97, f"{wav} has {heard}"
    assert heard.whole >= 0.8, f"{wav} has {heard}"
    assert abs(heard.gain) < 1.5, f"{wav} has {heard}"


def check_hears_not(song: Samples, wav: Path, seconds: float = 1.0) -> None:
    """Assert that nothing of the song is there."""
    heard = hears(song, wav, seconds)
    assert heard.whole < 0.2, f"{wav} has {heard}"
