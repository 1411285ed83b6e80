"""When a peer speaks and when it is silent, on the wire of the bus."""

from bus.body import Body
from bus.ids import CallId


class WatchSpeech(Body, tag="watch_speech", frozen=True):
    """Tell from now on (or no more) when the peer begins to speak and ceases to.  Reply: ``Ok``.

    Refused: ``wrong_state`` (not up).
    """

    call: CallId
    watch: bool = True


class SpeechChanged(Body, tag="speech_changed", frozen=True):
    """The peer began to speak, 50 ms ago, or has been silent for 400 ms.  Tones are no speech."""

    call: CallId
    speaks: bool
    level: float
    """dBov, as it was measured last."""
    lasted_ms: int
    """What it did before this, ms: speech or silence."""


SpeechCommand = WatchSpeech
SpeechEvent = SpeechChanged
