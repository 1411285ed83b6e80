"""All codecs that a worker has, by their ``Codec``."""

from typing import Final

from mediaworker.codecs.codec import Codec, Format
from mediaworker.codecs.g711 import ALAW, ULAW

FORMATS: Final = {
    Codec.PCMU: Format("PCMU", 8000, 1, ULAW),
    Codec.PCMA: Format("PCMA", 8000, 1, ALAW),
}


def find(name: str, clock: int) -> Codec | None:
    """Return the codec of an encoding name (case does not matter) and a clock rate in Hz."""
    wanted = name.upper(), clock
    return next(
        (codec for codec, each in FORMATS.items() if (each.name.upper(), each.clock) == wanted),
        None,
    )
