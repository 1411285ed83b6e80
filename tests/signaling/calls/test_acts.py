"""The walk over the tables: every act is built, and a call is forgotten when all is settled."""

from bus.calls import Ended, HangUp, IncomingCall, Reject, Ring
from signaling.calls.acts import DO, dialog_key_of, settle, step
from signaling.calls.states import Act, Cue, State
from signaling.core import Core
from signaling.entropy import Entropy
from tests.harness.arena import TO_BOB, Arena
from tests.signaling.carol import connected


def test_every_act_is_built() -> None:
    assert set(DO) == set(Act)


def test_a_cue_without_a_cell_changes_nothing(arena: Arena) -> None:
    mine, _ = arena.call()
    call = arena.alice.state.calls[mine]
    core = Core(arena.alice.state, arena.alice.now, Entropy(bytes(32)))
    assert not step(core, call, Cue.RING)
    assert (call.state, core.effects) == (State.UP, [])
    settle(core, call)
    assert mine in arena.alice.state.calls
    arena.alice.hang_up_all()


def test_a_call_is_found_by_its_dialog_and_then_forgotten(arena: Arena) -> None:
    mine, _ = arena.call()
    call = arena.alice.state.calls[mine]
    assert arena.alice.state.by_dialog == {dialog_key_of(call): mine}
    assert set(call.transactions) == set(arena.alice.state.by_transaction)
    arena.alice.ask(HangUp(call=mine))
    arena.network.run(seconds=1.0)
    assert not arena.alice.state.by_dialog | arena.alice.state.by_transaction


def test_the_end_is_told_once_and_after_the_stream_is_gone(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.alice.worker.silent = True
    arena.alice.ask(HangUp(call=mine))
    assert not arena.alice.heard(Ended)
    arena.network.run(seconds=3.0)
    assert len(arena.alice.heard(Ended)) == 1
    arena.alice.worker.silent = False
    arena.alice.worker.streams.clear()


def test_the_reason_of_a_hang_up_is_quoted(arena: Arena) -> None:
    carol = connected(arena)
    (call,) = arena.bob.state.calls
    arena.bob.ask(HangUp(call=call, reason='"so" \\ so'))
    arena.network.run(seconds=1.0)
    (bye,) = carol.puppet.of("BYE")
    assert ("Reason", 'SIP;text="\\"so\\" \\\\ so"') in bye.headers


def test_a_503_says_when_to_come_back(arena: Arena) -> None:
    def busy(event: IncomingCall) -> None:
        arena.bob.ask(Ring(call=event.call))
        arena.bob.ask(Reject(call=event.call, status=503))

    arena.bob.react(IncomingCall, busy)
    arena.alice.dial(TO_BOB)
    arena.network.run(seconds=1.0)
    refused = [r.datagram for r in arena.network.ladder.rungs if r.datagram[8:11] == b"503"]
    assert b"\r\nRetry-After: 5\r\n" in refused[0]
