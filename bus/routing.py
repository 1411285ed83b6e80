"""Who hears whom: bridges, conferences, gain, queues; on the wire of the bus.

A call is placed beside another one, or beside a conference, by ``near`` of ``Dial`` and ``Answer``:
one media worker carries both.  If two do, a link of two streams leads from one to the other, which
takes a packet's time and a jitter buffer more each way.
"""

import msgspec

from bus.body import Body
from bus.ids import CallId, PeerId, WorkerId
from bus.sources import AnySource

# ----------------------------------------------------------------------------------- bridges


class Bridge(Body, tag="bridge", frozen=True):
    """Let the peers of two calls hear each other; either is parted from others.  Reply: ``Ok``.

    What is played to one is heard in place of the other, until it ends.  A held peer hears its
    music, the other one silence.  It ends with either call; a call that takes the place of one of
    them (RFC 3891) takes its place here too.
    Refused: ``not_found``, ``wrong_state`` (not up), ``no_capacity`` (for a link).
    """

    call: CallId
    other: CallId


class Unbridge(Body, tag="unbridge", frozen=True):
    """Part a call from the one it is bridged with.  Reply: ``Ok``.  Refused: ``wrong_state``."""

    call: CallId


class Bridged(Body, tag="bridged", frozen=True):
    """Two calls hear each other: told of each."""

    call: CallId
    other: CallId


class Unbridged(Body, tag="unbridged", frozen=True):
    """They do not any more."""

    call: CallId
    other: CallId
    reason: str
    """``asked``, ``ended`` (the other call did), ``elsewhere`` (one is connected otherwise)."""


# ------------------------------------------------------------------------------- conferences


class OpenConference(Body, tag="open_conference", frozen=True):
    """Make a conference.  Reply: ``Opened``.

    It is carried by the worker of its first member, or of the call ``near``.
    """

    near: CallId = CallId("")
    until_empty: bool = True
    """It ends when the last member has left."""


class Opened(Body, tag="opened", frozen=True):
    """Its name."""

    conference: str


class Join(Body, tag="join", frozen=True):
    """Let a call into a conference, or change what it is there.  Reply: ``Ok``.

    Refused: ``not_found``, ``wrong_state`` (not up), ``no_capacity`` (for a link), ``bad_request``.
    """

    conference: str
    call: CallId
    role: str = "speak"
    """``listen``: is not heard.  ``whisper``: is heard by the member ``to`` alone."""
    to: CallId = CallId("")
    gain: float = 0.0
    """dB."""
    muted: bool = False


class Leave(Body, tag="leave", frozen=True):
    """Let a call out of its conference.  Reply: ``Ok``.  Refused: ``wrong_state``."""

    call: CallId


class EndConference(Body, tag="end_conference", frozen=True):
    """Let all out; their calls go on.  Reply: ``Ok``."""

    conference: str


class PlayConference(Body, tag="play_conference", frozen=True):
    """Let all members hear a source, while they hear each other.  Reply: ``Ok``."""

    conference: str
    source: AnySource


class RecordConference(Body, tag="record_conference", frozen=True):
    """Record all that is said and played into a WAV file, or stop (no path).  Reply: ``Ok``."""

    conference: str
    path: str


class ListConferences(Body, tag="list_conferences", frozen=True):
    """Reply: ``Conferences``."""


class MemberInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A member as it stands."""

    call: CallId
    role: str
    to: CallId = CallId("")
    gain: float = 0.0
    muted: bool = False


class ConferenceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A conference as it stands."""

    conference: str
    owner: PeerId
    worker: WorkerId
    members: tuple[MemberInfo, ...]
    record: str = ""


class Conferences(Body, tag="conferences", frozen=True):
    """All conferences."""

    conferences: tuple[ConferenceInfo, ...]


class MemberChanged(Body, tag="member_changed", frozen=True):
    """A call joined a conference, is something else there, or left it (``role`` is empty)."""

    call: CallId
    conference: str
    role: str
    to: CallId = CallId("")
    gain: float = 0.0
    muted: bool = False
    reason: str = ""
    """Why it left: ``asked``, ``ended`` (the call or the conference), ``elsewhere``."""


class ConferenceEnded(Body, tag="conference_ended", frozen=True):
    """Told to its owner."""

    conference: str
    reason: str


# -------------------------------------------------------------------------- of a single call


class Turn(Body, tag="turn", frozen=True):
    """Set gain and mute of both directions; None: as it is.  Refused: ``bad_request``."""

    call: CallId
    received: float | None = None
    """dB, of what the peer says."""
    sent: float | None = None
    """Of what it hears."""
    mute_received: bool | None = None
    mute_sent: bool | None = None


class Queue(Body, tag="queue", frozen=True):
    """Play a source when all before it have come to their ends.  Reply: ``Ok``.

    What has no end (silence, music, another call) gives way at once.  Each that ends is
    ``PlayFinished``; ``Play`` clears the queue.  Refused: ``bad_source``.
    """

    call: CallId
    source: AnySource


class GetPosition(Body, tag="get_position", frozen=True):
    """Reply: ``Position``."""

    call: CallId


class Position(Body, tag="position", frozen=True):
    """How far the source is that a call hears."""

    seconds: float
    waiting: int
    """Sources in the queue behind it."""


class PauseRecording(Body, tag="pause_recording", frozen=True):
    """Leave out what is said from now on, or no more.  Reply: ``Ok``.  Refused: ``wrong_state``."""

    call: CallId
    paused: bool = True


RoutingCommand = (
    Bridge
    | Unbridge
    | OpenConference
    | Join
    | Leave
    | EndConference
    | PlayConference
    | RecordConference
    | ListConferences
    | Turn
    | Queue
    | GetPosition
    | PauseRecording
)
RoutingReply = Opened | Conferences | Position
RoutingEvent = Bridged | Unbridged | MemberChanged
