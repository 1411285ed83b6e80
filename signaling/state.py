"""Everything the core knows, as one plain struct: encode it, drop it, decode it, go on."""

from collections.abc import Sized

import msgspec

from bus.calls import CallInfo
from bus.ids import CallId, PeerId, StreamId, WorkerId
from bus.settings import Settings
from signaling.calls.call import Call, Waiting
from signaling.calls.link import Link
from signaling.calls.referral import Referral
from signaling.clients import Clients
from signaling.conference import Conference
from signaling.locating import Search
from signaling.location import Location
from signaling.placement import Workers
from signaling.registration import Registration
from signaling.sip.flow import SECURE, Flow
from signaling.sip.message import Request
from signaling.sip.verify import Nonces
from signaling.transactions.layer import Transactions

PAST = 2000
"""Calls that are over and whose SIP Call-ID is known."""


class Listener(msgspec.Struct, frozen=True):
    """A SIP address we own.  ``host`` and ``port`` are what peers are told."""

    name: str
    """``udp:0.0.0.0:5060``: what a ``Flow`` says."""
    transport: str
    bind: str
    """Address the sockets are bound to, RTP's too."""
    host: str
    port: int

    @property
    def six(self) -> bool:
        """Whether it is reached over IPv6."""
        return ":" in self.bind

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.transport in SECURE


class Asked(msgspec.Struct, frozen=True):
    """A request to a worker that is not answered yet."""

    verb: str
    call: CallId
    worker: WorkerId
    deadline: float
    waiting: Waiting | None
    stream: StreamId = StreamId(0)


class Outside(msgspec.Struct, kw_only=True):
    """A request of ours that belongs to no call and has no final response yet."""

    purpose: str
    """Says who takes its answer: ``register notify``."""
    owner: str
    """What it belongs to, as its purpose names it."""
    request: Request
    attempts: int = 0
    """How often it was sent with credentials."""
    flow: Flow | None = None
    """Where it went."""
    ways: list[Flow] = []
    """Where it may go if it fails where it went (RFC 3263 4.3), best first."""


class Unresolved(msgspec.Struct, kw_only=True):
    """A request or a call that waits for names to be looked up."""

    search: Search
    call: CallId = CallId("")
    request: Request | None = None
    """Within a dialog; None: the call itself is being placed."""
    outside: Outside | None = None
    """The request, where it belongs to no call."""


STANDING = frozenset({"listeners", "feed_sequence", "counters", "past"})
"""Tables that do not come and go with calls."""


class AgentState(msgspec.Struct, kw_only=True):
    """The core's memory."""

    settings: Settings
    listeners: tuple[Listener, ...]
    incarnation: str
    version: str
    pid: int
    events: str
    """Endpoint of the public feed."""
    started_at: float
    transactions: Transactions
    clients: Clients
    workers: Workers
    calls: dict[CallId, Call] = {}
    by_transaction: dict[str, CallId] = {}
    by_dialog: dict[str, CallId] = {}
    """Keyed by Call-ID, local tag and remote tag; for INVITEs we sent, remote tag is empty."""
    by_stream: dict[StreamId, CallId] = {}
    asked: dict[str, Asked] = {}
    """Keyed by worker session and request id."""
    registrations: dict[str, Registration] = {}
    """Ours with registrars, by address of record."""
    location: Location = msgspec.field(default_factory=Location)
    passed: dict[str, float] = {}
    """Forwarded requests by branch, and until when they need not prove again who they are from."""
    nonces: Nonces = msgspec.field(default_factory=Nonces)
    conferences: dict[str, Conference] = {}
    conferences_total: int = 0
    links: dict[CallId, Link] = {}
    """Of calls that are heard on workers that do not carry them."""
    referrals: dict[str, Referral] = {}
    """Transfers that we are asked for, by their names."""
    outside: dict[str, Outside] = {}
    """By the key of its transaction."""
    unresolved: dict[str, Unresolved] = {}
    timers: list[tuple[float, str, str]] = []
    """Heap of (instant, call or ``asked`` key, timer); one that is not true any more is skipped."""
    timers_kept: int = 0
    """How many were true when they were last looked through."""
    next_client_check: float = 0.0
    feed_sequence: dict[str, int] = {}
    """Of the last event published, by topic."""
    calls_total: int = 0
    draining: str = ""
    """Why no new calls are taken; empty: they are."""
    drain_deadline: float = 0.0
    hung_up: bool = False
    """The drain's time is over and every call was hung up."""
    exiting: bool = False
    counters: dict[str, int] = {}
    past: dict[CallId, str] = {}
    """The SIP Call-IDs of the latest calls that are over."""

    def bury(self, call: Call) -> None:
        """Note the SIP Call-ID of a call that is over; the oldest makes room."""
        self.past[call.id] = call.sip_call_id
        if len(self.past) > PAST:
            del self.past[next(iter(self.past))]

    def sizes(self) -> dict[str, int]:
        """Return how much is remembered of calls and requests, by table; empty ones left out."""
        found: dict[str, int] = {}
        for holder in (self, self.transactions):
            for name in holder.__struct_fields__:
                table: object = getattr(holder, name)
                if isinstance(table, Sized) and not isinstance(table, str):
                    found[name] = len(table)
        return {name: size for name, size in found.items() if size and name not in STANDING}

    def live_calls(self, owner: PeerId | None = None) -> tuple[CallInfo, ...]:
        """Describe the calls (of one owner) whose end was not told yet."""
        return tuple(
            call.info()
            for call in self.calls.values()
            if not call.told and owner in (None, call.owner)
        )
