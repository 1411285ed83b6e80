"""What the scenarios of transfers share: who is there, and what the wire must have seen."""

from collections.abc import Callable, Sequence

from bus.calls import Answer, Answered, IncomingCall
from bus.ids import CallId
from bus.transfers import AcceptTransfer, TransferAsked
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Request, Response, first
from tests.harness.arena import ALICE, BOB, CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Caller, Puppet
from tests.harness.station import Station
from tests.signaling.sdp.bodies import audio

DAVE = "192.0.2.4"
TO_ALICE = f"sip:alice@{ALICE}"
TO_CAROL = f"sip:carol@{CAROL}"


def answers(station: Station, *, after: float = 0.1) -> None:
    """Let an owner answer every call."""

    def incoming(event: IncomingCall) -> None:
        station.later(after, lambda: station.send(Answer(call=event.call)))

    station.react(IncomingCall, incoming)


def accepts(station: Station, *, any_domain: bool = True) -> None:
    """Let an owner do what it is asked for."""

    def asked(event: TransferAsked) -> None:
        station.send(AcceptTransfer(transfer=event.transfer, any_domain=any_domain))

    station.react(TransferAsked, asked)


def is_up(station: Station, call: CallId) -> bool:
    """Whether an owner heard that media flows."""
    return any(event.call == call for event in station.heard(Answered))


class Transferor(Caller):
    """Dave, worked by hand: he called Bob and asks him to call somebody else."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.notify_status = 200
        super().__init__(arena.puppet("dave", DAVE, self._grant), BOB, call_id="dave-call")
        answers(arena.bob)
        self.send(self.request("INVITE", body=audio("0 101", address=DAVE, port=49170)))
        arena.network.run(until=lambda: bool(self.finals("INVITE")))
        self.learn(self.finals("INVITE")[-1])
        self.acknowledge(1)
        arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))

    @property
    def call(self) -> CallId:
        """Bob's name of the call."""
        return self.arena.bob.heard(IncomingCall)[0].call

    def refer(self, *headers: Header, to: str = f"<{TO_ALICE}>") -> Request:
        """Send a REFER."""
        return self.send(self.request("REFER", headers=[("Refer-To", to), *headers]))

    def refer_answered(self, *headers: Header, to: str = f"<{TO_ALICE}>") -> Response:
        """Send a REFER and wait for its final response."""
        refer = self.refer(*headers, to=to)
        return self.answer_to(refer)

    def answer_to(self, request: Request) -> Response:
        """Wait for the final response to a request."""
        number = first(request, "CSeq")

        def found() -> list[Response]:
            return [r for r in self.puppet.responses if first(r, "CSeq") == number]

        self.arena.network.run(until=lambda: any(r.status >= 200 for r in found()))
        return next(r for r in found() if r.status >= 200)

    def finals(self, method: str) -> list[Response]:
        """Return the final responses to requests of a method."""
        found = self.puppet.responses
        return [r for r in found if r.status >= 200 and (first(r, "CSeq") or "").endswith(method)]

    def notified(self) -> list[tuple[str, str, bytes]]:
        """Return Event, Subscription-State and body of each NOTIFY, copies left out."""
        seen: dict[str, tuple[str, str, bytes]] = {}
        for request in self.puppet.of("NOTIFY"):
            state = (first(request, "Subscription-State") or "").partition(";expires")[0]
            seen[first(request, "CSeq") or ""] = (
                first(request, "Event") or "",
                state,
                request.body,
            )
        return list(seen.values())

    def bye(self) -> None:
        """Hang up."""
        self.answer_to(self.send(self.request("BYE")))

    def _grant(self, puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "NOTIFY":
            puppet.answer(request, self.notify_status)
        elif request.method == "BYE":
            puppet.answer(request, 200)


def refuses(status: int) -> Callable[[Puppet, Request, Path], None]:
    """Make a peer that answers every INVITE with this."""

    def handler(puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, status)

    return handler


def statuses(notified: Sequence[tuple[str, str, bytes]]) -> list[str]:
    """Return the states and status codes of NOTIFYs."""
    return [f"{state} {body.split(b' ')[1].decode()}" for _, state, body in notified]


class Transferee(Caller):
    """Dave, worked by hand: Alice called him, and asks him to call somebody else."""

    def __init__(self, arena: Arena, *, refer: int = 202, hold: int = 200, user: str = "") -> None:
        self.arena = arena
        self.refer = refer
        """Status that a REFER is answered with; 0: it is not."""
        self.refer_headers: Sequence[Header] = ()
        self.hold = hold
        """Status that a re-INVITE to sendonly is answered with."""
        self.directions: list[str] = []
        """What the re-INVITEs offered."""
        super().__init__(arena.puppet("dave", DAVE, self._work), ALICE)
        self.mine = arena.alice.dial(f"sip:dave@{DAVE}", user=user)
        arena.network.run(until=lambda: arena.alice_is_up(self.mine))

    def notify(
        self, status: int, reason: str, *, state: str = "active;expires=60", event: str = "refer"
    ) -> Request:
        """Tell how it goes."""
        headers = [("Event", event), ("Subscription-State", state)]
        request = self.request("NOTIFY", headers=headers)
        request.headers.append(("Content-Type", "message/sipfrag;version=2.0"))
        request.body = f"SIP/2.0 {status} {reason}\r\n".encode()
        return self.send(request)

    def finish(self, status: int, reason: str) -> Request:
        """Tell how it went."""
        return self.notify(status, reason, state="terminated;reason=noresource")

    def answer_to(self, request: Request) -> Response:
        """Wait for the final response to a request."""
        number = first(request, "CSeq")

        def found() -> list[Response]:
            return [r for r in self.puppet.responses if first(r, "CSeq") == number]

        self.arena.network.run(until=lambda: any(r.status >= 200 for r in found()))
        return next(r for r in found() if r.status >= 200)

    def asked(self) -> Request:
        """Wait for a REFER; return the latest."""
        self.arena.network.run(until=lambda: bool(self.puppet.of("REFER")))
        return self.puppet.of("REFER")[-1]

    def _work(self, puppet: Puppet, request: Request, path: Path) -> None:
        match request.method:
            case "INVITE":
                self._invited(puppet, request)
            case "REFER" if self.refer:
                puppet.answer(request, self.refer, tag="theirs", headers=self.refer_headers)
            case "BYE" | "CANCEL":
                puppet.answer(request, 200, tag="theirs")
            case _:
                pass

    def _invited(self, puppet: Puppet, request: Request) -> None:
        caller = parse_name_addr(first(request, "From") or "")
        self.tag, self.call_id = caller.tag or "", first(request, "Call-ID") or ""
        self.uri = parse_name_addr(first(request, "Contact") or "").uri
        number = (first(request, "CSeq") or "").partition(" ")[0]
        offered = next(d for d in DIRECTIONS if f"a={d}\r\n".encode() in request.body)
        if number != "1" and offered not in self.directions[-1:]:
            self.directions.append(offered)
        if offered == "sendonly" and self.hold != 200:
            puppet.answer(request, self.hold, tag="theirs")
            return
        body = audio("0 101", DIRECTIONS[offered], address=DAVE, port=49170, version=int(number))
        puppet.answer(request, 200, tag="theirs", body=body)


DIRECTIONS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "inactive": "inactive"}
"""What an offer is answered with."""
