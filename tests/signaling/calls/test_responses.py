import pytest

from signaling.calls.responses import make_response
from signaling.core import Core
from signaling.entropy import Entropy
from signaling.sending import ALLOW, SUPPORTED
from signaling.sip.message import first
from tests.harness.arena import Arena
from tests.signaling.carol import connected


@pytest.mark.parametrize(
    ("method", "status", "tells"),
    [
        ("INVITE", 100, False),
        ("INVITE", 180, True),
        ("INVITE", 200, True),
        ("INVITE", 486, False),
        ("UPDATE", 200, True),
        ("UPDATE", 491, False),
        ("BYE", 200, False),
    ],
)
def test_what_a_response_says_of_us(arena: Arena, method: str, status: int, tells: bool) -> None:
    carol = connected(arena)
    (call,) = arena.bob.state.calls.values()
    core = Core(arena.bob.state, arena.network.now, Entropy(bytes(32)))
    request = carol.request(method)
    response = make_response(core, call, request, status, headers=[("X-Hue", "red")])
    expected = (ALLOW, SUPPORTED) if tells else (None, None)
    assert (first(response, "Allow"), first(response, "Supported")) == expected
    assert (first(response, "Contact") is not None) is tells
    assert first(response, "X-Hue") == "red"
    assert first(response, "Content-Type") is None
    with_body = make_response(core, call, request, status, body=b"v=0")
    assert first(with_body, "Content-Type") == "application/sdp"
    arena.bob.hang_up_all()
