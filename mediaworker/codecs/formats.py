"""All codecs, by their ``Codec``, and which of them this machine has the libraries for."""

from functools import cache
from typing import Final

from mediaworker.codecs.codec import Codec, Format
from mediaworker.codecs.g711 import ALAW, ULAW
from mediaworker.codecs.g722 import G722
from mediaworker.codecs.g729 import G729
from mediaworker.codecs.l16 import LINEAR
from mediaworker.codecs.opus import Opus

FORMATS: Final = {
    Codec.PCMU: Format("PCMU", 8000, 1, ULAW),
    Codec.PCMA: Format("PCMA", 8000, 1, ALAW),
    Codec.L16: Format("L16", 8000, 1, LINEAR, sample_bytes=2),
    Codec.L16_WIDE: Format("L16", 16000, 2, LINEAR, sample_bytes=2, packet_times=(10, 20, 30, 40)),
    Codec.G722: Format("G722", 8000, 2, coders=G722()),
    Codec.OPUS: Format("opus", 48000, 2, coders=Opus(), packet_times=(10, 20, 40, 60)),
    Codec.G729: Format("G729", 8000, 1, coders=G729()),
}


@cache
def available() -> tuple[Codec, ...]:
    """Return those whose library is installed; the libraries are loaded for it."""
    return tuple(
        codec for codec, each in FORMATS.items() if each.coders is None or not each.coders.missing()
    )


def spelt(codec: Codec) -> str:
    """Return ``NAME/CLOCK``, which is how signaling knows a codec."""
    return f"{FORMATS[codec].name}/{FORMATS[codec].clock}"


def find(name: str, clock: int) -> Codec | None:
    """Return the codec of an encoding name (case does not matter) and a clock rate in Hz."""
    wanted = name.upper(), clock
    return next(
        (c for c in available() if (FORMATS[c].name.upper(), FORMATS[c].clock) == wanted),
        None,
    )
