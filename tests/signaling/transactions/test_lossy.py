"""A client layer and a server layer over a network that loses, doubles and reorders.

Whatever happens, both sides come to an end, forget everything, and agree on the outcome.
"""

import random
from collections.abc import Callable, Sequence

import msgspec
import pytest

from signaling.sip.flow import Flow
from signaling.sip.message import Request, Response
from signaling.sip.parse import parse_message
from signaling.sip.render import render
from signaling.transactions.layer import (
    AckMissing,
    AckReceived,
    CancelReceived,
    ClientFailed,
    NewRequest,
    Out,
    ResponseReceived,
    Transactions,
    Transmit,
    cancel_for,
)
from tests.harness.network import GilbertElliott, Network, Path
from tests.signaling.transactions.drive import answer, request

ALICE, BOB = "udp:192.0.2.2:5060", "udp:192.0.2.1:5060"
TO_BOB = Flow(ALICE, "192.0.2.1", 5060)
TO_ALICE = Flow(BOB, "192.0.2.2", 5060)


class Side:
    """A layer on the network; its state is encoded and decoded before each input."""

    def __init__(self, flow: Flow) -> None:
        self.state = Transactions()
        self.flow = flow
        self.queue: list[tuple[Path, bytes]] = []

    def receive(self, path: Path, datagram: bytes, now: float) -> None:
        message = parse_message(datagram)
        if isinstance(message, Request):
            self.do(lambda state: state.receive_request(message, self.flow, now), now)
        else:
            self.do(lambda state: state.receive_response(message, now), now)

    def deadline(self) -> float | None:
        return self.state.deadline()

    def wake(self, now: float) -> None:
        self.do(lambda state: state.wake(now), now)

    def outgoing(self) -> Sequence[tuple[Path, bytes]]:
        queue, self.queue = self.queue, []
        return queue

    def do(self, what: Callable[[Transactions], list[Out]], now: float) -> None:
        frame = msgspec.msgpack.encode(self.state)
        self.state = msgspec.msgpack.decode(frame, type=Transactions)
        for out in what(self.state):
            if isinstance(out, Transmit):
                self.transmit(out.datagram)
            else:
                self.take(out, now)

    def transmit(self, datagram: bytes) -> None:
        peer = f"udp:{self.flow.host}:{self.flow.port}"
        self.queue.append((Path(self.flow.listener, peer), datagram))

    def take(self, out: Out, now: float) -> None:
        raise NotImplementedError


class Caller(Side):
    """Sends requests; acknowledges each 2xx; cancels what it was told to once that rings."""

    def __init__(self) -> None:
        super().__init__(TO_BOB)
        self.sent: dict[str, Request] = {}
        self.to_cancel: set[str] = set()
        self.outcome: dict[str, str] = {}

    def send(self, given: Request, now: float) -> str:
        keys: list[str] = []

        def begin(state: Transactions) -> list[Out]:
            key, outs = state.client_request(given, self.flow, now)
            keys.append(key)
            return outs

        self.do(begin, now)
        self.sent[keys[0]] = given
        return keys[0]

    def take(self, out: Out, now: float) -> None:
        if isinstance(out, ClientFailed):
            self.outcome.setdefault(out.key, out.why)
        if isinstance(out, ResponseReceived):
            self.answered(out.key, out.response, now)

    def answered(self, key: str, response: Response, now: float) -> None:
        given = self.sent[key]
        if response.status >= 200:
            self.outcome.setdefault(key, str(response.status))
        elif key in self.to_cancel and self.state.invite_proceeding(key):
            self.to_cancel.remove(key)
            self.send(cancel_for(given), now)
        if given.method == "INVITE" and 200 <= response.status < 300:
            branch = f"z9hG4bKack{key.split()[0][-6:]}"
            ack = request("ACK", branch=branch, cseq=cseq_of(given), to_tag="b1")
            self.transmit(render(ack))


