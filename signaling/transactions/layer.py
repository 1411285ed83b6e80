"""The transaction layer (RFC 3261 section 17): messages in, what is to be done out.

    state = Transactions(t1=0.5)
    key, outs = state.client_request(request, flow, now)
    outs = state.receive_response(response, now)        outs = state.receive_request(...)
    outs = state.respond(key, response, now)            outs = state.wake(now)
    state.deadline()                                    when to wake it

``now`` is in seconds and never goes back.  A transaction that is over vanishes; once all are, the
state equals a new one.  The behaviour is in the four tables; what is here is their upkeep.
"""

from heapq import heappop, heappush
from typing import assert_never

import msgspec

from signaling.sip.errors import LocalError, SipError
from signaling.sip.flow import Flow
from signaling.sip.message import Request, Response
from signaling.sip.render import render
from signaling.transactions.client import Client
from signaling.transactions.hop import ack_for, ack_template, cancel_for
from signaling.transactions.invite_client import InviteClient
from signaling.transactions.invite_server import InviteServer
from signaling.transactions.machine import Act, Clock, Cue, State, clock
from signaling.transactions.matching import (
    PREFIX_2543,
    client_key,
    identity_of,
    invite_keys_of_ack,
    response_flow,
    server_key,
    tag_of,
)
from signaling.transactions.otherwise import Otherwise
from signaling.transactions.outs import (
    AckMissing,
    AckReceived,
    CancelReceived,
    ClientFailed,
    NewRequest,
    Out,
    ResponseReceived,
    StrayResponse,
    Transmit,
)
from signaling.transactions.server import Server

__all__ = [
    "AckMissing",
    "AckReceived",
    "CancelReceived",
    "ClientFailed",
    "NewRequest",
    "Out",
    "ResponseReceived",
    "StrayResponse",
    "Transaction",
    "Transactions",
    "Transmit",
    "cancel_for",
    "response_flow",
]

SLACK = 16
"""Entries of the heap that may be out of date, besides one for each transaction."""

Transaction = InviteClient | Client | InviteServer | Server

Heard = ResponseReceived | AckReceived | None
"""The message that moved a transaction, as the TU gets it if the table says so."""


