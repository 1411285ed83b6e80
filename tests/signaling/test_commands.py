"""What applications may ask, and what is refused with the field named."""

import msgspec
import pytest

from bus.calls import Dial, HangUp
from bus.errors import BadRequestError, NotFoundError
from bus.ids import CallId
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
        ("codecs", ("GSM",)),
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
