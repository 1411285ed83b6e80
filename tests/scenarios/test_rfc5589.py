"""Scenario 21 and the ladders of RFC 5589: one test a figure, named after its section.

Alice is the transferor, Bob the transferee, Carol the target: three of our engines, each with an
owner of its own; a peer that cannot do something is worked by hand.  Not here, because they are
about other things than transferring: 9 (conferences) and 11 (gateways to the telephone network).
"""

import re
from collections.abc import Callable, Iterable

import pytest

from bus.calls import Answer, Answered, Ended, HangUp, IncomingCall, Outcome, Reject, Ring
from bus.holding import Hold, HoldChanged
from bus.ids import CallId
from bus.ladder import label
from bus.transfers import Replaced, Transfer, TransferAsked, TransferEnded, TransferProgress
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Header, Request, Response, first
from signaling.sip.referring import parse_refer_to, parse_replaces
from signaling.sip.render import respond
from tests.harness.arena import BOB, CAROL, TO_BOB, Arena
from tests.harness.network import GilbertElliott, Path
from tests.harness.puppet import Caller, Puppet
from tests.harness.station import Station
from tests.scenarios.transferring import TO_ALICE, TO_CAROL, accepts, answers, is_up
from tests.signaling.sdp.bodies import audio

NOBODY = CallId("")


class Cast:
    """The three of them; Alice and Bob are talking."""

    def __init__(self, arena: Arena, *, caller: str = "alice") -> None:
        self.arena = arena
        self.alice, self.bob = arena.alice, arena.bob
        self.carol = arena.station("carol", CAROL)
        for station in (self.alice, self.bob, self.carol):
            answers(station)
            accepts(station)
        placing, answering = (self.alice, self.bob) if caller == "alice" else (self.bob, self.alice)
        to = TO_BOB if caller == "alice" else TO_ALICE
        placed = placing.dial(to)
        arena.network.run(until=lambda: bool(answering.heard(Answered)) and is_up(placing, placed))
        offered = answering.heard(IncomingCall)[0].call
        mine, theirs = (placed, offered) if caller == "alice" else (offered, placed)
        self.first, self.bobs = mine, theirs
        """The first call, as Alice and as Bob name it."""

    def consult(self) -> CallId:
        """Let Alice hold Bob and call Carol; return her name of the second call."""
        self.alice.send(Hold(call=self.first))
        self.wait(lambda: bool(self.alice.heard(HoldChanged)))
        second = self.alice.dial(TO_CAROL)
        self.wait(lambda: is_up(self.alice, second) and bool(self.carol.heard(Answered)))
        return second

    def transfer(
        self,
        call: CallId,
        *,
        uri: str = "",
        other: CallId = NOBODY,
        timeout: float = 30.0,
        headers: tuple[Header, ...] = (),
    ) -> TransferEnded:
        """Let Alice transfer a call; return how it ended."""
        before = len(self.alice.heard(TransferEnded))
        transfer = Transfer(call=call, uri=uri, other=other, timeout=timeout, headers=headers)
        self.alice.ask(transfer)
        self.wait(lambda: len(self.alice.heard(TransferEnded)) > before)
        return self.alice.heard(TransferEnded)[-1]

    def wait(self, until: Callable[[], bool]) -> None:
        """Let time pass until something is so."""
        self.arena.network.run(until=until, seconds=60.0)

    def settle(self, seconds: float = 8.0) -> None:
        """Let time pass for whatever is still to come."""
        self.arena.network.run(seconds=seconds)

    def carried(self, *expected: str) -> None:
        """See that these went over the wire in this order, whatever was in between."""
        rest = iter(self.wire())
        for rung in expected:
            assert rung in rest, f"{rung} is missing, or came too early, in {self.wire()}"

    def wire(self) -> list[str]:
        """Return all messages as ``alice>bob INVITE`` and ``bob>alice 200 INVITE``."""
        return [
            f"{r.source}>{r.target} {_kind(r.datagram)}" for r in self.arena.network.ladder.rungs
        ]

    def together(self, one: Station, another: Station) -> None:
        """See that the two talk to each other and to nobody else; end it."""
        for here, there in ((one, another), (another, one)):
            (mine,), (theirs,) = here.worker.open_streams, there.worker.open_streams
            remote = mine.remotes[-1]
            assert (remote.address, remote.port) == (there.host, theirs.port)
            assert (remote.send, remote.receive) == (True, True)
            assert len(here.state.live_calls()) == 1
        (nobody,) = {self.alice, self.bob, self.carol} - {one, another}
        assert not nobody.worker.open_streams
        assert not nobody.state.live_calls()
        one.hang_up_all()
        self.settle(1.0)

    def ended_once(self) -> None:
        """Each call ended once for each owner."""
        for station in (self.alice, self.bob, self.carol):
            ends = [event.call for event in station.heard(Ended)]
            assert len(ends) == len(set(ends))


