"""What the owner is told of media, and what the stream."""

import msgspec

from bus.calls import MediaChanged
from bus.codec import decode_body, decode_frame
from bus.envelope import Event
from bus.holding import HoldChanged
from bus.protocol import CallEvent
from signaling.calls.holding import Wish
from signaling.calls.media import change_media, forgo_holds, tell_hold
from signaling.core import Core
from signaling.effects import ToClient, ToWorker
from tests.harness.arena import Arena
from tests.signaling.alone import alone

_events: msgspec.msgpack.Decoder[CallEvent] = msgspec.msgpack.Decoder(CallEvent)


def told(core: Core) -> list[CallEvent]:
    frames = [decode_frame(e.frame) for e in core.effects if isinstance(e, ToClient)]
    return [decode_body(_events, frame.body) for frame in frames if isinstance(frame, Event)]


def test_what_is_the_same_is_not_told(arena: Arena) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    assert call.agreed is not None
    change_media(core, call, call.agreed)
    assert not core.effects
    muted = msgspec.structs.replace(call.agreed.remote, send=False)
    held = msgspec.structs.replace(call.agreed, remote=muted, direction="recvonly", held=True)
    change_media(core, call, held)
    assert any(isinstance(effect, ToWorker) for effect in core.effects)
    assert [type(event) for event in told(core)] == [MediaChanged, HoldChanged]
    arena.alice.hang_up_all()


def test_a_hold_is_told_once(arena: Arena) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    call.holding.local = True
    tell_hold(core, call)
    tell_hold(core, call)
    assert told(core) == [HoldChanged(call=mine, local=True, remote=False)]
    arena.alice.hang_up_all()


def test_wishes_end_with_the_call(arena: Arena) -> None:
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    call.holding.wish, call.holding.wishes = Wish(local=True), [Wish(local=False)]
    forgo_holds(core, call)
    assert not [wish for wish in (call.holding.wish, *call.holding.wishes) if wish]
    arena.alice.hang_up_all()
