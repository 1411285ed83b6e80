"""One input's worth of work: effects in order, numbers without holes, answers once."""

import msgspec

from bus.calls import DigitsSent, Ok
from bus.codec import decode_frame
from bus.envelope import Done, Event, Refused
from bus.errors import NotFoundError
from bus.ids import CallId, StreamId
from bus.streams import CloseStream
from signaling.calls.call import Waiting
from signaling.core import WORKER_TIMEOUT, Core
from signaling.effects import Publish, Send, ToClient, ToWorker
from signaling.entropy import Entropy
from signaling.sip.flow import Flow
from signaling.transactions.layer import AckMissing, Transmit
from tests.harness.arena import Arena
from tests.harness.recording import decode_state

FLOW = Flow("udp:192.0.2.1:5060", "192.0.2.2", 5060)


def core_of(arena: Arena) -> Core:
    """Return a core of its own, so that what is tried does not disturb the arena."""
    state = decode_state(msgspec.msgpack.encode(arena.alice.state))
    return Core(state, 1_000_000.0, Entropy(bytes(32)))


def test_transmissions_go_out_at_once_and_reports_wait(arena: Arena) -> None:
    core = core_of(arena)
    core.take([AckMissing("a"), Transmit(FLOW, b"x")])
    assert core.effects == [Send(FLOW, b"x")]
    assert list(core.outs) == [AckMissing("a")]


def test_events_are_numbered_for_each_client_and_topic(arena: Arena) -> None:
    core = core_of(arena)
    (client,) = core.state.clients.known.values()
    for _ in range(2):
        core.send_event(client, DigitsSent(call=CallId("1")))
        core.publish("call", DigitsSent(call=CallId("1")))
    frames = [e.frame for e in core.effects if isinstance(e, ToClient | Publish)]
    events = [event for event in map(decode_frame, frames) if isinstance(event, Event)]
    assert [event.sequence for event in events] == [1, 1, 2, 2]


def test_a_reply_is_remembered(arena: Arena) -> None:
    core = core_of(arena)
    session = arena.alice.session
    core.reply(Waiting(session, 90), Ok())
    core.reply(Waiting(session, 91), NotFoundError("gone"))
    core.reply(None, Ok())
    core.reply(Waiting("nobody", 92), Ok())
    frames = [effect.frame for effect in core.effects if isinstance(effect, ToClient)]
    done, refused = map(decode_frame, frames)
    assert isinstance(done, Done)
    assert isinstance(refused, Refused)
    assert (done.id, refused.id, refused.code) == (90, 91, "not_found")
    assert core.state.clients.remembered.recall(session, 90) == frames[0]


def test_what_a_worker_is_asked_has_a_deadline(arena: Arena) -> None:
    core = core_of(arena)
    (seat,) = core.state.workers.seats.values()
    core.ask(seat, CallId("1"), CloseStream(stream=StreamId(1)))
    ((key, asked),) = core.state.asked.items()
    assert (asked.verb, asked.deadline) == ("close_stream", core.now + WORKER_TIMEOUT)
    assert (asked.deadline, key, "asked") in core.state.timers
    assert [type(effect) for effect in core.effects] == [ToWorker]


def test_a_timer_set_again_moves(arena: Arena) -> None:
    arena.alice.dial("sip:bob@192.0.2.2")
    core = core_of(arena)
    (call,) = core.state.calls.values()
    core.set_timer(call, "ring", 5.0)
    core.set_timer(call, "ring", 9.0)
    assert call.timers == {"ring": core.now + 9.0}
    arena.alice.hang_up_all()
