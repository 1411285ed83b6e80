"""Rings that are lent to applications: which stream has which, from opening to closing."""

from typing import Final

from bus.audio_rings import RATES, AudioRings
from bus.columns import NoRoomError
from bus.errors import BadRequestError, BadSourceError, NoCapacityError, WrongStateError
from mediaworker import sounding
from mediaworker.media import Media
from mediaworker.sources.resample import RATE

BEGUN: Final = ("heard_written", "said_written", "said_read", "said_missing")
OWN: Final = frozenset({"audio", "audio_scale", "audio.stream", "audio.rate"})
"""Columns that opening and closing write; ``open_audio`` also begins those of the stage."""


def open_audio(media: Media, row: int, rate: int) -> None:
    """Lend rings to the application of a row.

    Raises BadRequestError, WrongStateError if it has some, NoCapacityError.
    """
    streams, rings = media.streams, media.audio
    if rate not in RATES:
        raise BadRequestError(f"rate: {rate} Hz is not one of {', '.join(map(str, RATES))}")
    if streams.audio[row]:
        raise WrongStateError("the audio of this stream is open already")
    ring = _take(rings)
    for name in BEGUN:
        getattr(rings, name)[ring] = 0
    for name in ("audio_heard", "audio_said", "audio_missing", "heard_past", "said_past"):
        getattr(streams, name)[row] = 0
    rings.rate[ring] = rate
    streams.audio[row], streams.audio_scale[row] = ring + 1, rate // RATE
    media.lent.add(row)
    rings.stream[ring] = media.public.stream[row]


def close_audio(media: Media, row: int) -> None:
    """Take the rings back, if there are some; what came from them is silence."""
    streams = media.streams
    if streams.audio[row]:
        media.audio.stream[int(streams.audio[row]) - 1] = 0
        streams.audio[row] = 0
        media.lent.discard(row)
        sounding.forget_application(media, row)


def check_audio(media: Media, row: int) -> None:
    """Raise BadSourceError unless the row has rings to play from."""
    if not media.streams.audio[row]:
        raise BadSourceError("no audio of this stream is open")


def _take(rings: AudioRings) -> int:
    free = (rings.stream == 0).nonzero()[0]
    if not len(free):
        raise NoCapacityError(f"a worker lends audio of at most {rings.rows} streams")
    ring = int(free[0])
    try:
        rings.reserve(ring, 1)
    except NoRoomError as error:
        raise NoCapacityError(f"no memory for audio: {error}") from None
    return ring