def _kind(datagram: bytes) -> str:
    return re.sub(r" \d+( \(.*\))?$", "", label(datagram))


def refer_of(station: Station) -> Request:
    """Return the REFER that somebody got."""
    return station.requests("REFER")[-1]


both = pytest.mark.parametrize("caller", ["alice", "bob"])
"""REFER in either direction of the dialog."""

# ---------------------------------------------------------------------------- basic transfer


@both
def test_6_1_basic_transfer(arena: Arena, caller: str) -> None:
    """6.1 Successful Transfer, with the dialog used again as in 6.2."""
    cast = Cast(arena, caller=caller)
    assert cast.transfer(cast.first, uri=TO_CAROL).ok
    cast.settle()
    cast.carried(
        "alice>bob INVITE",
        "bob>alice 200 INVITE",
        "alice>bob ACK",
        "alice>bob REFER",
        "bob>alice 202 REFER",
        "bob>alice NOTIFY",
        "bob>carol INVITE",
        "carol>bob 200 INVITE",
        "bob>carol ACK",
        "bob>alice NOTIFY",
        "alice>bob 200 NOTIFY",
        "alice>bob BYE",
        "bob>alice 200 BYE",
    )
    assert cast.wire().count("alice>bob BYE") == 1
    cast.together(cast.bob, cast.carol)
    cast.ended_once()


def test_6_1_refer_in_a_dialog_of_its_own(arena: Arena) -> None:
    """6.1 as drawn: REFER and its NOTIFYs beside the call, tied to it by Target-Dialog."""
    carol = arena.station("carol", CAROL)
    answers(arena.bob)
    answers(carol)
    accepts(arena.bob)
    dave = arena.puppet("dave", "192.0.2.4", _grants)
    call = Caller(dave, BOB, call_id="first")
    call.send(call.request("INVITE", body=audio("0", address="192.0.2.4", port=49170)))
    arena.network.run(until=lambda: any(r.status == 200 for r in dave.responses))
    call.learn(next(r for r in dave.responses if r.status == 200))
    call.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    beside = Caller(dave, BOB, call_id="second")
    dialog = f"first;local-tag=theirs;remote-tag={call.tag}"
    beside.send(
        beside.request(
            "REFER",
            headers=[
                ("Refer-To", f"<{TO_CAROL}>"),
                ("Target-Dialog", dialog),
                ("Require", "tdialog"),
            ],
        )
    )
    arena.network.run(until=lambda: len(arena.bob.heard(Answered)) == 2)
    arena.network.run(seconds=1.0)
    (asked,) = arena.bob.heard(TransferAsked)
    assert asked.call == arena.bob.heard(IncomingCall)[0].call
    assert {first(notify, "Call-ID") for notify in dave.of("NOTIFY")} == {"second"}
    assert dave.of("NOTIFY")[-1].body == b"SIP/2.0 200 OK\r\n"
    call.send(call.request("BYE"))
    arena.network.run(seconds=1.0)
    assert [event.call for event in arena.bob.heard(Ended)] == [asked.call]
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def _grants(puppet: Puppet, request: Request, path: Path) -> None:
    if request.method in ("NOTIFY", "BYE"):
        puppet.answer(request, 200)


@both
def test_6_3_1_target_busy(arena: Arena, caller: str) -> None:
    cast = Cast(arena, caller=caller)
    cast.carol.reactions.clear()
    cast.carol.react(IncomingCall, lambda e: cast.carol.send(Reject(call=e.call, status=486)))
    ended = cast.transfer(cast.first, uri=TO_CAROL)
    assert (ended.ok, ended.status, ended.reason) == (False, 486, "Busy Here")
    cast.settle()
    cast.carried(
        "alice>bob REFER",
        "bob>alice 202 REFER",
        "bob>carol INVITE",
        "carol>bob 486 INVITE",
        "bob>alice NOTIFY",
        "alice>bob 200 NOTIFY",
        "alice>bob INVITE",
        "bob>alice 200 INVITE",
    )
    assert not cast.alice.heard(HoldChanged)[-1].local
    cast.together(cast.alice, cast.bob)


