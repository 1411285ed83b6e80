"""Scenario 22: an INVITE that takes the place of a call of ours (RFC 3891 section 3)."""

import pytest

from bus.calls import Answered, Ended, HangUp, IncomingCall, Outcome, Play, Record
from bus.ids import CallId
from bus.settings import Settings, SipSettings
from bus.sources import Silence, Tone
from bus.transfers import Replaced
from signaling.sip.headers import parse_name_addr
from signaling.sip.message import Request, Response, first
from tests.harness.arena import ALICE, BOB, Arena
from tests.harness.network import GilbertElliott, Path
from tests.harness.puppet import Caller, Puppet
from tests.scenarios.transferring import Transferor, answers
from tests.signaling.sdp.bodies import audio

ERIN = "192.0.2.5"


class Newcomer(Caller):
    """Erin, worked by hand: wants to take somebody's place at Bob's."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        super().__init__(arena.puppet("erin", ERIN, self._grant), BOB, call_id="erin-call")

    def replace(self, *replaces: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """Call Bob with these Replaces; return the final response, acknowledged if it is a 2xx."""
        body = audio("0 101", address=ERIN, port=49180)
        named = [("Replaces", value) for value in replaces]
        self.send(self.request("INVITE", body=body, headers=[*named, *headers]))
        number = f"{self.number} INVITE"

        def finals() -> list[Response]:
            found = [r for r in self.puppet.responses if first(r, "CSeq") == number]
            return [r for r in found if r.status >= 200]

        self.arena.network.run(until=lambda: bool(finals()))
        response = finals()[0]
        if response.status == 200:
            self.learn(response)
            self.acknowledge(self.number)
        self.arena.network.run(seconds=0.2)
        return response

    def _grant(self, puppet: Puppet, request: Request, path: Path) -> None:
        if request.method == "BYE":
            puppet.answer(request, 200)


def dialog_of(dave: Transferor, *, to_tag: str = "", from_tag: str = "theirs") -> str:
    """Name Dave's call as Bob sees it."""
    return f"{dave.call_id};to-tag={to_tag or dave.tag};from-tag={from_tag}"


def undisturbed(arena: Arena, dave: Transferor) -> None:
    """Nothing came of it: the old call is up and Bob's owner heard nothing."""
    assert not arena.bob.heard(Replaced)
    assert not arena.bob.heard(Ended)
    assert len(arena.bob.heard(IncomingCall)) == 1
    assert len(arena.bob.worker.open_streams) == 1
    dave.bye()
    arena.network.run(seconds=1.0)


def test_a_confirmed_dialog_is_replaced(arena: Arena) -> None:
    dave = Transferor(arena)
    erin = Newcomer(arena)
    assert erin.replace(dialog_of(dave), headers=(("Require", "replaces"),)).status == 200
    (told,) = arena.bob.heard(Replaced)
    assert (told.call, told.remote) == (dave.call, f"sip:erin@{ERIN}")
    assert arena.bob.heard(Answered)[-1].call == told.by
    (ended,) = arena.bob.heard(Ended)
    assert (ended.call, ended.outcome, ended.reason) == (dave.call, Outcome.COMPLETED, "replaced")
    assert len(dave.puppet.of("BYE")) == 1
    assert len(arena.bob.heard(IncomingCall)) == 1
    assert arena.bob.state.calls[told.by].owner == "bob's owner"
    remote = arena.bob.worker.open_streams[0].remotes[-1]
    assert (remote.address, remote.port) == (ERIN, 49180)
    erin.send(erin.request("BYE"))
    arena.network.run(seconds=1.0)


def test_the_source_and_the_recording_go_on(arena: Arena) -> None:
    dave = Transferor(arena)
    arena.bob.send(Play(call=dave.call, source=Tone(frequency=300.0)))
    arena.bob.send(Record(call=dave.call, path="/tmp/calls/one.wav"))
    erin = Newcomer(arena)
    assert erin.replace(dialog_of(dave)).status == 200
    (stream,) = arena.bob.worker.open_streams
    assert (stream.plays[0], stream.record) == (Tone(frequency=300.0), "/tmp/calls/one-2.wav")
    assert arena.bob.heard(Ended)[0].record == "/tmp/calls/one.wav"
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.bob.heard(Ended)[1].record == "/tmp/calls/one-2.wav"


def test_a_recording_that_was_stopped_is_not_begun_again(arena: Arena) -> None:
    dave = Transferor(arena)
    arena.bob.send(Record(call=dave.call, path="/tmp/calls/one.wav"))
    arena.bob.send(Record(call=dave.call, path=""))
    erin = Newcomer(arena)
    assert erin.replace(dialog_of(dave)).status == 200
    (stream,) = arena.bob.worker.open_streams
    assert (stream.plays[0], stream.record) == (Silence(), "")
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


