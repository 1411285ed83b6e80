"""Signaling <-> media worker: what can be asked of a stream, and what is told of it.

The worker says ``WorkerHello`` (a request) on its DEALER socket; from then on signaling sends the
requests in ``StreamCommand`` and the worker sends the events in ``StreamEvent``.
"""

import msgspec

from bus.body import Body
from bus.calls import Ok, Quality
from bus.ids import StreamId, WorkerId
from bus.quality import Grade
from bus.sources import AnySource, Silence
from bus.srtp import Crypto

# -------------------------------------------------------------------- worker's first request


class WorkerHello(Body, tag="worker_hello", frozen=True):
    """A worker is there and empty.  Reply: ``WorkerWelcome``.

    Said again whenever the answer to anything is ``stale_session``: signaling was restarted, and
    the streams it had opened are closed first.
    """

    worker: WorkerId
    incarnation: str
    pid: int
    capacity: int
    """Streams it can carry."""
    table: str
    """Path of its public table."""
    codecs: tuple[str, ...]
    backend: str
    """``portable`` (epoll)."""
    scheduling: str
    """``rr:10``, ``nice:-11`` or ``normal``; ``locked`` (its memory); ``core:1``: what it got."""
    version: int = 1
    audio: str = ""
    """Path of its audio rings (``bus.audio_rings``)."""


class WorkerWelcome(Body, tag="worker_welcome", frozen=True):
    """The session of this worker."""

    session: str


class WorkerBeat(Body, tag="worker_beat", frozen=True):
    """Request, several times a second.  Reply: ``Ok``.  ``load`` decides placement."""

    load: float
    streams: int
    draining: bool = False


FromWorker = WorkerHello | WorkerBeat