def test_6_3_2_target_does_not_answer(arena: Arena) -> None:
    cast = Cast(arena)
    cast.carol.reactions.clear()
    cast.carol.react(IncomingCall, lambda e: cast.carol.send(Ring(call=e.call)))
    cast.alice.send(Transfer(call=cast.first, uri=TO_CAROL, timeout=10.0))
    cast.wait(lambda: any(e.status == 180 for e in cast.alice.heard(TransferProgress)))
    cast.wait(lambda: bool(cast.alice.heard(TransferEnded)))
    assert not cast.alice.heard(TransferEnded)[0].ok
    cast.settle(1.0)
    new = next(call.id for call in cast.bob.state.calls.values() if call.id != cast.bobs)
    cast.bob.ask(HangUp(call=new))
    cast.settle()
    cast.carried(
        "alice>bob REFER",
        "bob>carol INVITE",
        "carol>bob 180 INVITE",
        "bob>alice NOTIFY",
        "alice>bob INVITE",
        "bob>carol CANCEL",
        "bob>alice NOTIFY",
        "alice>bob 200 NOTIFY",
    )
    cast.together(cast.alice, cast.bob)


# -------------------------------------------------------------------- with consultation hold


def test_7_1_exposing_transfer_target(arena: Arena) -> None:
    """Alice asks Carol, hangs up on her, and transfers Bob."""
    cast = Cast(arena)
    second = cast.consult()
    cast.alice.ask(HangUp(call=second))
    cast.settle(1.0)
    assert cast.transfer(cast.first, uri=TO_CAROL).ok
    cast.settle()
    cast.carried(
        "alice>bob INVITE",
        "alice>carol INVITE",
        "alice>carol BYE",
        "alice>bob REFER",
        "bob>carol INVITE",
        "alice>bob BYE",
    )
    cast.together(cast.bob, cast.carol)


def test_7_2_protecting_transfer_target(arena: Arena) -> None:
    """Carol is asked to call Bob in Alice's place: Bob never learns where she is before."""
    cast = Cast(arena)
    second = cast.consult()
    assert cast.transfer(second, other=cast.first).ok
    cast.settle()
    cast.carried(
        "alice>carol REFER",
        "carol>alice 202 REFER",
        "carol>bob INVITE",
        "bob>carol 200 INVITE",
        "bob>alice BYE",
    )
    assert [event.call for event in cast.bob.heard(Replaced)] == [cast.bobs]
    cast.together(cast.bob, cast.carol)
    cast.ended_once()


@both
def test_7_3_attended_transfer(arena: Arena, caller: str) -> None:
    cast = Cast(arena, caller=caller)
    second = cast.consult()
    assert cast.transfer(cast.first, other=second).ok
    up_at = cast.bob.heard(Answered)
    cast.settle()
    cast.carried(
        "alice>bob INVITE",
        "alice>carol INVITE",
        "alice>carol INVITE",
        "alice>bob REFER",
        "bob>alice 202 REFER",
        "bob>alice NOTIFY",
        "bob>carol INVITE",
        "carol>bob 200 INVITE",
        "bob>carol ACK",
        "carol>alice BYE",
        "alice>carol 200 BYE",
        "alice>bob BYE",
    )
    assert len(up_at) == 2
    asked = refer_of(cast.bob)
    target = parse_refer_to(first(asked, "Refer-To") or "")
    replaces = parse_replaces(target.replaces)
    consultation = cast.carol.requests("INVITE")[0]
    assert replaces.call_id == first(consultation, "Call-ID")
    assert replaces.from_tag == parse_name_addr(first(consultation, "From") or "").tag
    invite = cast.carol.requests("INVITE")[-1]
    assert first(invite, "Replaces") == target.replaces
    assert first(invite, "Referred-By") == first(asked, "Referred-By")
    (told,) = cast.carol.heard(Replaced)
    reasons = {event.call: event.reason for event in cast.carol.heard(Ended)}
    assert reasons[told.call] == "replaced"
    assert {event.outcome for event in cast.alice.heard(Ended)} == {Outcome.COMPLETED}
    cast.together(cast.bob, cast.carol)
    cast.ended_once()


