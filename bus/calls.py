"""Application <-> signaling: what can be asked of a call, and what is told of it.

Requests: ``Command`` (sent to signaling).  Replies: named behind each verb.  Events: ``CallEvent``,
to the owner of the call and on the public feed under the topic ``call``.
"""

from enum import StrEnum

import msgspec

from bus.body import Body
from bus.ids import CallId, PeerId, WorkerId
from bus.sources import AnySource, Silence


class OnOwnerLost(StrEnum):
    """What becomes of a call whose application went away."""

    HANG_UP = "hang_up"
    KEEP = "keep"


class Outcome(StrEnum):
    """How a call ended."""

    COMPLETED = "completed"
    """Answered, then hung up by either side."""
    BUSY = "busy"
    """486 or 600."""
    REJECTED = "rejected"
    """Any other final refusal, by either side; see ``status``."""
    NO_ANSWER = "no_answer"
    """The ring time-out passed, or 408, 480 by the peer."""
    CANCELLED = "cancelled"
    """Ended by its caller before it was answered."""
    REDIRECTED = "redirected"
    """We answered it with 3xx."""
    UNREACHABLE = "unreachable"
    """Nobody answered, the name did not resolve, or the transport failed."""
    MEDIA_NOT_ACCEPTABLE = "media_not_acceptable"
    """No common codec, or a description nobody could use (488, 606)."""
    FAILED = "failed"
    """Lost in mid-call: the worker died, or the peer broke the protocol."""


# ---------------------------------------------------------------------------------- requests


class Hello(Body, tag="hello", frozen=True):
    """First message of every client.  Reply: ``Welcome``."""

    peer: PeerId
    """Stable over restarts of the program; calls are owned by it."""
    incarnation: str
    """New with every start of the program."""
    version: int = 1


class Ping(Body, tag="ping", frozen=True):
    """Keeps the session; an owner silent for ``bus.client_timeout`` is lost.  Reply: ``Ok``."""


class Subscribe(Body, tag="subscribe", frozen=True):
    """Own incoming calls whose Request-URI user matches ``user`` (``*`` is any).  Reply: ``Ok``.

    The first matching subscriber owns the call; with none the caller hears 480.
    """

    user: str = "*"
    on_owner_lost: OnOwnerLost = OnOwnerLost.HANG_UP


class Unsubscribe(Body, tag="unsubscribe", frozen=True):
    """No more incoming calls for us.  Reply: ``Ok``."""


class Dial(Body, tag="dial", frozen=True):
    """Place a call.  Reply: ``Dialled``, at once; what becomes of it comes as events."""

    uri: str
    from_uri: str = ""
    """Default: ``sip:offhook@`` the listener's address."""
    from_display: str = ""
    play: AnySource = Silence()
    record: str = ""
    """Path of a WAV file: left what the caller says, right what the callee says."""
    headers: tuple[tuple[str, str], ...] = ()
    codecs: tuple[str, ...] = ()
    """Best first, each ``NAME`` or ``NAME/CLOCK``; empty: as the setting ``media.codecs`` says."""
    ring_timeout: float = 60.0
    """Seconds from the INVITE to CANCEL if nobody answers."""
    max_redirects: int = 5
    """How many 3xx are followed; 0 follows none."""
    redirect_any_domain: bool = False
    """Follow a 3xx also to another domain than the one dialled (toll fraud)."""
    user: str = ""
    password: str = ""
    on_owner_lost: OnOwnerLost = OnOwnerLost.HANG_UP
    proxy: str = ""
    """URI of an outbound proxy for this call; default: the setting ``sip.proxy``."""
    reliable: str = "supported"
    """Reliable provisionals (RFC 3262): ``off supported required``."""
    srtp: str = ""
    """``off offer require``; empty: as the setting ``media.srtp`` says."""
    near: str = ""
    """A call or a conference: the same media worker is to carry this one."""


class Ring(Body, tag="ring", frozen=True):
    """Send 180 (or another 101-199) to the caller.  Reply: ``Ok``."""

    call: CallId
    status: int = 180
    reason: str = ""
    play: AnySource | None = None
    """Early media: the response carries our answer (say 183) and the caller hears this.

    Refused: no_capacity, wrong_state (an INVITE without an offer, of a caller without 100rel).
    """
    headers: tuple[tuple[str, str], ...] = ()


class Answer(Body, tag="answer", frozen=True):
    """Answer an incoming call.  Reply: ``Ok`` when 200 was sent; ``Answered`` follows the ACK."""

    call: CallId
    play: AnySource = Silence()
    record: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    srtp: str = ""
    """``off offer require``; empty: as the setting says.  Refused: wrong_state (the offer cannot be
    answered so)."""
    codecs: tuple[str, ...] = ()
    """Those that may be answered with, in place of the setting.  Refused: as ``srtp``."""
    near: str = ""
    """A call or a conference: the same media worker is to carry this one."""


