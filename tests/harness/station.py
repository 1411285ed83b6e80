"""A whole engine's signaling on the simulated network: core, owner of the calls, media worker.

Owner and worker talk to the core in its own frames, as over the bus, a millisecond apart.  With
``forget`` the core is encoded, dropped and decoded after every input.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from bus import calls
from bus.body import Body
from bus.calls import Ended, Hello, Ping, Subscribe
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused
from bus.envelope import Request as BusRequest
from bus.errors import refusal
from bus.ids import CallId, PeerId
from bus.protocol import ClientEvent, Command, Reply
from bus.settings import Settings
from signaling.agent import Agent
from signaling.clients import Clients
from signaling.effects import (
    Effect,
    Exit,
    FromClient,
    FromWorker,
    Input,
    Log,
    Received,
    Resolve,
    Resolved,
    Send,
    ToClient,
    ToWorker,
    Woken,
)
from signaling.locating import Answer, Question, Record
from signaling.placement import Workers
from signaling.sip.flow import Flow
from signaling.sip.message import Request
from signaling.sip.parse import parse_message
from signaling.sip.stream import KeepAlive, StreamFramer
from signaling.state import AgentState, Listener
from signaling.transactions.layer import Transactions
from tests.harness.network import EPOCH, Network, Path
from tests.harness.recording import Fed, Recording, decode_state, encode_effects
from tests.harness.worker import StandInWorker

AnyEvent = TypeVar("AnyEvent", bound=Body)
Action = Callable[[], object]

HOP = 0.001
"""Seconds that a frame takes on the bus."""
BEAT = 1.0
"""Seconds between the signs of life of owner and worker."""

_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)
_events: msgspec.msgpack.Decoder[ClientEvent] = msgspec.msgpack.Decoder(ClientEvent)


class Station:
    """An endpoint of the network; ``host`` is its only address."""

    def __init__(
        self,
        name: str,
        host: str,
        *,
        network: Network,
        forget: bool = False,
        names: Mapping[str, str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.name = name
        self.host = host
        self.forget = forget
        self.names = names or {}
        """What the name service knows."""
        self.records: dict[Question, tuple[Record, ...]] = {}
        """And what it knows besides addresses, or of names with several."""
        self.network = network
        self.chance = random.Random(f"{network.seed} {name}")
        self.worker = StandInWorker("w0")
        self.workers = {"worker": self.worker}
        """By their identities on the bus; most engines have one."""
        self.events: list[ClientEvent] = []
        self.logs: list[str] = []
        self.reactions: list[Callable[[ClientEvent], None]] = []
        self.replies: dict[int, Done | Refused] = {}
        self.session = ""
        self.owner_silent = False
        self.exited = False
        self.agent = Agent(_first_state(name, host, settings or Settings()))
        self.recording = Recording(msgspec.msgpack.encode(self.agent.state))
        self._framers: dict[str, StreamFramer] = {}
        self._out: list[tuple[Path, bytes]] = []
        self._agenda: list[tuple[float, int, Action]] = []
        self._count = 0
        self._commands = 0
        self._greet()

    @property
    def addresses(self) -> tuple[str, str]:
        """Return what it is known by on the network."""
        return f"udp:{self.host}:5060", f"tcp:{self.host}:5060"

    @property
    def now(self) -> float:
        """Return the network's instant."""
        return self.network.now

    @property
    def state(self) -> AgentState:
        """Return the core's memory."""
        return self.agent.state

    # ------------------------------------------------------------------------------- owner

    def send(self, command: Command) -> int:
        """Let the owner ask for something; return the request's id."""
        self._commands += 1
        frame = encode(BusRequest(id=self._commands, body=raw(command), session=self.session))
        self.feed(FromClient("owner", frame))
        return self._commands

    def ask(self, command: Command) -> Reply:
        """Let the owner ask for what is answered at once; raise the refusal if it is one."""
        return self.outcome(self.send(command))

    def outcome(self, number: int) -> Reply:
        """Return the reply to a request; raise the refusal if it is one."""
        answer = self.replies[number]
        if isinstance(answer, Refused):
            raise refusal(answer.code, answer.reason)
        return decode_body(_replies, answer.body)

    def hang_up_all(self) -> None:
        """Let the owner hang up whatever it still may."""
        for call in list(self.state.calls.values()):
            if not call.told:
                self.ask(calls.HangUp(call=call.id))

    def dial(self, uri: str, **options: object) -> CallId:
        """Place a call; return its name."""
        dial = msgspec.convert({"verb": "dial", "uri": uri, **options}, calls.Dial)
        reply = self.ask(dial)
        assert isinstance(reply, calls.Dialled)
        return reply.call

    def react(self, kind: type[AnyEvent], action: Callable[[AnyEvent], object]) -> None:
        """Do something, a hop later, whenever the owner hears an event of a kind."""

        def reaction(event: ClientEvent) -> None:
            if isinstance(event, kind):
                self.later(HOP, lambda: action(event))

        self.reactions.append(reaction)

    def heard(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        """Return the events of a kind that the owner heard."""
        return [event for event in self.events if isinstance(event, kind)]

    def requests(self, method: str) -> list[Request]:
        """Return the SIP requests of a method that came, copies too."""
        messages = [
            parse_message(fed.given.datagram)
            for fed in self.recording.fed
            if isinstance(fed.given, Received)
        ]
        return [m for m in messages if isinstance(m, Request) and m.method == method]

    def ended(self) -> Ended:
        """Return the last event of the only call that has ended."""
        (ended,) = self.heard(Ended)
        return ended

    def left(self) -> dict[str, object]:
        """Return what is left of calls: in the core's tables, and streams on the worker."""
        state = self.state
        tables = {
            "calls": state.calls,
            "by_transaction": state.by_transaction,
            "by_dialog": state.by_dialog,
            "by_stream": state.by_stream,
            "asked": state.asked,
            "unresolved": state.unresolved,
            "outside": state.outside,
            "referrals": state.referrals,
            "transactions": state.transactions.deadline(),
            "links": state.links,
            "streams": [each for worker in self.workers.values() for each in worker.open_streams],
        }
        return {name: value for name, value in tables.items() if value}

    def is_idle(self) -> bool:
        """Whether nothing is left of any call."""
        return not self.left()

    def add_worker(self, name: str, *, pid: int, codecs: tuple[str, ...] = ()) -> StandInWorker:
        """Let another worker join."""
        worker = self.workers[name] = StandInWorker(name, pid=pid)
        worker.codecs = codecs or worker.codecs
        self.feed(FromWorker(name, worker.hello()))
        return worker

    def _greet(self) -> None:
        self.feed(FromWorker("worker", self.worker.hello()))
        hello = Hello(peer=PeerId(f"{self.name}'s owner"), incarnation="1")
        welcome = self.ask(hello)
        assert isinstance(welcome, calls.Welcome)
        self.session = welcome.session
        self.ask(Subscribe())
        self.later(BEAT, self._live)

    def _live(self) -> None:
        for identity, worker in self.workers.items():
            for frame in worker.beat():
                self.feed(FromWorker(identity, frame))
        if not self.owner_silent:
            self.send(Ping())
        self.later(BEAT, self._live)

    # -------------------------------------------------------------------------------- core

    def feed(self, given: Input) -> None:
        """Give the core an input; note it, and do what it wants done."""
        entropy = self.chance.randbytes(32)
        effects = self.agent.feed(given, self.now, entropy)
        self.recording.fed.append(Fed(given, self.now, entropy, encode_effects(effects)))
        if self.forget:
            self.agent = Agent(decode_state(msgspec.msgpack.encode(self.agent.state)))
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send():
                flow = effect.flow
                remote = f"{flow.transport}:{flow.host}:{flow.port}"
                self._out.append((Path(flow.listener, remote), effect.datagram))
            case ToWorker():
                self.later(HOP, lambda: self._to_worker(effect.identity, effect.frame))
            case ToClient():
                self._to_owner(effect.frame)
            case Resolve():
                self.later(HOP, lambda: self._resolve(effect))
            case Exit():
                self.exited = True
            case Log():
                self.logs.append(f"{effect.level} {effect.text}")
            case _:
                pass

    def _to_worker(self, identity: str, frame: bytes) -> None:
        worker = self.workers.get(identity)
        for answer in worker.take(frame) if worker is not None else ():
            self.feed(FromWorker(identity, answer))

    def _to_owner(self, frame: bytes) -> None:
        message = decode_frame(frame)
        match message:
            case Done() | Refused():
                assert message.id not in self.replies, "a command was answered twice"
                self.replies[message.id] = message
            case Event():
                event = decode_body(_events, message.body)
                self.events.append(event)
                assert message.sequence == len(self.events), "events have a hole"
                for reaction in self.reactions:
                    reaction(event)
            case BusRequest():
                raise AssertionError("signaling asked something of a client")

    def _resolve(self, effect: Resolve) -> None:
        self.feed(Resolved(effect.token, tuple(map(self._look_up, effect.questions))))

    def _look_up(self, question: Question) -> Answer:
        records = self.records.get(question, ())
        known = self.names.get(question.name, "")
        if known and question.kind == ("AAAA" if ":" in known else "A"):
            records = (Record(target=known),)
        return Answer(question, records, "" if records else "no such name")

    # ----------------------------------------------------------------------------- endpoint

    def later(self, seconds: float, action: Action) -> None:
        """Do something at a later instant."""
        self._count += 1
        self._agenda.append((self.now + seconds, self._count, action))

    def receive(self, path: Path, datagram: bytes, now: float) -> None:
        """Take a datagram, or a piece of a stream."""
        transport, host, port = path.remote.split(":")
        if transport == "udp":
            self.feed(Received(Flow(path.local, host, int(port)), datagram))
            return
        framer = self._framers.setdefault(path.remote, StreamFramer())
        flow = Flow(path.local, host, int(port), path.remote)
        for piece in framer.feed(datagram):
            if not isinstance(piece, KeepAlive):
                self.feed(Received(flow, piece))
            elif piece is KeepAlive.PING:
                self._out.append((path, b"\r\n"))

    def deadline(self) -> float | None:
        """Return when the core, or anyone around it, has something to do."""
        core = self.agent.deadline()
        instants = [at for at, _, _ in self._agenda]
        return min([*instants, *([core] if core is not None else [])], default=None)

    def wake(self, now: float) -> None:
        """Do what is due."""
        due = sorted((entry for entry in self._agenda if entry[0] <= now), key=lambda e: e[:2])
        self._agenda = [entry for entry in self._agenda if entry[0] > now]
        for _, _, action in due:
            action()
        core = self.agent.deadline()
        if core is not None and core <= now:
            self.feed(Woken())

    def outgoing(self) -> Sequence[tuple[Path, bytes]]:
        """Hand over what is to be sent."""
        out, self._out = self._out, []
        return out


def _first_state(name: str, host: str, settings: Settings) -> AgentState:
    listeners = tuple(
        Listener(f"{transport}:{host}:5060", transport, host, host, 5060)
        for transport in ("udp", "tcp")
    )
    return AgentState(
        settings=settings,
        listeners=listeners,
        incarnation=name,
        version="0",
        pid=1,
        events="",
        started_at=EPOCH,
        transactions=Transactions(t1=settings.sip.t1),
        clients=Clients(),
        workers=Workers(),
    )
