"""The call's stream on a worker: opened, aimed and closed, whatever the order of the answers.

none ─open─► opening ─opened─► open ─close─► closing ─closed─► closed
                │ └─refused────────────────────────────────────►┘
                └─close─► doomed ─opened─► closing
"""

import msgspec

from bus.calls import Quality
from bus.ids import CallId, StreamId, WorkerId
from bus.streams import Aim, CloseStream, OpenStream, PlayStream, RecordStream, Remote
from signaling.calls.call import Call
from signaling.calls.silence import begin_anew
from signaling.core import Core


def open_leg(core: Core, call: Call, remote: Remote | None) -> bool:
    """Ask the least loaded worker for a stream; False if none is free."""
    seat = core.state.workers.choose(core.now, _near(core, call))
    if seat is None:
        return False
    leg = call.leg
    leg.worker, leg.stream = seat.hello.worker, StreamId(core.entropy.number(63))
    leg.state, leg.aimed = "opening", remote
    leg.plays, leg.records = call.play, call.record
    seat.streams.append(leg.stream)
    core.state.by_stream[leg.stream] = call.id
    core.ask(
        seat,
        call.id,
        OpenStream(
            stream=leg.stream,
            address=leg.address,
            caller_is_remote=call.out is None,
            play=call.play,
            record=call.record,
            remote=remote,
        ),
    )
    return True


def _near(core: Core, call: Call) -> WorkerId:
    """Return the worker that carries what the call is to be beside."""
    near = call.near or call.replaces or call.succeeds
    other = core.state.calls.get(CallId(near))
    if other is not None:
        return other.leg.worker
    conference = core.state.conferences.get(near)
    return conference.worker if conference is not None else WorkerId("")


def play_leg(core: Core, call: Call) -> None:
    """Let a stream that early media opened play and record what the answer says."""
    leg = call.leg
    if leg.plays != call.play:
        leg.plays = call.play
        core.ask_leg(call, PlayStream(stream=leg.stream, source=call.play))
    if leg.records != call.record:
        leg.records = call.record
        core.ask_leg(call, RecordStream(stream=leg.stream, path=call.record))


def aim_leg(core: Core, call: Call) -> None:
    """Tell the worker what offer and answer settled, if that is news."""
    if call.agreed is not None and call.agreed.remote != call.leg.aimed:
        call.leg.aimed = call.agreed.remote
        begin_anew(call)
        core.ask_leg(call, Aim(stream=call.leg.stream, remote=call.agreed.remote))


def mute_leg(core: Core, call: Call) -> None:
    """Stop the media of a peer that is none any more; the stream stays for the next one."""
    before, call.leg.aimed = call.leg.aimed, None
    if before is not None:
        remote = msgspec.structs.replace(before, send=False, receive=False)
        begin_anew(call)
        core.ask_leg(call, Aim(stream=call.leg.stream, remote=remote))


def opened(core: Core, call: Call, port: int) -> bool:
    """Note the port; False if nobody wants it any more."""
    call.leg.port = port
    if call.leg.state == "opening":
        call.leg.state = "open"
        return True
    if call.leg.state == "doomed":
        _close(core, call)
    return False


def close_leg(core: Core, call: Call) -> None:
    """Close the stream now, or as soon as it is open."""
    match call.leg.state:
        case "opening":
            call.leg.state = "doomed"
        case "open":
            _close(core, call)
        case _:
            pass


def closed(core: Core, call: Call, quality: Quality | None) -> None:
    """Release everything that belonged to the stream."""
    leg = call.leg
    leg.state, leg.quality = "closed", quality
    core.state.by_stream.pop(leg.stream, None)
    seat = core.state.workers.seats.get(leg.worker)
    if seat is not None and leg.stream in seat.streams:
        seat.streams.remove(leg.stream)


def _close(core: Core, call: Call) -> None:
    core.ask_leg(call, CloseStream(stream=call.leg.stream))
    call.leg.state = "closing"