class Reject(Body, tag="reject", frozen=True):
    """Refuse an incoming call.  Reply: ``Ok``."""

    call: CallId
    status: int = 486
    reason: str = ""


class Redirect(Body, tag="redirect", frozen=True):
    """Send an incoming call elsewhere with a 3xx.  Reply: ``Ok``."""

    call: CallId
    contacts: tuple[str, ...]
    status: int = 302


class HangUp(Body, tag="hang_up", frozen=True):
    """End a call in whatever state it is: CANCEL, refusal or BYE.  Reply: ``Ok``."""

    call: CallId
    reason: str = ""
    """Text of a Reason header."""


class SendDigits(Body, tag="send_digits", frozen=True):
    """Queue digits (0-9 * # A-D).  Reply: ``Ok`` when queued; then ``DigitsSent``."""

    call: CallId
    digits: str
    duration_ms: int = 100
    gap_ms: int = 60
    method: str = "auto"
    """``rfc4733 info`` (application/dtmf-relay) ``info-dtmf inband``; auto: RFC 4733 if
    negotiated, else INFO if the peer allows it, else in-band."""


class Play(Body, tag="play", frozen=True):
    """Change what the peer hears.  Reply: ``Ok``."""

    call: CallId
    source: AnySource


class Record(Body, tag="record", frozen=True):
    """Start recording into a WAV file, or stop with an empty path.  Reply: ``Ok``."""

    call: CallId
    path: str
    layout: str = "stereo"
    """``stereo`` (the caller left, the callee right) or ``mixed``."""


class ListCalls(Body, tag="list_calls", frozen=True):
    """Reply: ``Calls``."""


class ListWorkers(Body, tag="list_workers", frozen=True):
    """Reply: ``Workers``."""


class GetStatus(Body, tag="get_status", frozen=True):
    """Reply: ``Status``."""


CallCommand = (
    Hello
    | Ping
    | Subscribe
    | Unsubscribe
    | Dial
    | Ring
    | Answer
    | Reject
    | Redirect
    | HangUp
    | SendDigits
    | Play
    | Record
    | ListCalls
    | ListWorkers
    | GetStatus
)

# ----------------------------------------------------------------------------------- replies


class Ok(Body, tag="ok", frozen=True):
    """Applied."""


class Welcome(Body, tag="welcome", frozen=True):
    """The session to put into every request, and what was missed."""

    session: str
    sequence: int
    """Number of the last event sent to this client; the next has one more."""
    events: str
    """Endpoint of the public PUB feed."""
    calls: tuple["CallInfo", ...] = ()
    """The calls this client owns."""


class Dialled(Body, tag="dialled", frozen=True):
    """The call's name."""

    call: CallId


class CallInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it stands."""

    call: CallId
    direction: str
    """``out`` or ``in``."""
    state: str
    """``calling ringing answering up ending ended``."""
    local: str
    remote: str
    """The two parties' URIs."""
    owner: PeerId
    started_at: float
    answered_at: float = 0.0
    worker: WorkerId = WorkerId("")
    stream: int = 0
    codec: str = ""
    sip_call_id: str = ""
    local_hold: bool = False
    """We hold the peer."""
    remote_hold: bool = False
    srtp: str = ""
    """The suite that protects the media, empty if none does."""
    rate: int = 8000
    """Hz, of the audio."""


class Calls(Body, tag="calls", frozen=True):
    """All calls."""

    calls: tuple[CallInfo, ...]


class WorkerInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A media worker as signaling sees it."""

    worker: WorkerId
    pid: int
    state: str
    """``up draining lost``."""
    streams: int
    capacity: int
    load: float = 0.0
    """Share of its time that the tick needs, 0 to 1."""
    table: str = ""
    """Path of its public table (``bus.tables.PublicStreams``)."""
    backend: str = ""
    scheduling: str = ""
    audio: str = ""
    """Path of its audio rings (``bus.audio_rings``)."""


class Workers(Body, tag="workers", frozen=True):
    """All workers."""

    workers: tuple[WorkerInfo, ...]


class Status(Body, tag="status", frozen=True):
    """The engine in a glance."""

    version: str
    pid: int
    started_at: float
    listeners: tuple[str, ...]
    """The SIP addresses that are open, for example ``udp:127.0.0.1:5060``."""
    calls: int
    calls_total: int
    workers: tuple[WorkerInfo, ...]
    clients: int = 0
    counters: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    remembered: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """How many calls, transactions, dialogs ... signaling has in memory; empty tables are left out.
    """


# ------------------------------------------------------------------------------------ events


class IncomingCall(Body, tag="incoming_call", frozen=True):
    """Somebody calls; the receiver of this owns the call."""

    call: CallId
    from_uri: str
    from_display: str
    to_uri: str
    request_uri: str
    headers: tuple[tuple[str, str], ...]
    source: str
    """Where the INVITE came from, ``udp:192.0.2.1:5060``."""


class Progress(Body, tag="progress", frozen=True):
    """A provisional response arrived (180 is ringing)."""

    call: CallId
    status: int
    reason: str
    early_media: bool = False
    """What the peer sends is heard from now on (RFC 3960)."""
    headers: tuple[tuple[str, str], ...] = ()


class Answered(Body, tag="answered", frozen=True):
    """Media flows."""

    call: CallId
    codec: str
    worker: WorkerId
    stream: int
    local_media: str
    remote_media: str
    """``host:port`` of RTP."""
    headers: tuple[tuple[str, str], ...] = ()
    """Of the 200 (a call we placed)."""
    srtp: str = ""
    """The suite that protects the media (RFC 4568), empty if none does."""
    rate: int = 8000
    """Hz, of the audio."""


class DigitReceived(Body, tag="digit_received", frozen=True):
    """The peer pressed a key."""

    call: CallId
    digit: str
    method: str
    """``rfc4733 info inband``."""
    duration_ms: int


class DigitsSent(Body, tag="digits_sent", frozen=True):
    """All queued digits have been sent."""

    call: CallId
    refused: str = ""
    """Digits that did not get through (the peer refused their INFO)."""


class PlayFinished(Body, tag="play_finished", frozen=True):
    """A source that does not loop came to its end.

    The peer hears what is next in the queue, else whom it is connected with, else silence.
    """

    call: CallId
    waiting: int = 0
    """Sources that were behind it in the queue."""


class MediaChanged(Body, tag="media_changed", frozen=True):
    """A re-INVITE changed the direction, the address or the codec of the media."""

    call: CallId
    direction: str
    """As we see it: ``sendrecv sendonly recvonly inactive``."""
    remote_media: str
    srtp: str = ""
    codec: str = ""
    rate: int = 8000
    """Hz, of the audio."""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What a leg's media was like, from its own counters and the peer's reports."""

    packets_sent: int = 0
    packets_received: int = 0
    packets_lost: int = 0
    packets_late: int = 0
    frames_played: int = 0
    """Received frames that were played as they came."""
    frames_concealed: int = 0
    strangers: int = 0
    """Packets from an address that is not the peer's; dropped."""
    jitter_ms: float = 0.0
    remote_lost: int = 0
    remote_jitter_ms: float = 0.0
    """From the peer's RTCP reports."""
    round_trip_ms: float = 0.0
    mos: float = 0.0
    """As the peer was heard, by the E-model (1 to 4.5): at the end of the call over all of it,
    before that over five seconds; 0: not known.  So are the next two."""
    mos_conversational: float = 0.0
    """The same with the delay of the round trip and the jitter buffer."""
    loss_percent: float = 0.0
    """Packets that never came."""
    mos_worst: float = 0.0
    """The worst five seconds, as are the other worst values."""
    loss_percent_worst: float = 0.0
    jitter_worst_ms: float = 0.0
    round_trip_worst_ms: float = 0.0
    buffer_ms: float = 0.0
    """Delay of the jitter buffer."""
    burst_density: float = 0.0
    """Share of packets lost or late within bursts, and in gaps between them (RFC 3611 4.7.2)."""
    gap_density: float = 0.0
    packets_unauthentic: int = 0
    """Packets and reports that the peer's SRTP key did not protect; dropped."""
    packets_replayed: int = 0
    """Protected ones that came before, or far too late; dropped."""
    burst_ms: float = 0.0
    """Mean length of bursts, and of gaps."""
    gap_ms: float = 0.0
    remote_mos: float = 0.0
    """How the peer scores what it hears of us, by RTCP XR; 0: it does not say."""
    remote_loss_percent: float = 0.0


class Ended(Body, tag="ended", frozen=True):
    """The last event of a call."""

    call: CallId
    outcome: Outcome
    status: int = 0
    """SIP status that ended it, 0 if none did."""
    reason: str = ""
    by: str = ""
    """``local remote engine``."""
    duration: float = 0.0
    """Seconds from the answer."""
    quality: Quality | None = None
    record: str = ""
    """The recording, complete when this event arrives."""


class Snapshot(Body, tag="snapshot", frozen=True):
    """In place of events that overflowed: the calls as they stand; what was between is lost."""

    calls: tuple[CallInfo, ...]


class WorkerChanged(Body, tag="worker_changed", frozen=True):
    """A worker came, went or is draining (topic ``worker``)."""

    worker: WorkerInfo


class SipMessage(Body, tag="sip_message", frozen=True):
    """A SIP message on the wire (topic ``sip``; made only while somebody listens)."""

    direction: str
    """``sent`` or ``received``."""
    local: str
    remote: str
    sip_call_id: str
    text: str