class Callee(Side):
    """Answers INVITE with 180 and a final status of its choice, all else at once."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(TO_ALICE)
        self.chance = chance
        self.seen: dict[str, Request] = {}
        self.outcome: dict[str, str] = {}
        self.acknowledged: set[str] = set()
        self.given_up: set[str] = set()
        self.ringing: list[tuple[float, str]] = []
        self.twice = 0

    def take(self, out: Out, now: float) -> None:
        match out:
            case NewRequest(key, given):
                self.twice += key in self.seen
                self.seen[key] = given
                if given.method == "INVITE":
                    self.answer(key, 180, now)
                    self.ringing.append((now + self.chance.choice([0.0, 0.3, 5.0]), key))
                else:
                    self.answer(key, 200, now)
            case CancelReceived(key, invite_key, given):
                self.seen[key] = given
                self.answer(key, 200, now)
                self.answer(invite_key, 487, now)
            case AckReceived(given):
                for key in [k for k, i in self.seen.items() if is_ack_of(given, i)]:
                    self.acknowledged.add(key)
                    self.state.stop_2xx(key)
            case AckMissing(key):
                self.given_up.add(key)
            case _:
                raise AssertionError(out)

    def answer(self, key: str, status: int, now: float) -> None:
        if status >= 200:
            if key in self.outcome:
                return
            self.outcome[key] = str(status)
        response = answer(self.seen[key], status)
        self.do(lambda state: state.respond(key, response, now), now)

    def deadline(self) -> float | None:
        instants = [at for at, _ in self.ringing]
        own = super().deadline()
        return min(instants if own is None else [*instants, own], default=None)

    def wake(self, now: float) -> None:
        super().wake(now)
        due = [key for at, key in self.ringing if at <= now]
        self.ringing = [(at, key) for at, key in self.ringing if at > now]
        for key in due:
            self.answer(key, self.chance.choice([200, 200, 302, 486, 603]), now)


def cseq_of(given: Request) -> int:
    return int(dict(given.headers)["CSeq"].split()[0])


def is_ack_of(ack: Request, invite: Request) -> bool:
    return invite.method == "INVITE" and cseq_of(ack) == cseq_of(invite)


LINKS = {
    "fair": {"latency": 0.02},
    "lossy": {"latency": 0.02, "jitter": 0.05, "duplicate": 0.2, "reorder": 0.3},
    "slow": {"latency": 0.8, "jitter": 1.5, "duplicate": 0.2, "reorder": 0.3},
}
LOSS = {"fair": (0.0, 1.0), "lossy": (0.3, 0.4), "slow": (0.2, 0.6)}


@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("seed", range(15))
def test_both_sides_end_and_agree(kind: str, seed: int) -> None:
    with Network(seed, **LINKS[kind]) as network:
        alice, bob = Caller(), Callee(random.Random(seed))
        network.add("alice", alice, ALICE)
        network.add("bob", bob, BOB)
        for one, other in (("alice", "bob"), ("bob", "alice")):
            network.link(one, other).loss = GilbertElliott(*LOSS[kind])
        for number in range(1, 13):
            method = "OPTIONS" if number % 4 == 0 else "INVITE"
            given = request(method, branch=f"z9hG4bK{number:06}", cseq=number)
            key = alice.send(given, network.now)
            if number % 3 == 0 and method == "INVITE":
                alice.to_cancel.add(key)
            network.run(seconds=0.1)
        network.run(seconds=200.0)
        assert alice.state == Transactions()
        assert bob.state == Transactions()
        # Only a slow network brings a copy when its transaction is long over.
        assert kind == "slow" or bob.twice == 0
        for key, given in alice.sent.items():
            agree(alice, bob, key, given)


def agree(alice: Caller, bob: Callee, key: str, given: Request) -> None:
    branch, method = key.split()
    theirs = next((k for k in bob.seen if k.startswith(branch) and k.endswith(method)), None)
    heard, said = alice.outcome[key], bob.outcome.get(theirs) if theirs else None
    assert heard in (said, "timeout"), f"{key}: {heard} heard, {said} said"
    if method == "INVITE" and said == "200" and theirs:
        assert (theirs in bob.acknowledged) != (theirs in bob.given_up)
        assert heard == "200" or theirs in bob.given_up


def test_a_fair_network_loses_nothing() -> None:
    with Network(1, latency=0.02) as network:
        alice, bob = Caller(), Callee(random.Random(3))
        network.add("alice", alice, ALICE)
        network.add("bob", bob, BOB)
        keys = [
            alice.send(request(m, branch=f"z9hG4bK{n:06}", cseq=n), network.now)
            for n, m in enumerate(["INVITE", "OPTIONS", "INVITE", "BYE"], 1)
        ]
        network.run(seconds=200.0)
        assert "timeout" not in {alice.outcome[key] for key in keys}
        assert (bob.twice, bob.given_up) == (0, set())
