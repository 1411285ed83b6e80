"""A peer from which no RTP comes: its owner is told, and in the end we hang up.

The worker says when a stream falls silent, and that it is heard again; it spares what is held, and
begins anew whenever the stream is aimed.  The times of the settings count from the answer at the
earliest.
"""

from typing import Final

from bus.quality import MediaResumed, MediaTimeout
from signaling.calls.call import Call, PeerSilence
from signaling.calls.states import State
from signaling.core import Core

TELL: Final = "silence"
END: Final = "silence end"


def fall_silent(core: Core, call: Call, seconds: float, *, goodbye: bool) -> None:
    """Note that nothing came for so long."""
    call.silence = PeerSilence(since=core.now - seconds, goodbye=goodbye)
    wait(core, call)


def wait(core: Core, call: Call) -> None:
    """Set the timers of a silent peer, once the call is up."""
    if call.silence is None or call.state is not State.UP:
        return
    call.silence.since = max(call.silence.since, call.answered_at)
    settings = core.state.settings.media
    for name, seconds in ((TELL, settings.rtp_timeout), (END, settings.rtp_timeout_hangup)):
        if seconds:
            core.set_timer(call, name, max(0.0, call.silence.since + seconds - core.now))


def be_heard(core: Core, call: Call) -> None:
    """Note that RTP comes again."""
    silence = call.silence
    if silence is not None and silence.told:
        core.tell(call, MediaResumed(call=call.id, seconds=core.now - silence.since))
    begin_anew(call)


def begin_anew(call: Call) -> None:
    """Forget the silence: the stream was aimed, so the worker begins anew."""
    call.silence = None
    for name in (TELL, END):
        call.timers.pop(name, None)


def tell(core: Core, call: Call) -> None:
    """Tell the owner."""
    silence = call.silence
    if silence is not None and call.state is State.UP:
        silence.told = True
        seconds = core.now - silence.since
        core.tell(call, MediaTimeout(call=call.id, seconds=seconds, goodbye=silence.goodbye))