def test_7_3_alice_was_called_by_both(arena: Arena) -> None:
    """The consultation came in: the tags are the other way round."""
    cast = Cast(arena, caller="bob")
    placed = cast.carol.dial(TO_ALICE)
    cast.wait(lambda: is_up(cast.carol, placed) and len(cast.alice.heard(Answered)) == 2)
    second = cast.alice.heard(IncomingCall)[1].call
    assert cast.transfer(cast.first, other=second).ok
    cast.settle()
    assert [event.call for event in cast.carol.heard(Replaced)] == [placed]
    cast.together(cast.bob, cast.carol)


def test_7_3_the_target_declines(arena: Arena) -> None:
    """Both calls of Alice go on, taken back."""
    cast = Cast(arena)
    second = cast.alice.dial(TO_CAROL)
    cast.wait(lambda: is_up(cast.alice, second) and bool(cast.carol.heard(Answered)))
    cast.bob.reactions.clear()
    arena.link("bob", "carol").down = True
    accepts(cast.bob)
    cast.alice.send(Transfer(call=cast.first, other=second, timeout=5.0))
    cast.wait(lambda: bool(cast.alice.heard(TransferEnded)))
    assert not cast.alice.heard(TransferEnded)[0].ok
    cast.settle(3.0)
    assert not cast.alice.heard(Ended)
    assert {e.call for e in cast.alice.heard(HoldChanged) if not e.local} == {cast.first, second}
    for station in (cast.alice, cast.bob, cast.carol):
        station.hang_up_all()
    cast.settle(40.0)


def test_7_4_recovery_when_one_party_does_not_support_refer(arena: Arena) -> None:
    """Dave knows Replaces and no REFER: Carol is asked instead."""
    carol = arena.station("carol", CAROL)
    for station in (arena.alice, carol):
        answers(station)
        accepts(station)
    dave = Old(arena)
    mine = arena.alice.dial(f"sip:dave@{DAVE}")
    second = arena.alice.dial(TO_CAROL)
    arena.network.run(until=lambda: is_up(arena.alice, mine) and is_up(arena.alice, second))
    arena.network.run(seconds=0.5)
    arena.alice.ask(Transfer(call=mine, other=second))
    arena.network.run(until=lambda: len(arena.alice.heard(TransferEnded)) == 1)
    refused = arena.alice.heard(TransferEnded)[0]
    assert (refused.ok, refused.status) == (False, 405)
    arena.network.run(seconds=1.0)
    arena.alice.ask(Transfer(call=second, other=mine))
    arena.network.run(until=lambda: len(arena.alice.heard(TransferEnded)) == 2)
    assert arena.alice.heard(TransferEnded)[1].ok
    arena.network.run(seconds=8.0)
    assert not arena.alice.state.live_calls()
    assert first(dave.puppet.of("INVITE")[-1], "Replaces") is not None
    carol.hang_up_all()
    arena.network.run(seconds=1.0)


DAVE = "192.0.2.4"


class Old:
    """Dave, worked by hand: answers every INVITE, knows no REFER."""

    def __init__(
        self,
        arena: Arena,
        *,
        status: int = 200,
        host: str = DAVE,
        contact: str = f"sip:dave@{DAVE}",
    ) -> None:
        self.status = status
        """What an INVITE with Replaces is answered with."""
        self.contact = contact
        self.puppet = arena.puppet("dave", host, self._work)

    def _work(self, puppet: Puppet, request: Request, path: Path) -> None:
        match request.method:
            case "INVITE" if first(request, "Replaces") is not None and self.status != 200:
                puppet.answer(request, self.status)
            case "INVITE":
                held = b"a=sendonly" in request.body
                number = int((first(request, "CSeq") or "").partition(" ")[0])
                said = ["recvonly"] if held else []
                body = audio("0 101", *said, address=DAVE, port=49170, version=number)
                puppet.send(self._accept(request, body), path.remote)
            case "REFER":
                puppet.answer(request, 405)
            case "BYE" | "NOTIFY" | "CANCEL":
                puppet.answer(request, 200)
            case _:
                pass

    def _accept(self, request: Request, body: bytes) -> Response:
        contact = [("Contact", f"<{self.contact}>")]
        kind = "application/sdp"
        return respond(request, 200, to_tag="hers", headers=contact, body=body, content_type=kind)