@pytest.mark.parametrize(
    ("to_tag", "from_tag"),
    [("", "another"), ("another", "theirs"), ("theirs", "ours"), ("", "0")],
)
def test_both_tags_must_match_and_in_their_order(arena: Arena, to_tag: str, from_tag: str) -> None:
    dave = Transferor(arena)
    tags = {"ours": dave.tag}
    name = dialog_of(dave, to_tag=to_tag, from_tag=tags.get(from_tag, from_tag))
    assert Newcomer(arena).replace(name).status == 481
    undisturbed(arena, dave)


def test_an_unknown_dialog(arena: Arena) -> None:
    dave = Transferor(arena)
    name = f"nobody's;to-tag={dave.tag};from-tag=theirs"
    assert Newcomer(arena).replace(name).status == 481
    undisturbed(arena, dave)


def test_early_only(arena: Arena) -> None:
    dave = Transferor(arena)
    assert Newcomer(arena).replace(f"{dialog_of(dave)};early-only").status == 486
    undisturbed(arena, dave)


def test_malformed(arena: Arena) -> None:
    dave = Transferor(arena)
    erin, name = Newcomer(arena), dialog_of(dave)
    assert erin.replace(name, name).status == 400
    assert erin.replace(f"{dave.call_id};to-tag={dave.tag}").status == 400
    assert erin.replace(name, headers=(("Join", name),)).status == 400
    assert erin.replace(name, headers=(("Require", "replaces, join"),)).status == 420
    undisturbed(arena, dave)


def test_within_a_dialog_it_has_no_business(arena: Arena) -> None:
    dave = Transferor(arena)
    headers = [("Replaces", dialog_of(dave))]
    response = dave.answer_to(dave.send(dave.request("INVITE", headers=headers)))
    assert response.status == 400
    undisturbed(arena, dave)


def test_an_early_dialog_that_we_did_not_initiate(arena: Arena) -> None:
    dave = Caller(arena.puppet("dave", "192.0.2.4"), BOB, call_id="dave-call")
    dave.send(dave.request("INVITE", body=audio("0", address="192.0.2.4", port=49170)))
    arena.network.run(until=lambda: bool(arena.bob.heard(IncomingCall)))
    (call,) = arena.bob.state.calls.values()
    name = f"dave-call;to-tag={call.local_tag};from-tag=theirs"
    assert Newcomer(arena).replace(name).status == 481
    assert not arena.bob.heard(Replaced)
    arena.bob.hang_up_all()
    arena.network.run(seconds=40.0)


def test_an_early_dialog_that_we_initiated(arena: Arena) -> None:
    """Bob rings Dave; somebody else has picked that up (RFC 3891 section 7.1)."""
    dave = arena.puppet("dave", "192.0.2.4", _ringing)
    mine = arena.bob.dial("sip:dave@192.0.2.4")
    arena.network.run(until=lambda: bool(arena.bob.state.calls[mine].dialog))
    erin = Newcomer(arena)
    call = arena.bob.state.calls[mine]
    name = f"{call.sip_call_id};to-tag={call.local_tag};from-tag=ringing;early-only"
    assert erin.replace(name).status == 200
    arena.network.run(seconds=1.0)
    assert len(dave.of("CANCEL")) == 1
    (told,) = arena.bob.heard(Replaced)
    assert told.call == mine
    assert [(e.call, e.reason) for e in arena.bob.heard(Ended)] == [(mine, "replaced")]
    assert [e.call for e in arena.bob.heard(Answered)] == [told.by]
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def _ringing(puppet: Puppet, request: Request, path: Path) -> None:
    match request.method:
        case "INVITE":
            puppet.answer(request, 180, tag="ringing")
        case "CANCEL":
            puppet.answer(request, 200, tag="ringing")
            puppet.answer(puppet.of("INVITE")[0], 487, tag="ringing")
        case _:
            pass


def test_a_dialog_that_is_over(arena: Arena) -> None:
    """603 while we still know it, 481 when it is forgotten."""
    dave = Transferor(arena)
    name = dialog_of(dave)
    arena.link("dave", "bob").down = True
    arena.bob.ask(HangUp(call=dave.call))
    erin = Newcomer(arena)
    assert erin.replace(name).status == 603
    arena.network.run(seconds=40.0)
    assert erin.replace(name).status == 481


def test_set_to_refuse(arena: Arena) -> None:
    arena.bob = arena.station("bob", BOB, settings=Settings(sip=SipSettings(replaces="refuse")))
    dave = Transferor(arena)
    assert Newcomer(arena).replace(dialog_of(dave)).status == 603
    undisturbed(arena, dave)


