"""One call as plain data; what may happen to it is in ``states``, what is then done in ``acts``."""

from enum import StrEnum

import msgspec

from bus.calls import CallInfo, Ended, OnOwnerLost, Quality
from bus.ids import CallId, PeerId, StreamId, WorkerId
from bus.routing import Turn
from bus.sources import AnySource, Silence
from bus.streams import Remote
from signaling.calls.exchange import Exchange
from signaling.calls.holding import Holding
from signaling.calls.states import State
from signaling.calls.transfer import Transferring
from signaling.calls.waiting import Waiting as Waiting
from signaling.dialogs.dialog import Dialog
from signaling.dialogs.reliable import Provisionals
from signaling.dialogs.session_timer import SessionTimer
from signaling.dialogs.subscription import Subscription
from signaling.sdp.codecs import named
from signaling.sdp.offer_answer import Agreed, Negotiation
from signaling.sip.flow import Flow
from signaling.sip.message import Header, Request

PUBLIC_STATES = {
    State.PLACING: "calling",
    State.CALLING: "calling",
    State.RINGING: "ringing",
    State.OFFERED: "ringing",
    State.OPENING: "answering",
    State.ACCEPTED: "answering",
    State.UP: "up",
}
"""What applications see; all others are ``ending``."""


class Purpose(StrEnum):
    """What a request of ours within the dialog is for, which says who takes its answer."""

    BYE = "bye"
    OFFER = "offer"
    """re-INVITE or UPDATE with an offer."""
    REFRESH = "refresh"
    """Of the session timer, without an offer."""
    PRACK = "prack"
    INFO = "info"
    REFER = "refer"
    NOTIFY = "notify"


class Sent(msgspec.Struct, kw_only=True):
    """A request of ours within the dialog that has no final response yet."""

    purpose: Purpose
    request: Request
    attempts: int = 0
    """How often it was sent with credentials."""
    note: str = ""
    """Whatever its sender wants to find again."""
    rseq: int = 0
    """Of the last reliable provisional response to it (a re-INVITE); 0: none."""
    described: bytes = b""
    """The answer that came in one of those, which the 2xx need not repeat."""


class Keys(msgspec.Struct, kw_only=True):
    """A batch of digits that is to be sent, or what is left of it."""

    digits: str
    duration_ms: int
    gap_ms: int
    method: str
    """``rfc4733 inband info info-dtmf``."""
    other_body: bool = False
    """The peer refused one body of INFO (415), this is the other."""


class Ringing(msgspec.Struct, frozen=True):
    """A provisional response that is to be sent."""

    status: int
    reason: str = ""
    headers: tuple[Header, ...] = ()
    waiting: Waiting | None = None


class Leg(msgspec.Struct, kw_only=True):
    """The call's stream on a worker: ``none opening doomed open closing closed``.

    ``doomed`` is opening that must be closed as soon as it is open.
    """

    state: str = "none"
    worker: WorkerId = WorkerId("")
    stream: StreamId = StreamId(0)
    address: str = ""
    port: int = 0
    aimed: Remote | None = None
    """Where it was last told to send."""
    plays: AnySource = Silence()
    records: str = ""
    """What it was opened with, before the answer also changed to."""
    quality: Quality | None = None


class PeerSilence(msgspec.Struct, kw_only=True):
    """The peer sends nothing although it should (``signaling.calls.silence``)."""

    since: float
    goodbye: bool = False
    """It said BYE by RTCP."""
    told: bool = False


class Fork(msgspec.Struct, kw_only=True):
    """A dialog of our INVITE that the call does not stand at (``signaling.calls.forks``)."""

    dialog: Dialog | None
    negotiation: Negotiation
    agreed: Agreed | None = None
    rseq: int = 0
    refused: bool = False
    """Its 2xx came too late and was answered with BYE."""


class Outgoing(msgspec.Struct, kw_only=True):
    """What only a call we place has."""

    target: str
    """Request-URI of the current attempt."""
    targets: list[str] = []
    """Contacts of a 3xx that are still to be tried, best first."""
    tried: list[str] = []
    any_domain: bool = False
    """Follow a 3xx to other domains too."""
    redirects_left: int
    headers: tuple[Header, ...]
    ring_timeout: float
    user: str
    password: str
    route: tuple[str, ...] = ()
    """Route values that we put on the INVITE ourselves: the outbound proxy."""
    flow: Flow | None = None
    """Set when the name is resolved."""
    ways: list[Flow] = []
    """Where else the same target is served, best first."""
    attempts: int = 0
    """INVITEs answered with credentials so far."""
    cseq: int = 0
    reliable: str = "supported"
    """Reliable provisional responses (RFC 3262): ``off supported required``."""
    credentials: tuple[Header, ...] = ()
    """The answer to the challenge, also for the ACK (RFC 3261 13.2.2.4)."""