class Transactions(msgspec.Struct, kw_only=True):
    """All transactions of a user agent, as plain data."""

    t1: float = 0.5
    """Round-trip time estimate, seconds (RFC 3261 17.1.1.1)."""
    t2: float = 4.0
    """Longest interval between copies, seconds."""
    t4: float = 5.0
    """Longest time a message stays in the network, seconds."""
    invite_clients: dict[str, InviteClient] = {}
    clients: dict[str, Client] = {}
    invite_servers: dict[str, InviteServer] = {}
    servers: dict[str, Server] = {}
    timers: list[tuple[float, str]] = []
    """Heap of (instant, key); true only where the instant is the transaction's next deadline."""
    identities: dict[str, list[str]] = {}
    """Keys of server transactions outside dialogs by ``identity_of``, oldest first."""

    # --------------------------------------------------------------------------- as a client

    def client_request(
        self,
        request: Request,
        flow: Flow,
        now: float,
        datagram: bytes = b"",
        otherwise: Otherwise | None = None,
    ) -> tuple[str, list[Out]]:
        """Send a request that has its Via and branch; return the key of its transaction.

        ``datagram`` is the request where it is rendered already, ``otherwise`` is how it goes if
        the transport fails.  Raises ``LocalError`` for an ACK, which has no transaction, and for a
        branch that is in use.
        """
        key = client_key(request)
        if request.method == "ACK" or self._of(key) is not None:
            raise LocalError(f"{key} cannot begin a client transaction")
        datagram = datagram or render(request)
        if request.method == "INVITE":
            invite = InviteClient(
                flow=flow, datagram=datagram, ack=ack_template(request), otherwise=otherwise
            )
            self.invite_clients[key] = invite
            return key, self._start(key, invite, now)
        outs = self._cancelled(request, now)
        self.clients[key] = other = Client(flow=flow, datagram=datagram, otherwise=otherwise)
        return key, outs + self._start(key, other, now)

    def receive_response(self, response: Response, now: float) -> list[Out]:
        """Hand a response from the network to the transaction of its request (17.1.3)."""
        try:
            key = client_key(response)
        except SipError:
            return [StrayResponse(response)]
        heard = ResponseReceived(key, response)
        if (invite := self.invite_clients.get(key)) is not None:
            return self._step(key, invite, _invite_cue(response.status), now, heard)
        if (other := self.clients.get(key)) is not None:
            return self._step(key, other, _other_cue(response.status), now, heard)
        return [StrayResponse(response)]

    def way_of_invite(self, cancel: Request) -> Flow | None:
        """Return where the INVITE that a CANCEL is for was sent."""
        invite = self.invite_clients.get(client_key(cancel, "INVITE"))
        return invite.flow if invite is not None else None

    def invite_proceeding(self, key: str) -> bool:
        """Whether an INVITE of ours may be cancelled: a provisional came, no final (9.1)."""
        invite = self.invite_clients.get(key)
        return invite is not None and invite.state is State.PROCEEDING

    # --------------------------------------------------------------------------- as a server

    def receive_request(self, request: Request, flow: Flow, now: float) -> list[Out]:
        """Absorb a copy, or report a new request.  Its top Via is already stamped (18.2.1)."""
        try:
            key = server_key(request)
            if request.method == "ACK":
                return self._ack(request, flow, now)
            known = self.invite_servers.get(key) or self.servers.get(key)
            if known is not None:
                return self._step(key, known, Cue.REQUEST, now)
            return self._new_request(key, request, flow, now)
        except SipError:
            return []  # the parser refuses these; nothing could be answered

    def respond(self, key: str, response: Response, now: float) -> list[Out]:
        """Send a response to the request of a server transaction; nothing if that is over."""
        if (invite := self.invite_servers.get(key)) is not None:
            cue = _invite_cue(response.status)
            if cue in invite.table[invite.state]:
                invite.datagram, invite.to_tag = render(response), tag_of(response, "To")
            return self._step(key, invite, cue, now)
        if (other := self.servers.get(key)) is not None:
            cue = _other_cue(response.status)
            if cue in other.table[other.state]:
                other.datagram = render(response)
            return self._step(key, other, cue, now)
        return []

    def stop_2xx(self, key: str) -> None:
        """Say that the ACK of a 2xx has come: no more copies (13.3.1.4)."""
        invite = self.invite_servers.get(key)
        if invite is not None:
            invite.step(Cue.ACKNOWLEDGED, 0.0, self._clock(invite))  # starts no timer
            self._schedule(key, invite, invite.due_at())

    def is_merged(self, key: str) -> bool:
        """Whether a request came earlier over another path, and that is still going on (482).

        The first of them is the request, the others are merged (RFC 3261 8.2.2.2).
        """
        known = self.invite_servers.get(key) or self.servers.get(key)
        if known is None or not known.identity:
            return False
        return self.identities[known.identity][0] != key

    # ---------------------------------------------------------------------- for both of them

    def transport_failed(self, flow: Flow, now: float, reason: str = "") -> list[Out]:
        """Tell the client transactions that what they sent over a flow went nowhere."""
        outs: list[Out] = []
        ours: dict[str, InviteClient | Client] = {**self.invite_clients, **self.clients}
        for key, machine in ours.items():
            if not _is_same(machine.flow, flow):
                continue
            if machine.turn(flow):
                outs += self._start(key, machine, now)
            else:
                outs += self._step(key, machine, Cue.TRANSPORT_ERROR, now)
        return [
            msgspec.structs.replace(out, reason=reason) if isinstance(out, ClientFailed) else out
            for out in outs
        ]

    def deadline(self) -> float | None:
        """Return when to call ``wake``, None if nothing is being waited for."""
        while self.timers:
            if self._is_true(self.timers[0]):
                return self.timers[0][0]
            heappop(self.timers)
        return None

    def wake(self, now: float) -> list[Out]:
        """Fire every timer that is due, in order."""
        outs: list[Out] = []
        while (at := self.deadline()) is not None and at <= now:
            key = heappop(self.timers)[1]
            machine = self._of(key)
            if machine is not None:
                machine.scheduled_at = None
                acts = machine.fire(now, self._clock(machine))
                outs += _do(key, machine, acts, None)
                self._keep(key, machine, machine.due_at())
        return outs

    # ------------------------------------------------------------------------------ upkeep

    def _of(self, key: str) -> Transaction | None:
        return (
            self.invite_clients.get(key)
            or self.clients.get(key)
            or self.invite_servers.get(key)
            or self.servers.get(key)
        )

    def _clock(self, machine: Transaction) -> Clock:
        return clock(self.t1, self.t2, self.t4, machine.flow.reliable)

    def _start(self, key: str, machine: Transaction, now: float) -> list[Out]:
        acts = machine.enter(machine.start, now, self._clock(machine))
        return self._settle(key, machine, acts, now)

    def _step(
        self, key: str, machine: Transaction, cue: Cue, now: float, heard: Heard = None
    ) -> list[Out]:
        acts = machine.step(cue, now, self._clock(machine))
        return self._settle(key, machine, acts, now, heard)

    def _settle(
        self,
        key: str,
        machine: Transaction,
        acts: tuple[Act, ...],
        now: float,
        heard: Heard = None,
    ) -> list[Out]:
        """Do the acts, and fire at once what has no length over a reliable transport."""
        outs = _do(key, machine, acts, heard)
        while (at := machine.due_at()) is not None and at <= now:
            outs += _do(key, machine, machine.fire(now, self._clock(machine)), None)
        self._keep(key, machine, at)
        return outs

    def _ack(self, request: Request, flow: Flow, now: float) -> list[Out]:
        heard = AckReceived(request, flow)
        for key in invite_keys_of_ack(request):
            invite = self.invite_servers.get(key)
            if invite is None:
                continue
            if not key.startswith(PREFIX_2543) or invite.to_tag == tag_of(request, "To"):
                return self._step(key, invite, Cue.ACK, now, heard)
        return [heard]

    def _new_request(self, key: str, request: Request, flow: Flow, now: float) -> list[Out]:
        way, identity = response_flow(request, flow), identity_of(request)
        if identity:
            self.identities.setdefault(identity, []).append(key)
        if request.method == "INVITE":
            self.invite_servers[key] = invite = InviteServer(flow=way, identity=identity)
            return [*self._start(key, invite, now), NewRequest(key, request, flow)]
        self.servers[key] = other = Server(flow=way, identity=identity)
        outs = self._start(key, other, now)
        if request.method == "CANCEL":
            invite_key = server_key(request, "INVITE")
            if invite_key in self.invite_servers:
                return [*outs, CancelReceived(key, invite_key, request)]
        return [*outs, NewRequest(key, request, flow)]

    def _cancelled(self, request: Request, now: float) -> list[Out]:
        """Give the INVITE that a CANCEL of ours is for 64*T1 to end (RFC 3261 9.1)."""
        key = client_key(request, "INVITE")
        invite = self.invite_clients.get(key) if request.method == "CANCEL" else None
        return self._step(key, invite, Cue.CANCELLED, now) if invite is not None else []

    def _keep(self, key: str, machine: Transaction, at: float | None) -> None:
        if machine.state is State.TERMINATED:
            self._remove(key, machine)
        else:
            self._schedule(key, machine, at)

    def _schedule(self, key: str, machine: Transaction, at: float | None) -> None:
        """Have a transaction looked at when it is next due."""
        if at == machine.scheduled_at:
            return
        machine.scheduled_at = at
        if at is not None:
            heappush(self.timers, (at, key))
        self._compact()

    def _remove(self, key: str, machine: Transaction) -> None:
        for machines in (self.invite_clients, self.clients, self.invite_servers, self.servers):
            machines.pop(key, None)
        if isinstance(machine, InviteServer | Server) and machine.identity:
            keys = self.identities[machine.identity]
            keys.remove(key)
            if not keys:
                del self.identities[machine.identity]
        self._compact()

    def _compact(self) -> None:
        """Drop what the heap should forget, before it is more than what it should know."""
        alive = len(self.invite_clients) + len(self.clients)
        alive += len(self.invite_servers) + len(self.servers)
        if not alive:
            self.timers.clear()
        elif len(self.timers) > 2 * alive + SLACK:
            self.timers = sorted({entry for entry in self.timers if self._is_true(entry)})

    def _is_true(self, entry: tuple[float, str]) -> bool:
        machine = self._of(entry[1])
        return machine is not None and machine.scheduled_at == entry[0]