# ------------------------------------------------------------------- signaling's requests


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stream sends and in which form (what offer and answer settled)."""

    address: str
    """IPv4 or IPv6 literal."""
    port: int
    """RTP; RTCP is ``rtcp_port``."""
    rtcp_port: int
    codec: str
    """Encoding name as in ``a=rtpmap`` (RFC 3551); case does not matter."""
    clock: int = 8000
    """Hz, of its RTP timestamps."""
    payload_type: int
    """That the peer wants to receive."""
    receive_payload_type: int
    """That we offered or answered, so the peer sends it."""
    events_payload_type: int = -1
    """telephone-event that the peer wants to receive (RFC 4733), -1 if it takes none."""
    receive_events_payload_type: int = -1
    events_clock: int = 8000
    """Hz, 1000 to 192000, of both telephone-event payload types."""
    ptime_ms: int = 20
    send: bool = True
    receive: bool = True
    parameters: str = ""
    """``a=fmtp`` of the codec, as the peer said it."""
    also: dict[int, str] = {}
    """Payload types of other codecs that the peer may send at any moment, each ``NAME/CLOCK``."""
    rtcp_mux: bool = False
    """RTCP goes with RTP (RFC 5761), and ``rtcp_port`` does not count."""
    crypto: Crypto | None = None
    """SRTP; the indexes and windows of a key that stays the same go on."""
    noise_payload_type: int = -1
    """Comfort noise (RFC 3389) that the peer takes: silence is not sent then; -1: send it."""
    receive_noise_payload_type: int = -1
    """That we offered or answered."""


class OpenStream(Body, tag="open_stream", frozen=True):
    """Take a row and a port pair.  Reply: ``StreamOpened``.  Refused: no_capacity, bad_source."""

    stream: StreamId
    address: str
    """Local address to bind."""
    caller_is_remote: bool
    """True for an incoming call: its peer is the left channel of a recording."""
    play: AnySource = Silence()
    record: str = ""
    remote: Remote | None = None
    """If known already (an incoming offer), media starts at once."""


class StreamOpened(Body, tag="stream_opened", frozen=True):
    """The RTP port; RTCP is one above."""

    stream: StreamId
    port: int


class Aim(Body, tag="aim", frozen=True):
    """Set or change the far end; media starts.  SSRC, sequence and port stay.  Reply: ``Ok``."""

    stream: StreamId
    remote: Remote


class PlayStream(Body, tag="play_stream", frozen=True):
    """Change the source.  Reply: ``Ok``.  Refused: bad_source."""

    stream: StreamId
    source: AnySource


class HoldStream(Body, tag="hold_stream", frozen=True):
    """Play this over the source, which waits where it is (again: change it).  Reply: ``Ok``.

    ``PlayStream`` meanwhile changes the source that waits.  Refused: bad_source.
    """

    stream: StreamId
    source: AnySource


class ResumeStream(Body, tag="resume_stream", frozen=True):
    """Let the source that waits go on.  Reply: ``Ok``, also if none waits."""

    stream: StreamId


class QueueStream(Body, tag="queue_stream", frozen=True):
    """Play this after what plays and what waits already.  Reply: ``Ok``.  Refused: bad_source.

    ``PlayStream`` clears the queue.
    """

    stream: StreamId
    source: AnySource


class GetStreamPosition(Body, tag="get_stream_position", frozen=True):
    """Reply: ``StreamPosition``."""

    stream: StreamId


class StreamPosition(Body, tag="stream_position", frozen=True):
    """How far a sound is."""

    seconds: float
    """Of what plays; 0 if that has no length."""
    waiting: int
    """How many sources wait in the queue."""


class RecordStream(Body, tag="record_stream", frozen=True):
    """Start recording, or stop with an empty path.  Reply: ``Ok``.  Refused: bad_source."""

    stream: StreamId
    path: str
    layout: str = "stereo"
    """or ``mixed``: both sides in one channel."""


class PauseStreamRecording(Body, tag="pause_stream_recording", frozen=True):
    """Leave out what is said from now on, or no more.  Reply: ``Ok``.

    Refused: wrong_state (nothing is being recorded).
    """

    stream: StreamId
    paused: bool = True


class OpenRoom(Body, tag="open_room", frozen=True):
    """Take a row for a mix.  Reply: ``Ok``.  Refused: no_capacity.

    It is a stream without a peer: what is played to it is heard in the room, what is recorded of
    it is all that is said there.  Closing it parts its members.
    """

    stream: StreamId


class ConnectStream(Body, tag="connect_stream", frozen=True):
    """Let a stream and another one hear each other, or let it hear the mix of a room, or nobody.

    It hears that unless something else is played to it, and again when that has come to its end.
    Reply: ``Ok``.  Refused: not_found (the other, the room: not of this worker).
    """

    stream: StreamId
    other: StreamId = StreamId(0)
    room: StreamId = StreamId(0)
    gain: float = 1.0
    """By which it is multiplied in the room; 0: it is not heard there."""
    whispers_to: StreamId = StreamId(0)
    """The only member that hears it."""


class TurnStream(Body, tag="turn_stream", frozen=True):
    """Multiply what the peer says and what it hears; 0 is mute.  Reply: ``Ok``."""

    stream: StreamId
    received: float = 1.0
    sent: float = 1.0


class SendStreamDigits(Body, tag="send_stream_digits", frozen=True):
    """Queue digits.  Reply: ``Ok``; then ``StreamDigitsSent``.

    Refused: bad_request (the queue is full; not such a digit, time or method; the peer was aimed at
    and takes no telephone-events).
    """

    stream: StreamId
    digits: str
    duration_ms: int = 100
    gap_ms: int = 60
    method: str = "rfc4733"
    """or ``inband``: as tones (ITU-T Q.23) in the audio, as are those that wait when the peer is
    found to take no telephone-events."""


class WatchStream(Body, tag="watch_stream", frozen=True):
    """Tell ``StreamSpeech`` from now on, or no more.  Reply: ``Ok``."""

    stream: StreamId
    watch: bool = True


class OpenStreamAudio(Body, tag="open_stream_audio", frozen=True):
    """Lend rings to an application, see ``bus.audio``.  Reply: ``Ok``.

    Refused: wrong_state (it has some), bad_request (rate), no_capacity.
    """

    stream: StreamId
    rate: int = 8000


class CloseStreamAudio(Body, tag="close_stream_audio", frozen=True):
    """Take them back.  Reply: ``Ok``, also if there are none."""

    stream: StreamId


class CloseStream(Body, tag="close_stream", frozen=True):
    """Stop and release.  Reply: ``StreamClosed`` (its recording is complete by then)."""

    stream: StreamId


class StreamClosed(Body, tag="stream_closed", frozen=True):
    """What it was like."""

    stream: StreamId
    quality: Quality


class DrainWorker(Body, tag="drain_worker", frozen=True):
    """Take no more streams.  Reply: ``Ok``."""


StreamCommand = (
    OpenStream
    | Aim
    | PlayStream
    | HoldStream
    | ResumeStream
    | QueueStream
    | GetStreamPosition
    | RecordStream
    | PauseStreamRecording
    | OpenRoom
    | ConnectStream
    | TurnStream
    | SendStreamDigits
    | WatchStream
    | OpenStreamAudio
    | CloseStreamAudio
    | CloseStream
    | DrainWorker
)
StreamReply = Ok | StreamOpened | StreamClosed | StreamPosition | WorkerWelcome

# ----------------------------------------------------------------------- worker's events


class StreamDigit(Body, tag="stream_digit", frozen=True):
    """One digit, complete (RFC 4733)."""

    stream: StreamId
    digit: str
    duration_ms: int
    method: str = "rfc4733"


class StreamDigitsSent(Body, tag="stream_digits_sent", frozen=True):
    """The digit queue of a stream ran empty."""

    stream: StreamId


class StreamSpeech(Body, tag="stream_speech", frozen=True):
    """The peer began to speak or ceased to; see ``bus.speaking.SpeechChanged``."""

    stream: StreamId
    speaks: bool
    level: float
    lasted_ms: int


class StreamSilent(Body, tag="stream_silent", frozen=True):
    """Nothing came for the least of the settings ``media.rtp_timeout*``, though it should.

    Told once, until something comes again.  Held streams and pauses are spared.
    """

    stream: StreamId
    seconds: float
    goodbye: bool = False
    """The peer said BYE by RTCP."""


class StreamHeard(Body, tag="stream_heard", frozen=True):
    """A stream of which it was told that it was silent is heard again."""

    stream: StreamId
    seconds: float
    """It was silent."""


class StreamQuality(Body, tag="stream_quality", frozen=True):
    """The conversation is of another grade (see ``bus.quality``)."""

    stream: StreamId
    grade: Grade
    mos: float
    mos_conversational: float
    loss_percent: float
    jitter_ms: float
    round_trip_ms: float


class StreamPlayFinished(Body, tag="stream_play_finished", frozen=True):
    """The source came to its end."""

    stream: StreamId
    waiting: int = 0
    """Sources that were behind it in the queue; the first begins now."""


StreamEvent = (
    StreamDigit
    | StreamDigitsSent
    | StreamSpeech
    | StreamPlayFinished
    | StreamSilent
    | StreamHeard
    | StreamQuality
)