def test_the_new_call_is_not_acceptable(arena: Arena) -> None:
    dave = Transferor(arena)
    erin = Newcomer(arena)
    body = audio("3", address=ERIN, port=49180)
    headers = [("Replaces", dialog_of(dave))]
    erin.send(erin.request("INVITE", body=body, headers=headers))
    arena.network.run(seconds=1.0)
    assert erin.puppet.responses[-1].status == 488
    undisturbed(arena, dave)


def test_the_ack_never_comes(arena: Arena) -> None:
    """The old call goes on if the new one is never up."""
    dave = Transferor(arena)
    erin = Newcomer(arena)
    body = audio("0", address=ERIN, port=49180)
    headers = [("Replaces", dialog_of(dave))]
    erin.send(erin.request("INVITE", body=body, headers=headers))
    arena.network.run(seconds=40.0)
    (ended,) = arena.bob.heard(Ended)
    assert (ended.outcome, ended.call != dave.call) == (Outcome.FAILED, True)
    dave.bye()
    arena.network.run(seconds=1.0)


def test_without_an_offer(arena: Arena) -> None:
    """Our offer is in the 200, the answer in the ACK."""
    dave = Transferor(arena)
    erin = Newcomer(arena)
    erin.send(erin.request("INVITE", headers=[("Replaces", dialog_of(dave))]))
    arena.network.run(until=lambda: any(r.status == 200 for r in erin.puppet.responses))
    accepted = next(r for r in erin.puppet.responses if r.status == 200)
    assert b"m=audio" in accepted.body
    erin.learn(accepted)
    erin.acknowledge(1, body=audio("0 101", address=ERIN, port=49180))
    arena.network.run(seconds=1.0)
    assert [event.call for event in arena.bob.heard(Ended)] == [dave.call]
    (stream,) = arena.bob.worker.open_streams
    assert stream.remotes[-1].port == 49180
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


def test_two_want_the_same_place(arena: Arena) -> None:
    dave = Transferor(arena)
    erin = Newcomer(arena)
    body = audio("0", address=ERIN, port=49180)
    headers = [("Replaces", dialog_of(dave))]
    erin.send(erin.request("INVITE", body=body, headers=headers))
    arena.network.run(until=lambda: any(r.status == 200 for r in erin.puppet.responses))
    late = Newcomer(arena)
    late.call_id = "late"
    assert late.replace(dialog_of(dave)).status == 491
    arena.bob.hang_up_all()
    arena.network.run(seconds=70.0)


def test_one_of_two_of_us_reacts(arena: Arena) -> None:
    """Alice and Bob are called alike; only the one who has the dialog takes it over."""
    dave = Transferor(arena)
    erin = Newcomer(arena)
    erin.host = ALICE
    assert erin.replace(dialog_of(dave)).status == 481
    undisturbed(arena, dave)


def test_a_call_that_we_placed_is_replaced(arena: Arena) -> None:
    """The tags the other way round: ``to-tag`` is always the receiver's own."""
    answers(arena.alice)
    mine = arena.bob.dial(f"sip:alice@{ALICE}")
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    call = arena.bob.state.calls[mine]
    assert call.dialog is not None
    name = f"{call.sip_call_id};to-tag={call.local_tag};from-tag={call.dialog.remote_tag}"
    assert Newcomer(arena).replace(name).status == 200
    arena.network.run(seconds=1.0)
    assert [e.call for e in arena.bob.heard(Ended)] == [mine]
    assert len(arena.alice.heard(Ended)) == 1
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)


@pytest.mark.parametrize("seed", range(4))
def test_over_lines_that_lose_and_reorder(arena: Arena, seed: int) -> None:
    dave = Transferor(arena)
    arena.network.chance.seed(seed)
    erin = Newcomer(arena)
    for pair in (("bob", "dave"), ("dave", "bob"), ("bob", "erin"), ("erin", "bob")):
        link = arena.link(*pair)
        link.jitter, link.duplicate, link.reorder = 0.3, 0.2, 0.2
        link.loss = GilbertElliott(0.1, 0.4)
    body = audio("0", address=ERIN, port=49180)
    invite = erin.request("INVITE", body=body, headers=[("Replaces", dialog_of(dave))])
    for copy in range(6):
        erin.puppet.later(0.5 * 2**copy, lambda: erin.send(invite))
        erin.puppet.later(0.5 * 2**copy + 0.4, lambda: _acknowledge(erin))
    arena.network.run(seconds=60.0)
    arena.bob.hang_up_all()
    arena.network.run(seconds=60.0)
    ends: list[CallId] = [event.call for event in arena.bob.heard(Ended)]
    assert len(ends) == len(set(ends)) == arena.bob.state.calls_total
    assert len(arena.bob.heard(Replaced)) <= 1


def _acknowledge(erin: Newcomer) -> None:
    accepted = [r for r in erin.puppet.responses if r.status == 200]
    if accepted and parse_name_addr(first(accepted[0], "To") or "").tag:
        erin.learn(accepted[0])
        erin.acknowledge(1)