def shy(arena: Arena) -> tuple[CallId, CallId, "Old"]:
    """Let Alice talk to Bob, and to Dave, whose Contact leads nowhere; return both her calls."""
    for station in (arena.alice, arena.bob):
        answers(station)
        accepts(station)
    dave = Old(arena, host=CAROL, contact="sip:dave@no.such.host")
    mine, second = arena.alice.dial(TO_BOB), arena.alice.dial(AT_HOME)
    arena.network.run(until=lambda: is_up(arena.alice, mine) and is_up(arena.alice, second))
    arena.network.run(seconds=0.5)
    return mine, second, dave


AT_HOME = "sip:dave@carol.example.com"


def test_7_5_contact_uri_not_known_to_be_globally_routable(arena: Arena) -> None:
    """Dave's Contact leads nowhere for Bob: he is tried at his address of record."""
    mine, second, dave = shy(arena)
    arena.alice.ask(Transfer(call=mine, other=second))
    arena.network.run(until=lambda: bool(arena.alice.heard(TransferEnded)))
    assert arena.alice.heard(TransferEnded)[0].ok
    arena.network.run(seconds=8.0)
    refers = [first(refer, "Refer-To") or "" for refer in arena.bob.requests("REFER")]
    assert len(refers) == 2
    assert refers[0].startswith("<sip:dave@no.such.host?Replaces=")
    assert refers[1].startswith(f"<{AT_HOME}?Replaces=")
    assert refers[1].endswith("&Require=replaces>")
    invite = dave.puppet.of("INVITE")[-1]
    assert first(invite, "Require") == "replaces"
    assert first(invite, "Replaces")
    assert len({first(notify, "Event") for notify in arena.alice.requests("NOTIFY")}) == 2
    assert not arena.alice.state.live_calls()
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_7_5_address_of_record_fails_too(arena: Arena) -> None:
    """Neither leads to Dave: both calls are taken back."""
    arena.bob = arena.station("bob", BOB, names={})
    mine, second, _ = shy(arena)
    arena.alice.ask(Transfer(call=mine, other=second))
    arena.network.run(until=lambda: bool(arena.alice.heard(TransferEnded)))
    ended = arena.alice.heard(TransferEnded)[0]
    assert (ended.ok, ended.status) == (False, 503)
    arena.network.run(seconds=2.0)
    assert len(arena.bob.requests("REFER")) == 2
    assert not arena.alice.heard(Ended)
    taken_back = {event.call for event in arena.alice.heard(HoldChanged) if not event.local}
    assert taken_back == {mine, second}
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_7_6_1_semi_attended_as_blind(arena: Arena) -> None:
    """Carol rings when Alice changes her mind: that call is cancelled, and Bob calls her."""
    cast = Cast(arena)
    cast.carol.reactions.clear()
    cast.carol.react(IncomingCall, lambda e: cast.carol.send(Ring(call=e.call)))
    second = cast.alice.dial(TO_CAROL)
    cast.wait(lambda: "carol>alice 180 INVITE" in cast.wire())
    cast.alice.ask(HangUp(call=second))
    cast.settle(0.5)
    answers(cast.carol)
    assert cast.transfer(cast.first, uri=TO_CAROL).ok
    cast.settle()
    cast.carried(
        "alice>carol INVITE",
        "carol>alice 180 INVITE",
        "alice>carol CANCEL",
        "alice>bob REFER",
        "bob>carol INVITE",
        "carol>bob 200 INVITE",
        "alice>bob BYE",
    )
    cast.together(cast.bob, cast.carol)


def test_7_6_2_semi_attended_as_attended(arena: Arena) -> None:
    """Carol rings when Alice asks: REFER waits until she has picked up."""
    cast = Cast(arena)
    cast.carol.reactions.clear()
    cast.carol.react(IncomingCall, lambda e: cast.carol.send(Ring(call=e.call)))
    second = cast.alice.dial(TO_CAROL)
    cast.wait(lambda: "carol>alice 180 INVITE" in cast.wire())
    answers(cast.carol)
    theirs = cast.carol.heard(IncomingCall)[0].call
    cast.carol.later(2.0, lambda: cast.carol.send(Answer(call=theirs)))
    assert cast.transfer(cast.first, other=second).ok
    cast.settle()
    cast.carried(
        "carol>alice 180 INVITE",
        "carol>alice 200 INVITE",
        "alice>carol ACK",
        "alice>bob REFER",
        "bob>carol INVITE",
        "carol>alice BYE",
    )
    cast.together(cast.bob, cast.carol)


