"""From codes to samples: one look-up for all rows and both laws."""

from typing import Final

from mediaworker.codecs.g711 import EXPAND
from mediaworker.media import Batch, Media

WRITES: Final = frozenset({"pcm"})


def decode(media: Media, batch: Batch) -> None:
    """Expand the frames taken from the jitter rings; missing samples become silence."""
    rows, samples = batch
    media.streams.pcm[rows, :samples] = EXPAND.take(media.streams.coded[rows, :samples])
