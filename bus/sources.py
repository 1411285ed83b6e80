"""What a leg can be made to hear: the sources that ``play`` takes, here and on the wire."""

import msgspec

from bus.ids import StreamId


class Source(msgspec.Struct, tag_field="source", frozen=True):
    """Base of all sources; the tag field is ``source``."""


class Silence(Source, tag="silence", frozen=True):
    """Packets of silence."""


class Tone(Source, tag="tone", frozen=True):
    """A sine.  Frequency in Hz, level in dBm0 (full scale is +3.14 dBm0), G.711."""

    frequency: float = 440.0
    level: float = -10.0


class Wave(Source, tag="wave", frozen=True):
    """A WAV file: any rate and sample width, mono or stereo (mixed down), converted once."""

    path: str
    loop: bool = False


class Echo(Source, tag="echo", frozen=True):
    """What this leg itself says."""


class Leg(Source, tag="leg", frozen=True):
    """What another stream of the same worker hears from its peer."""

    stream: StreamId


class Music(Source, tag="music", frozen=True):
    """The built-in tune, looped: what a held peer hears if nobody chose."""


class Application(Source, tag="application", frozen=True):
    """What an application writes into the ring it was lent, see ``bus.audio``."""


class Device(Source, tag="device", frozen=True):
    """A sound card of this machine: a microphone to play, a speaker to listen.

    ``name``: its name, a part of it, or its index; empty is the default.  ``voice``: of a
    microphone, without echo and noise and at an even loudness (the extra ``offhook[voice]``).
    Served by the library of the application, so it does not go over the bus.
    """

    name: str = ""
    voice: bool = False


AnySource = Silence | Tone | Wave | Echo | Leg | Music | Application