def _do(key: str, machine: Transaction, acts: tuple[Act, ...], heard: Heard) -> list[Out]:
    return [out for act in acts if (out := _out(act, key, machine, heard)) is not None]


def _out(act: Act, key: str, machine: Transaction, heard: Heard) -> Out | None:
    match act:
        case Act.SEND:
            return Transmit(machine.flow, machine.datagram) if machine.datagram else None
        case Act.SEND_ACK:
            if not isinstance(machine, InviteClient) or machine.ack is None:
                return None
            if isinstance(heard, ResponseReceived):
                return Transmit(machine.flow, render(ack_for(machine.ack, heard.response)))
            return None
        case Act.DELIVER:
            return heard
        case Act.SLOW_DOWN:
            return None
        case Act.REPORT_TIMEOUT:
            return ClientFailed(key, "timeout")
        case Act.REPORT_TRANSPORT_ERROR:
            return ClientFailed(key, "transport")
        case Act.REPORT_ACK_MISSING:
            return AckMissing(key)
        case _:
            assert_never(act)


def _invite_cue(status: int) -> Cue:
    if status < 200:
        return Cue.PROVISIONAL
    return Cue.SUCCESS if status < 300 else Cue.FAILURE


def _other_cue(status: int) -> Cue:
    return Cue.PROVISIONAL if status < 200 else Cue.FINAL


def _is_same(ours: Flow, failed: Flow) -> bool:
    """Whether a flow that failed is ours; one that was still to be opened has no connection yet."""
    if ours.connection and ours.connection == failed.connection:
        return ours.listener == failed.listener
    if (ours.listener, ours.host, ours.port) != (failed.listener, failed.host, failed.port):
        return False
    return not (ours.connection and failed.connection)
