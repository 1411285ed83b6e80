"""The audio of a call in the hands of an application, on the wire of the bus.

The samples themselves go through shared memory, see ``bus.audio_rings``.
"""

from bus.body import Body
from bus.ids import CallId


class OpenAudio(Body, tag="open_audio", frozen=True):
    """Have rings for a call: what its peer says goes into one from now on.

    What is written into the other is heard once the source of the call is ``application``.
    Reply: ``Ok``; the rings are where ``WorkerInfo.audio`` says, in the row of the stream.
    Refused: ``wrong_state`` (not up, or open already), ``bad_request`` (rate), ``no_capacity``.
    """

    call: CallId
    rate: int = 8000
    """Hz: 8000 or 16000, whatever the codec."""


class CloseAudio(Body, tag="close_audio", frozen=True):
    """Give the rings back; a source that came from them is silence.  Reply: ``Ok``."""

    call: CallId


AudioCommand = OpenAudio | CloseAudio