def test_7_6_2_nobody_picks_up(arena: Arena) -> None:
    cast = Cast(arena)
    cast.carol.reactions.clear()
    cast.carol.react(IncomingCall, lambda e: cast.carol.send(Reject(call=e.call)))
    second = cast.alice.dial(TO_CAROL)
    ended = cast.transfer(cast.first, other=second)
    assert not ended.ok
    cast.settle(2.0)
    assert "alice>bob REFER" not in cast.wire()
    assert [event.call for event in cast.alice.heard(Ended)] == [second]
    cast.together(cast.alice, cast.bob)


def test_7_7_attended_transfer_fallback_to_basic_transfer(arena: Arena) -> None:
    """Dave knows no Replaces, and says so because it is required: he is called without."""
    for station in (arena.alice, arena.bob):
        answers(station)
        accepts(station)
    dave = Old(arena, status=420)
    mine = arena.alice.dial(TO_BOB)
    second = arena.alice.dial(f"sip:dave@{DAVE}")
    arena.network.run(until=lambda: is_up(arena.alice, mine) and is_up(arena.alice, second))
    arena.network.run(seconds=0.5)
    arena.alice.ask(Transfer(call=mine, other=second))
    arena.network.run(until=lambda: len(arena.alice.heard(TransferEnded)) == 1)
    refused = arena.alice.heard(TransferEnded)[0]
    assert (refused.ok, refused.status) == (False, 420)
    arena.network.run(seconds=1.0)
    arena.alice.ask(HangUp(call=second))
    arena.alice.ask(Transfer(call=mine, uri=f"sip:dave@{DAVE}"))
    arena.network.run(until=lambda: len(arena.alice.heard(TransferEnded)) == 2)
    assert arena.alice.heard(TransferEnded)[1].ok
    arena.network.run(seconds=8.0)
    assert not arena.alice.state.live_calls()
    assert first(dave.puppet.of("INVITE")[-1], "Replaces") is None
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


# ------------------------------------------------------------------------------- and further


def test_8_transfer_with_referred_by(arena: Arena) -> None:
    """Carol is told on whose behalf she is called (RFC 3892)."""
    cast = Cast(arena)
    headers = (("Referred-By", '<sip:alice@example.com>;cid="1@a"'),)
    assert cast.transfer(cast.first, uri=TO_CAROL, headers=headers).ok
    cast.settle()
    assert first(refer_of(cast.bob), "Referred-By") == headers[0][1]
    assert first(cast.carol.requests("INVITE")[0], "Referred-By") == headers[0][1]
    cast.together(cast.bob, cast.carol)


def test_10_transfer_with_multiple_parties(arena: Arena) -> None:
    """Who was transferred to transfers on: Carol sends Bob back to Alice."""
    cast = Cast(arena)
    assert cast.transfer(cast.first, uri=TO_CAROL).ok
    cast.settle()
    (theirs,) = cast.carol.state.live_calls()
    cast.carol.ask(Transfer(call=theirs.call, uri=TO_ALICE))
    cast.wait(lambda: bool(cast.carol.heard(TransferEnded)))
    assert cast.carol.heard(TransferEnded)[0].ok
    cast.settle()
    (last,) = cast.bob.state.calls.values()
    assert last.transfers == 2
    cast.together(cast.bob, cast.alice)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("attended", [False, True], ids=["blind", "attended"])
def test_over_lines_that_lose_and_reorder(arena: Arena, seed: int, attended: bool) -> None:
    """Whatever is lost: one end for each transfer and call, nothing is left of either."""
    cast = Cast(arena)
    second = cast.consult() if attended else NOBODY
    arena.network.chance.seed(seed)
    for source, target in _pairs(("alice", "bob", "carol")):
        link = arena.link(source, target)
        link.jitter, link.duplicate, link.reorder = 0.2, 0.2, 0.2
        link.loss = GilbertElliott(0.08, 0.4)
    uri = "" if attended else TO_CAROL
    ended = cast.transfer(cast.first, timeout=40.0, uri=uri, other=second)
    cast.settle(60.0)
    if ended.ok:
        assert not cast.alice.state.live_calls()
    for station in (cast.alice, cast.bob, cast.carol):
        station.hang_up_all()
    cast.settle(70.0)
    assert len(cast.alice.heard(TransferEnded)) == 1
    cast.ended_once()


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    listed = list(names)
    return [(a, b) for a in listed for b in listed if a != b]
