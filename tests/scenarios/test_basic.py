"""Scenarios 1, 4 and 9: a call in both directions, and its end."""

import pytest

from bus.calls import (
    Answered,
    DigitReceived,
    DigitsSent,
    Ended,
    HangUp,
    IncomingCall,
    ListCalls,
    Outcome,
    Progress,
    SendDigits,
)
from bus.calls import Calls as CallList
from signaling.effects import FromWorker
from signaling.sip.message import Request, every, first
from signaling.sip.parse import parse_message
from signaling.uas import IN_DIALOG
from tests.harness.arena import BOB, TO_BOB, Arena
from tests.harness.network import contains, starts

BUILT = {"100rel", "replaces", "norefersub", "tdialog", "timer"}


def test_a_call_from_beginning_to_end(arena: Arena) -> None:
    mine, theirs = arena.call()
    arena.network.run(seconds=10.0)
    arena.alice.ask(HangUp(call=mine))
    arena.network.run(until=lambda: bool(arena.bob.heard(Ended)))
    assert arena.network.ladder.labels() == [
        "INVITE 1 (sendrecv)",
        "100 INVITE 1",
        "180 INVITE 1",
        "200 INVITE 1 (sendrecv)",
        "ACK 1",
        "BYE 2",
        "200 BYE 2",
    ]
    assert [type(event).__name__ for event in arena.alice.events] == [
        "Progress",
        "Answered",
        "Ended",
    ]
    assert [type(event).__name__ for event in arena.bob.events] == [
        "IncomingCall",
        "Answered",
        "Ended",
    ]
    for station, call, by in ((arena.alice, mine, "local"), (arena.bob, theirs, "remote")):
        ended = station.ended()
        assert (ended.call, ended.outcome, ended.by) == (call, Outcome.COMPLETED, by)
        assert 10.0 <= ended.duration <= 10.1


def test_what_the_owners_hear_of_each_other(arena: Arena) -> None:
    arena.call(from_uri="sip:alice@example.com", from_display="Alice", headers=[("X-Hue", "red")])
    (incoming,) = arena.bob.heard(IncomingCall)
    assert (incoming.from_uri, incoming.from_display) == ("sip:alice@example.com", "Alice")
    assert incoming.request_uri == TO_BOB
    assert incoming.source == "udp:192.0.2.1:5060"
    assert ("X-Hue", "red") in incoming.headers
    (answered,) = arena.alice.heard(Answered)
    assert (answered.codec, answered.remote_media) == ("PCMU", f"{BOB}:20000")
    assert [progress.status for progress in arena.alice.heard(Progress)] == [180]
    listed = arena.alice.ask(ListCalls())
    assert isinstance(listed, CallList)
    assert [info.state for info in listed.calls] == ["up"]
    hang_up_all(arena)


def test_media_starts_once_at_each_end(arena: Arena) -> None:
    arena.call()
    (sent,), (taken,) = arena.alice.worker.open_streams, arena.bob.worker.open_streams
    assert [(r.address, r.port) for r in sent.remotes] == [(BOB, taken.port)]
    assert [(r.address, r.port) for r in taken.remotes] == [("192.0.2.1", sent.port)]
    assert {r.events_payload_type for r in (*sent.remotes, *taken.remotes)} == {101}
    hang_up_all(arena)


def test_the_invite_says_only_what_is_built(arena: Arena) -> None:
    arena.call()
    invite = parse_message(arena.network.ladder.rungs[0].datagram)
    assert isinstance(invite, Request)
    assert set(every(invite, "Allow")) == {*IN_DIALOG, "ACK", "CANCEL"}
    assert set(every(invite, "Supported")) == BUILT
    assert first(invite, "Contact")
    assert first(invite, "Max-Forwards") == "70"
    assert b"m=audio 20000 RTP/AVP 0 8 9 101\r\n" in invite.body
    hang_up_all(arena)


def test_an_answer_without_ringing_and_one_five_seconds_later(arena: Arena) -> None:
    arena.bob_answers(ring=None, after=5.0)
    arena.call()
    assert arena.network.ladder.labels("bob") == ["100 INVITE 1", "200 INVITE 1 (sendrecv)"]
    assert arena.network.elapsed > 5.0
    hang_up_all(arena)