class Call(msgspec.Struct, kw_only=True):
    """A call; its peer at the other end of the dialog is *remote*, our application its *owner*."""

    id: CallId
    state: State
    owner: PeerId
    on_owner_lost: OnOwnerLost
    local_uri: str
    remote_uri: str
    sip_call_id: str
    local: str
    """Our From (out) or To (in) header value, without a tag."""
    local_tag: str
    listener: str
    started_at: float
    secure: bool = False
    """The call is to a sips URI: TLS on every hop."""
    answered_at: float = 0.0
    play: AnySource = Silence()
    record: str = ""
    out: Outgoing | None = None
    """None: an incoming call."""
    leg: Leg
    negotiation: Negotiation
    srtp: str = ""
    codecs: tuple[str, ...] = ()
    """That it may use; empty: as the setting says."""
    """``off offer require``; empty: as the setting says."""
    agreed: Agreed | None = None
    exchange: Exchange = msgspec.field(default_factory=Exchange)
    """An offer of ours in mid-call."""
    holding: Holding = msgspec.field(default_factory=Holding)
    session: SessionTimer = msgspec.field(default_factory=SessionTimer)
    silence: PeerSilence | None = None
    dialog: Dialog | None = None
    """Early until our INVITE is answered; one of several then, if that was forked."""
    forks: dict[str, Fork] = {}
    """The others, by remote tag."""
    rseq: int = 0
    """Of the last reliable response to our INVITE in this dialog (RFC 3262); 0: none."""
    invite: Request | None = None
    """The INVITE as sent or received, until it is answered for good."""
    invite_key: str = ""
    """Its transaction, empty when that is over."""
    reinvite_key: str = ""
    """The peer's re-INVITE that is answered but not acknowledged."""
    reinvite_cseq: int = 0
    """Its CSeq number, which its ACK has too."""
    offered_in_2xx: bool = False
    """The INVITE had no offer: ours is in the 2xx and the answer comes in the ACK."""
    ringing: Ringing | None = None
    """With early media, as soon as the stream is open."""
    described: bytes = b""
    """Our description as it was said before the 2xx."""
    provisionals: Provisionals = msgspec.field(default_factory=Provisionals)
    """Those that were sent reliably (RFC 3262)."""
    answer_headers: tuple[Header, ...] = ()
    answering: Waiting | None = None
    ack: Request | None = None
    """Our ACK of the 2xx, for each copy of it that comes again (RFC 3261 13.2.2.4)."""
    sent: dict[str, Sent] = {}
    """Our requests within the dialog, by the key of their transaction (or look-up)."""
    reack_key: str = ""
    """Transaction of our last re-INVITE that was accepted."""
    reack: Request | None = None
    """Its ACK, for each copy of the 2xx that comes again."""
    keys: list[Keys] = []
    """Digits that are still to be sent; the first batch is in hand."""
    keys_refused: str = ""
    keyed: bool = False
    """Keys of the peer came as events or INFO: tones that come with them are no further keys."""
    """Digits that did not get through."""
    allowed: list[str] = []
    """Methods in the peer's latest Allow; empty: it never said."""
    flow: Flow | None = None
    """Where the peer was last heard from."""
    transactions: list[str] = []
    """Keys in ``by_transaction`` that go with the call."""
    timers: dict[str, float] = {}
    transfer: Transferring | None = None
    """What we ask the peer to do; its end is told before the call's."""
    consulting: CallId = CallId("")
    """The call whose peer is being transferred to this one's."""
    refers: list[Subscription] = []
    """Of our REFERs in the dialog, oldest first."""
    referral: str = ""
    """What the peer asked us to do; the call is not forgotten before that is over."""
    referrals: int = 0
    """REFERs that came in the dialog."""
    transfers: int = 0
    """How many transfers led to this call."""
    record_stopped: bool = False
    """``record`` is what was recorded, nothing is any more."""
    replaces: CallId = CallId("")
    """The call that ends when this one is up."""
    succeeds: CallId = CallId("")
    """The call whose peer asked us for this one."""
    near: str = ""
    """The call or conference beside which it is to be carried."""
    bridged: CallId = CallId("")
    """The call whose peer its peer hears, and is heard by."""
    conference: str = ""
    """That it is in."""
    turned: Turn | None = None
    """All gains and mutes, once they were said."""
    ended: Ended | None = None
    told: bool = False

    @property
    def codec(self) -> str:
        """Name of the codec in use, empty before the answer."""
        return self.agreed.remote.codec if self.agreed else ""

    @property
    def rate(self) -> int:
        """Hz of the audio, 8000 before the answer."""
        codec = self.agreed and named(f"{self.agreed.remote.codec}/{self.agreed.remote.clock}")
        return codec.rate if codec else 8000

    @property
    def suite(self) -> str:
        """The SRTP suite in use, empty if there is none."""
        crypto = self.agreed.remote.crypto if self.agreed else None
        return crypto.suite if crypto else ""

    @property
    def remote_hold(self) -> bool:
        """Whether the peer holds us."""
        return self.agreed is not None and self.agreed.held

    def info(self) -> CallInfo:
        """Describe the call for applications."""
        return CallInfo(
            call=self.id,
            direction="out" if self.out else "in",
            state="ended" if self.told else PUBLIC_STATES.get(self.state, "ending"),
            local=self.local_uri,
            remote=self.remote_uri,
            owner=self.owner,
            started_at=self.started_at,
            answered_at=self.answered_at,
            worker=self.leg.worker,
            stream=self.leg.stream,
            codec=self.codec,
            sip_call_id=self.sip_call_id,
            local_hold=self.holding.local,
            remote_hold=self.remote_hold,
            srtp=self.suite,
            rate=self.rate,
        )
