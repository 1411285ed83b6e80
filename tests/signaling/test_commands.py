"""What applications may ask, and what is refused with the field named."""

import msgspec
import pytest

from bus.calls import Dial, HangUp, ListCalls
from bus.codec import encode
from bus.envelope import Refused, Request
from bus.errors import BadRequestError, NotFoundError
from bus.ids import CallId
from signaling.effects import FromClient
from tests.harness.arena import TO_BOB, TO_CAROL, Arena
from tests.signaling.carol import answering

CHALLENGE = ("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ring_timeout", float("nan")),
        ("ring_timeout", 0.0),
        ("uri", "tel:+49123"),
        ("from_uri", "nonsense"),
        ("from_display", "a\r\nb"),
        ("user", "a\r\nTo: b"),
        ("codecs", ("opus",)),
        ("headers", (("Via", "SIP/2.0/UDP x"),)),
        ("headers", (("l", "5"),)),
        ("headers", (("X-Hue", "a\r\nb"),)),
    ],
)
def test_a_dial_that_cannot_be_is_refused(arena: Arena, field: str, value: object) -> None:
    dial = msgspec.structs.replace(Dial(uri=TO_BOB), **{field: value})
    with pytest.raises(BadRequestError, match=field):
        arena.alice.ask(dial)
    assert not arena.alice.state.calls


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


def test_headers_in_the_uri_do_not_go_into_the_request_uri(arena: Arena) -> None:
    """RFC 3261 19.1.1; and a digest is over what was sent."""
    carol = answering(arena, 401, headers=[CHALLENGE])
    arena.alice.dial(f"{TO_CAROL}?Subject=x", user="alice", password="wonder")
    arena.network.run(seconds=1.0)
    first, second = carol.of("INVITE")
    assert (first.uri, second.uri) == (TO_CAROL, TO_CAROL)
    (credentials,) = [value for name, value in second.headers if name == "Authorization"]
    assert f'uri="{TO_CAROL}"' in credentials


def test_a_call_that_is_not_there(arena: Arena) -> None:
    with pytest.raises(NotFoundError):
        arena.alice.ask(HangUp(call=CallId("x")))