def test_the_called_side_hangs_up(arena: Arena) -> None:
    _, theirs = arena.call()
    arena.bob.ask(HangUp(call=theirs, reason="lunch"))
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert arena.network.ladder.labels()[-2:] == ["BYE 1", "200 BYE 1"]
    assert (arena.alice.ended().by, arena.bob.ended().by) == ("remote", "local")
    assert b'Reason: SIP;text="lunch"' in arena.network.ladder.rungs[-2].datagram


def test_both_hang_up_at_once(arena: Arena) -> None:
    mine, theirs = arena.call()
    arena.alice.ask(HangUp(call=mine))
    arena.bob.ask(HangUp(call=theirs))
    arena.network.run(seconds=5.0)
    labels = arena.network.ladder.labels()
    assert {label.split()[0] for label in labels[-2:]} <= {"200", "481"}
    assert sum(label.startswith("BYE") for label in labels) == 2
    for station in (arena.alice, arena.bob):
        assert (station.ended().outcome, station.ended().by) == (Outcome.COMPLETED, "local")


def test_a_bye_that_nobody_hears(arena: Arena) -> None:
    mine, theirs = arena.call()
    arena.link("alice", "bob").down = True
    arena.alice.ask(HangUp(call=mine))
    arena.network.run(seconds=0.1)
    assert arena.alice.ended().outcome is Outcome.COMPLETED
    arena.network.run(seconds=40.0)
    assert len(arena.network.ladder.times("BYE", "alice")) == 11
    assert arena.alice.is_idle()
    arena.link("alice", "bob").down = False
    arena.bob.ask(HangUp(call=theirs))
    arena.network.run(seconds=1.0)
    assert arena.network.ladder.labels()[-1].startswith("481 BYE")


def test_digits_go_both_ways(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.alice.send(SendDigits(call=mine, digits="12#a"))
    arena.network.run(until=lambda: bool(arena.alice.heard(DigitsSent)))
    assert arena.alice.worker.open_streams[0].digits == "12#A"
    (stream,) = arena.bob.worker.streams
    arena.bob.feed(FromWorker("worker", arena.bob.worker.digit(stream, "5")))
    assert [event.digit for event in arena.bob.heard(DigitReceived)] == ["5"]
    hang_up_all(arena)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_twenty_calls_one_after_the_other(arena: Arena, transport: str) -> None:
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.segment = 100
    for _ in range(20):
        mine, _ = arena.call(f"{TO_BOB};transport={transport}")
        arena.alice.ask(HangUp(call=mine))
        arena.network.run(seconds=0.2)
    assert len(arena.bob.heard(Ended)) == len(arena.alice.heard(Ended)) == 20
    streams = list(arena.alice.worker.streams) + list(arena.bob.worker.streams)
    assert len(set(streams)) == 40


def test_a_name_is_looked_up(arena: Arena) -> None:
    arena.call("sip:bob@bob.example.com")
    hang_up_all(arena)


def test_a_name_that_does_not_exist(arena: Arena) -> None:
    arena.alice.dial("sip:bob@nowhere.example.com")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert arena.alice.ended().outcome is Outcome.UNREACHABLE
    assert "no such name" in arena.alice.ended().reason
    assert arena.network.ladder.labels() == []


def hang_up_all(arena: Arena) -> None:
    for info in list(arena.alice.state.calls.values()):
        arena.alice.ask(HangUp(call=info.id))
    arena.network.run(seconds=1.0)
    assert len(arena.bob.heard(Ended)) == len(arena.bob.heard(IncomingCall))


def test_matchers_meet_what_they_should(arena: Arena) -> None:
    """Guards the other scenarios: a rule that matches nothing would prove nothing."""
    arena.call()
    datagrams = [rung.datagram for rung in arena.network.ladder.rungs]
    assert sum(map(starts(b"INVITE "), datagrams)) == 1
    assert sum(map(contains(b"CSeq: 1 INVITE"), datagrams)) == 4
    hang_up_all(arena)
