"""Frames of applications: what is refused, and what is applied once."""

import msgspec
import pytest

from bus.calls import Dial, HangUp, ListCalls
from bus.codec import encode, raw
from bus.envelope import Done, Refused, Request
from signaling.effects import FromClient
from tests.harness.arena import TO_BOB, Arena


@pytest.mark.parametrize(
    "body",
    [
        b"\x81\xa4verb\xa4\xff\xfe\xff\xfe",
        b"\x82\xa4verb\xa4dial\xa3uri\xa2\xff\xfe",
        b"\x91" * 200_000 + b"\x90",
        b"\xc1",
        b"",
    ],
    ids=["verb not UTF-8", "text not UTF-8", "nested", "no MessagePack", "empty"],
)
def test_bytes_that_are_no_command_are_refused(arena: Arena, body: bytes) -> None:
    request = Request(id=77, body=msgspec.Raw(body), session=arena.alice.session)
    arena.alice.feed(FromClient("owner", encode(request)))
    (answer,) = [arena.alice.replies[n] for n in (0, 77) if n in arena.alice.replies]
    assert isinstance(answer, Refused)
    assert answer.code in ("bad_request", "unknown_verb")
    arena.alice.ask(ListCalls())


def test_a_session_that_is_not_utf_8_is_refused(arena: Arena) -> None:
    frame = encode(Request(id=78, body=msgspec.Raw(b"\x80"), session="XXXX"))
    arena.alice.feed(FromClient("owner", frame.replace(b"XXXX", b"\xff\xfe\xff\xfe")))
    assert isinstance(arena.alice.replies[0], Refused)


def test_a_command_sent_twice_is_applied_once_and_answered_twice(arena: Arena) -> None:
    frame = encode(Request(id=79, body=raw(Dial(uri=TO_BOB)), session=arena.alice.session))
    arena.alice.feed(FromClient("owner", frame))
    first = arena.alice.replies.pop(79)
    arena.alice.feed(FromClient("owner", frame))
    assert isinstance(first, Done)
    again = arena.alice.replies[79]
    assert isinstance(again, Done)
    assert bytes(again.body) == bytes(first.body)
    (call,) = arena.alice.state.calls
    arena.alice.ask(HangUp(call=call))


def test_a_command_past_its_deadline_is_not_applied(arena: Arena) -> None:
    request = Request(id=80, body=raw(Dial(uri=TO_BOB)), session=arena.alice.session, deadline=1.0)
    arena.alice.feed(FromClient("owner", encode(request)))
    answer = arena.alice.replies[80]
    assert isinstance(answer, Refused)
    assert answer.code == "too_late"
    assert not arena.alice.state.calls


def test_a_session_of_another_life_is_stale(arena: Arena) -> None:
    request = Request(id=81, body=raw(ListCalls()), session="of yesterday")
    arena.alice.feed(FromClient("owner", encode(request)))
    answer = arena.alice.replies[81]
    assert isinstance(answer, Refused)
    assert answer.code == "stale_session"
