"""Inputs of every kind, hostile ones too: nothing escapes and nothing stays behind."""

import msgspec

from signaling.agent import Agent
from signaling.effects import Malformed, Received, Resolve, Send
from signaling.sip.flow import Flow
from signaling.sip.render import render
from tests.harness.arena import BOB, CAROL, Arena
from tests.harness.recording import decode_state
from tests.signaling.carol import MOVED, caller, connected

FLOW = Flow(f"udp:{BOB}:5060", CAROL, 5060)
ENTROPY = bytes(32)


def starts(arena: Arena, datagram: bytes) -> list[bytes]:
    effects = arena.bob.agent.feed(Received(FLOW, datagram), arena.bob.now, ENTROPY)
    return [effect.datagram[:11] for effect in effects if isinstance(effect, Send)]


def test_what_cannot_be_parsed_is_refused_without_a_trace(arena: Arena) -> None:
    options = render(caller(arena).request("OPTIONS"))
    assert starts(arena, options.replace(b"1 OPTIONS", b"x OPTIONS")) == [b"SIP/2.0 400"]
    assert starts(arena, b"\xff\x00 garbage\r\n\r\n") == []
    assert arena.bob.state.counters["malformed"] == 2


def test_a_name_to_answer_to_is_not_followed(arena: Arena) -> None:
    """``maddr`` is the peer's word; the shell would stand still while it looks up a name."""
    options = render(caller(arena).request("OPTIONS"))
    name = b";maddr=" + b"x" * 64 + b".example.com;branch="
    given = Received(FLOW, options.replace(b";branch=", name))
    (sent,) = arena.bob.agent.feed(given, arena.bob.now, ENTROPY)
    assert isinstance(sent, Send)
    assert sent.flow == FLOW


def test_a_stream_that_lost_its_frames_hears_why(arena: Arena) -> None:
    head = render(caller(arena).request("OPTIONS"))
    given = Malformed(Flow(f"tcp:{BOB}:5060", CAROL, 5060, "1"), head, "no Content-Length")
    (sent,) = arena.bob.agent.feed(given, arena.bob.now, ENTROPY)
    assert isinstance(sent, Send)
    assert sent.datagram.startswith(b"SIP/2.0 400 no Content-Length\r\n")


def test_a_peer_with_an_impossible_name_gets_its_bye_where_it_was_heard(arena: Arena) -> None:
    carol = connected(arena, contact=f"<sip:carol@{'x' * 64}.example.com>")
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert len(carol.puppet.of("BYE")) == 1
    assert not any(fed.effects.count(Resolve.__name__.encode()) for fed in arena.bob.recording.fed)


def test_hung_up_before_the_ack_of_a_reinvite_that_never_comes(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("INVITE", body=MOVED))
    arena.network.run(seconds=0.1)
    arena.bob.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.bob.state.calls
    arena.network.run(seconds=40.0)
    assert not arena.bob.state.calls


def test_nothing_to_wait_for_is_no_deadline(arena: Arena) -> None:
    state = decode_state(msgspec.msgpack.encode(arena.bob.state))
    assert Agent(state).deadline() == state.next_client_check
    state.clients.known.clear()
    assert Agent(state).deadline() is None
