import msgspec

from bus.tracing import GetTrace
from signaling.effects import Effect, ShowTrace
from tests.harness.arena import Arena


def shown(arena: Arena, call: str) -> str:
    """Ask for a trace; return the SIP Call-ID whose messages the shell is to show."""
    arena.alice.send(GetTrace(call=call))
    effects = msgspec.msgpack.decode(arena.alice.recording.fed[-1].effects, type=list[Effect])
    [effect] = [each for each in effects if isinstance(each, ShowTrace)]
    assert effect.identity
    assert effect.request
    return effect.sip_call_id


def test_a_call_is_known_by_its_name_while_it_lives_and_afterwards(arena: Arena) -> None:
    mine, _ = arena.call()
    sip_call_id = arena.alice.state.calls[mine].sip_call_id
    assert shown(arena, mine) == sip_call_id
    arena.alice.hang_up_all()
    arena.network.run(until=arena.alice.is_idle)
    assert not arena.alice.state.calls
    assert shown(arena, mine) == sip_call_id


def test_any_other_name_is_a_sip_call_id(arena: Arena) -> None:
    assert shown(arena, "7@h") == "7@h"
