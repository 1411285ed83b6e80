"""Scenarios 15 and 16: digits by INFO, in and out, and how their way is chosen."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from bus.calls import Answered, DigitReceived, DigitsSent, Ended, HangUp, Outcome, SendDigits
from bus.errors import NoCapacityError, WrongStateError
from bus.ids import CallId
from signaling.effects import FromWorker
from signaling.sip.message import Header, Request, Response, every, first
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.network import Path, Uniform
from tests.harness.puppet import Puppet
from tests.signaling.carol import caller, connected, heard
from tests.signaling.sdp.bodies import audio

NO_EVENTS = audio("0", address=CAROL)
EVENTS = audio("0 101", address=CAROL)
INFO_ALLOWED = ("Allow", "INVITE, ACK, CANCEL, BYE, INFO")


def call_carol(
    arena: Arena,
    *,
    body: bytes = NO_EVENTS,
    headers: Sequence[Header] = (INFO_ALLOWED,),
    answers: Sequence[int] = (),
    more: Sequence[Header] = (),
) -> tuple[CallId, Puppet]:
    """Call Carol, who answers INFOs with the given statuses in turn, and with 200 after those."""
    statuses = list(answers)

    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, 200, headers=headers, body=body)
        elif request.method == "INFO" and statuses:
            puppet.answer(request, statuses.pop(0), headers=more)
        elif request.method in ("BYE", "INFO"):
            puppet.answer(request, 200)

    carol = arena.puppet("carol", CAROL, handler)
    call = arena.alice.dial(TO_CAROL, user="alice", password="wonder")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    return call, carol


def send(arena: Arena, call: CallId, digits: str, **options: object) -> DigitsSent:
    """Send digits; return what is told when all have gone."""
    before = len(arena.alice.heard(DigitsSent))
    arena.alice.send(SendDigits(call=call, digits=digits, **options))  # type: ignore[arg-type]
    arena.network.run(until=lambda: len(arena.alice.heard(DigitsSent)) > before)
    return arena.alice.heard(DigitsSent)[-1]


def bodies(carol: Puppet) -> list[bytes]:
    return [request.body for request in carol.of("INFO")]


def end(arena: Arena) -> None:
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


@pytest.mark.parametrize(
    ("body", "headers", "way"),
    [
        (EVENTS, [INFO_ALLOWED], "rfc4733"),
        (NO_EVENTS, [INFO_ALLOWED], "info"),
        (NO_EVENTS, [("Allow", "INVITE, ACK, BYE")], "inband"),
        (NO_EVENTS, [], "inband"),
    ],
)
def test_the_way_is_chosen_by_what_was_negotiated(
    arena: Arena, body: bytes, headers: list[Header], way: str
) -> None:
    call, carol = call_carol(arena, body=body, headers=headers)
    assert send(arena, call, "5") == DigitsSent(call=call)
    (stream,) = arena.alice.worker.open_streams
    if way == "info":
        assert bodies(carol) == [b"Signal=5\r\nDuration=100\r\n"]
        assert not stream.digits
    else:
        assert not carol.of("INFO")
        assert (stream.digits, stream.digit_methods) == ("5", [way])
    end(arena)


def test_a_way_can_be_forced(arena: Arena) -> None:
    call, carol = call_carol(arena, body=EVENTS)
    send(arena, call, "1", method="inband")
    send(arena, call, "2", method="rfc4733")
    send(arena, call, "3", method="info", duration_ms=160)
    send(arena, call, "4", method="info-dtmf")
    (stream,) = arena.alice.worker.open_streams
    assert (stream.digits, stream.digit_methods) == ("12", ["inband", "rfc4733"])
    assert bodies(carol) == [b"Signal=3\r\nDuration=160\r\n", b"4"]
    types = [first(request, "Content-Type") for request in carol.of("INFO")]
    assert types == ["application/dtmf-relay", "application/dtmf"]
    end(arena)


def test_events_that_the_peer_does_not_take_cannot_be_forced(arena: Arena) -> None:
    call, _ = call_carol(arena)
    with pytest.raises(WrongStateError, match="telephone-event"):
        arena.alice.ask(SendDigits(call=call, digits="1", method="rfc4733"))
    end(arena)


@pytest.mark.parametrize("method", ["info", "info-dtmf"])
def test_digits_are_the_same_events_by_either_body(arena: Arena, method: str) -> None:
    mine, theirs = arena.call()
    arena.alice.ask(SendDigits(call=mine, digits="12", method=method, duration_ms=160))
    arena.alice.ask(SendDigits(call=mine, digits="3#a", method=method, duration_ms=160))
    arena.network.run(until=lambda: bool(arena.alice.heard(DigitsSent)))
    arena.network.run(seconds=1.0)
    length = 160 if method == "info" else 100  # application/dtmf does not say it
    assert arena.bob.heard(DigitReceived) == [
        DigitReceived(call=theirs, digit=digit, method="info", duration_ms=length)
        for digit in "123#A"
    ]
    assert len(arena.alice.heard(DigitsSent)) == 1
    end(arena)


def test_an_info_waits_for_the_answer_to_the_last_and_its_gap(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.link("bob", "alice").latency = 0.3
    arena.alice.send(SendDigits(call=mine, digits="123", method="info", gap_ms=200))
    arena.network.run(until=lambda: bool(arena.alice.heard(DigitsSent)))
    times = arena.network.ladder.times("INFO", "alice")
    assert len(times) == 3
    gaps = [round(b - a, 3) for a, b in pairwise(times)]
    assert gaps == [0.61, 0.61]  # 0.31 to and fro, 0.1 the digit, 0.2 the gap
    end(arena)


def test_batches_of_all_ways_keep_their_order(arena: Arena) -> None:
    mine, _ = arena.call()
    for method, digits in (("info", "12"), ("rfc4733", "34"), ("info-dtmf", "5"), ("auto", "6")):
        arena.alice.ask(SendDigits(call=mine, digits=digits, method=method))
    arena.network.run(until=lambda: bool(arena.alice.heard(DigitsSent)))
    (stream,) = arena.alice.worker.open_streams
    assert stream.digits == "346"
    assert [event.digit for event in arena.bob.heard(DigitReceived)] == ["1", "2", "5"]
    assert len(arena.alice.heard(DigitsSent)) == 1
    end(arena)


def test_no_digit_is_lost_or_doubled_over_a_bad_network(arena: Arena) -> None:
    mine, _ = arena.call()
    for way in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        way.loss, way.jitter, way.duplicate, way.reorder = Uniform(0.3), 0.05, 0.2, 0.2
    digits = "0123456789*#ABCD"
    arena.alice.ask(SendDigits(call=mine, digits=digits[:9], method="info"))
    arena.alice.ask(SendDigits(call=mine, digits=digits[9:], method="info-dtmf"))
    arena.network.run(until=lambda: bool(arena.alice.heard(DigitsSent)))
    arena.network.run(seconds=40.0)
    assert "".join(event.digit for event in arena.bob.heard(DigitReceived)) == digits
    for way in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        way.loss = Uniform()
    end(arena)


def test_a_peer_that_takes_the_other_body_only(arena: Arena) -> None:
    call, carol = call_carol(arena, answers=[415])
    assert send(arena, call, "12") == DigitsSent(call=call)
    assert bodies(carol) == [b"Signal=1\r\nDuration=100\r\n", b"1", b"2"]
    end(arena)


@pytest.mark.parametrize("answers", [[200, 500], [200, 415, 415]])
def test_digits_that_the_peer_refuses(arena: Arena, answers: list[int]) -> None:
    call, _ = call_carol(arena, answers=answers)
    assert send(arena, call, "123") == DigitsSent(call=call, refused="23")
    assert any("refused digit 2 by INFO" in line for line in arena.alice.logs)
    assert send(arena, call, "4") == DigitsSent(call=call)
    end(arena)


def test_an_info_is_authenticated(arena: Arena) -> None:
    challenge = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
    call, carol = call_carol(arena, answers=[401], more=[challenge])
    assert send(arena, call, "1") == DigitsSent(call=call)
    first_try, second = carol.of("INFO")
    assert first(first_try, "Authorization") is None
    assert first(second, "Authorization")
    assert second.body == first_try.body
    assert first(second, "Content-Type") == "application/dtmf-relay"
    end(arena)


def test_a_dialog_that_the_peer_has_lost(arena: Arena) -> None:
    """RFC 3261 12.2.1.2: 481 ends the call."""
    call, carol = call_carol(arena, answers=[481])
    arena.alice.send(SendDigits(call=call, digits="12"))
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert arena.alice.ended().outcome is Outcome.FAILED
    arena.network.run(seconds=1.0)
    assert len(carol.of("BYE")) == 1


def test_hanging_up_amid_digits(arena: Arena) -> None:
    call, carol = call_carol(arena)
    arena.alice.ask(SendDigits(call=call, digits="123456"))
    arena.network.run(seconds=0.2)
    arena.alice.ask(HangUp(call=call))
    arena.network.run(seconds=5.0)
    assert 1 <= len(carol.of("INFO")) <= 2
    assert not arena.alice.heard(DigitsSent)


def test_a_queue_has_an_end(arena: Arena) -> None:
    call, _ = call_carol(arena)
    arena.alice.ask(SendDigits(call=call, digits="1" * 1000))
    with pytest.raises(NoCapacityError):
        arena.alice.ask(SendDigits(call=call, digits="2"))
    end(arena)


# ---------------------------------------------------------------------------------- from a peer


def info(arena: Arena, body: bytes = b"", content_type: str = "") -> Response:
    """Let Carol, who is in a call with Bob, send an INFO; return its answer."""
    carol = connected(arena)
    carol.send(carol.request("INFO", body=body, content_type=content_type))
    arena.network.run(seconds=1.0)
    (response,) = {r.status: r for r in heard(carol, 2, "INFO")}.values()
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    return response


@pytest.mark.parametrize(
    ("content_type", "body", "digit", "duration"),
    [
        ("application/dtmf-relay", b"Signal=*\r\nDuration=250\r\n", "*", 250),
        ("application/dtmf-relay; x=y", b"Signal= d\nDuration= 40", "D", 40),
        ("Application/DTMF", b"9", "9", 100),
    ],
)
def test_an_info_from_a_peer(
    arena: Arena, content_type: str, body: bytes, digit: str, duration: int
) -> None:
    assert info(arena, body, content_type).status == 200
    (heard_digit,) = arena.bob.heard(DigitReceived)
    assert (heard_digit.digit, heard_digit.method, heard_digit.duration_ms) == (
        digit,
        "info",
        duration,
    )


def test_an_info_without_a_body_asks_nothing(arena: Arena) -> None:
    assert info(arena).status == 200
    assert not arena.bob.heard(DigitReceived)


def test_an_info_that_is_no_digit(arena: Arena) -> None:
    assert info(arena, b"Signal=16", "application/dtmf-relay").status == 400
    assert not arena.bob.heard(DigitReceived)


def test_an_info_with_another_body(arena: Arena) -> None:
    response = info(arena, b"<x/>", "application/media_control+xml")
    assert response.status == 415
    assert set(every(response, "Accept")) == {"application/dtmf", "application/dtmf-relay"}


def test_an_info_outside_of_a_call(arena: Arena) -> None:
    carol = caller(arena)
    carol.send(carol.request("INFO", body=b"5", content_type="application/dtmf"))
    arena.network.run(seconds=1.0)
    assert {r.status for r in heard(carol, 1, "INFO")} == {481}


@pytest.mark.parametrize("first", ["rfc4733", "info"])
def test_tones_that_come_along_are_no_further_digits(arena: Arena, first: str) -> None:
    mine, _ = arena.call()
    (stream,) = arena.bob.worker.streams
    arena.bob.feed(FromWorker("worker", arena.bob.worker.digit(stream, "1", method="inband")))
    if first == "info":
        arena.alice.ask(SendDigits(call=mine, digits="2", method="info"))
        arena.network.run(until=lambda: bool(arena.alice.heard(DigitsSent)))
    else:
        arena.bob.feed(FromWorker("worker", arena.bob.worker.digit(stream, "2")))
    arena.bob.feed(FromWorker("worker", arena.bob.worker.digit(stream, "2", method="inband")))
    digits = [(event.digit, event.method) for event in arena.bob.heard(DigitReceived)]
    assert digits == [("1", "inband"), ("2", first)]
    arena.alice.hang_up_all()
