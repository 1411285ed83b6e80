"""What applications see of a call, and that it survives being forgotten and read again."""

import msgspec

from bus.calls import Calls as CallList
from bus.calls import IncomingCall, ListCalls, Ring
from signaling.calls.call import PUBLIC_STATES, Call
from signaling.calls.states import INCOMING, OUTGOING, State
from tests.harness.arena import BOB, TO_BOB, Arena


def seen(arena: Arena) -> list[str]:
    reply = arena.alice.ask(ListCalls())
    assert isinstance(reply, CallList)
    return [info.state for info in reply.calls]


def test_a_call_through_its_life(arena: Arena) -> None:
    arena.bob.react(IncomingCall, lambda event: arena.bob.send(Ring(call=event.call)))
    arena.alice.dial(TO_BOB)
    assert seen(arena) == ["calling"]
    arena.network.run(seconds=0.5)
    assert seen(arena) == ["ringing"]
    arena.alice.hang_up_all()
    assert seen(arena) == ["ending"]
    arena.network.run(seconds=1.0)
    assert seen(arena) == []


def test_both_sides_describe_one_call(arena: Arena) -> None:
    mine, theirs = arena.call()
    ours = arena.alice.state.calls[mine].info()
    other = arena.bob.state.calls[theirs].info()
    assert (ours.direction, other.direction) == ("out", "in")
    assert ours.sip_call_id == other.sip_call_id
    assert (ours.remote, ours.codec, ours.worker) == (f"sip:bob@{BOB}", "PCMU", "w0")
    assert ours.answered_at >= ours.started_at > 0
    arena.alice.hang_up_all()


def test_every_field_survives_encoding(arena: Arena) -> None:
    mine, theirs = arena.call()
    for call in (arena.alice.state.calls[mine], arena.bob.state.calls[theirs]):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(call), type=Call) == call
    arena.alice.hang_up_all()


def test_states_that_are_not_shown_are_an_end() -> None:
    hidden = set(State) - set(PUBLIC_STATES)
    assert hidden == {State.ABANDONED, State.CANCELLED, State.LEAVING, State.CLOSING}
    assert set(OUTGOING) | set(INCOMING) == set(State)
