"""Where requests go: literal hosts at once, names after a look-up, nonsense nowhere."""

import pytest

from bus.calls import Outcome
from signaling.core import Core
from signaling.entropy import Entropy
from signaling.sending import contact, listener_for, listener_named, route_to, via
from signaling.state import Listener
from tests.harness.arena import ALICE, BOB, Arena

SIX = Listener("tcp:[2001:db8::1]:5062", "tcp", "2001:db8::1", "2001:db8::1", 5062)


def core_of(arena: Arena) -> Core:
    return Core(arena.alice.state, arena.alice.now, Entropy(bytes(32)))


def test_what_peers_are_told_of_a_listener() -> None:
    assert contact(SIX) == "<sip:offhook@[2001:db8::1]:5062;transport=tcp>"
    assert via(SIX, "z9hG4bK1") == "SIP/2.0/TCP [2001:db8::1]:5062;branch=z9hG4bK1;rport"


@pytest.mark.parametrize(
    ("transport", "plain", "secure"),
    [
        ("udp", "<sip:x@192.0.2.1:1>", "<sip:x@192.0.2.1:1>"),
        ("tls", "<sip:x@192.0.2.1:1;transport=tls>", "<sips:x@192.0.2.1:1>"),
        ("ws", "<sip:x@192.0.2.1:1;transport=ws>", "<sip:x@192.0.2.1:1;transport=ws>"),
        ("wss", "<sip:x@192.0.2.1:1;transport=ws>", "<sips:x@192.0.2.1:1;transport=ws>"),
    ],
)
def test_a_contact_is_sips_where_the_call_is(transport: str, plain: str, secure: str) -> None:
    """RFC 3261 8.1.1.8, RFC 7118 5.2."""
    listener = Listener(f"{transport}:0.0.0.0:1", transport, "0.0.0.0", "192.0.2.1", 1)
    assert contact(listener, "x") == plain
    assert contact(listener, "x", secure=True) == secure


@pytest.mark.parametrize(
    ("proxy", "route"),
    [
        ("sip:proxy.example.com", "<sip:proxy.example.com;lr>"),
        ("sip:192.0.2.1:5070;transport=tcp", "<sip:192.0.2.1:5070;transport=tcp;lr>"),
        ("sip:192.0.2.1;lr", "<sip:192.0.2.1;lr>"),
    ],
)
def test_a_proxy_is_a_loose_route(proxy: str, route: str) -> None:
    assert route_to(proxy) == route


def test_listeners_are_found(arena: Arena) -> None:
    core = core_of(arena)
    tcp = listener_for(core, "tcp")
    assert tcp is not None
    assert tcp is listener_named(core, f"tcp:{ALICE}:5060")
    assert listener_for(core, "ws") is None


def test_a_call_to_a_name_that_cannot_be_ends_at_once(arena: Arena) -> None:
    arena.alice.dial(f"sip:bob@{'x' * 64}.example.com")
    assert not arena.alice.state.unresolved
    assert arena.alice.ended().outcome is Outcome.UNREACHABLE
    assert "not a host name" in arena.alice.ended().reason


def test_a_name_is_looked_up_once(arena: Arena) -> None:
    arena.alice.dial("sip:bob@bob.example.com")
    (waiting,) = arena.alice.state.unresolved.values()
    assert (waiting.search.host, waiting.request) == ("bob.example.com", None)
    arena.network.run(seconds=0.1)
    assert not arena.alice.state.unresolved
    (call,) = arena.alice.state.calls.values()
    assert call.flow is not None
    assert call.flow.host == BOB
    arena.alice.hang_up_all()
    arena.network.run(seconds=0.1)
