"""Frames from media workers: hellos and beats, answers to what was asked, and events."""

import msgspec

from bus import streams
from bus.calls import Ok, PlayFinished, WorkerChanged
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import VERSION, Done, Event, Refused
from bus.envelope import Request as BusRequest
from bus.errors import (
    BadRequestError,
    FrameError,
    NotFoundError,
    RefusedError,
    StaleSessionError,
    TooLateError,
    refusal,
)
from bus.quality import QualityChanged
from bus.routing import Position
from bus.speaking import SpeechChanged
from signaling.calls.acts import settle, step, step_or_settle
from signaling.calls.call import Call
from signaling.calls.dialling import is_ready
from signaling.calls.digits import pressed, worker_refused, worker_sent
from signaling.calls.hold import music_plays, music_refused
from signaling.calls.leg import closed, opened
from signaling.calls.linking import linked
from signaling.calls.linking import opened as link_opened
from signaling.calls.silence import be_heard, fall_silent
from signaling.calls.states import Cue
from signaling.calls.verdicts import Happening
from signaling.conferring import lost, part
from signaling.conferring import refused as link_refused
from signaling.core import Core
from signaling.effects import ToWorker, WatchWorker
from signaling.placement import Seat, info
from signaling.state import Asked

PID_END = 2**31

_requests: msgspec.msgpack.Decoder[streams.FromWorker] = msgspec.msgpack.Decoder(streams.FromWorker)
_replies: msgspec.msgpack.Decoder[streams.StreamReply] = msgspec.msgpack.Decoder(
    streams.StreamReply
)
_events: msgspec.msgpack.Decoder[streams.StreamEvent] = msgspec.msgpack.Decoder(streams.StreamEvent)


def take_frame(core: Core, identity: str, frame: bytes) -> None:
    """Work one frame of a worker; a wrong one is refused or counted."""
    try:
        message = decode_frame(frame)
    except FrameError as error:
        core.count("bad_frames")
        core.log("warning", f"from a worker: {error}")
        return
    try:
        match message:
            case BusRequest():
                _request(core, identity, message)
            case Done():
                _done(core, identity, message)
            case Refused():
                _refused(core, identity, message)
            case Event():
                _event(core, identity, message)
    except RefusedError as error:
        core.log("warning", f"from a worker: {error}")
        number = message.id if isinstance(message, BusRequest) else 0
        refused = Refused(id=number, code=error.code, reason=error.reason)
        core.effects.append(ToWorker(identity, encode(refused)))


# ------------------------------------------------------------------------ hellos and beats


def _request(core: Core, identity: str, request: BusRequest) -> None:
    body = decode_body(_requests, request.body)
    match body:
        case streams.WorkerHello():
            reply: streams.StreamReply = _hello(core, identity, body)
        case streams.WorkerBeat():
            seat = core.state.workers.of_session(request.session)
            if seat is None:
                raise StaleSessionError("this session is over: say hello again")
            reply = _beat(core, seat, body)
    core.effects.append(ToWorker(identity, encode(Done(id=request.id, body=raw(reply)))))


def _hello(core: Core, identity: str, hello: streams.WorkerHello) -> streams.WorkerWelcome:
    if hello.version != VERSION:
        raise BadRequestError(f"hello: version {hello.version}, this engine speaks {VERSION}")
    if not 0 < hello.pid < PID_END:
        raise BadRequestError(f"hello: pid {hello.pid} is not one of a process")
    before = core.state.workers.seats.get(hello.worker)
    if before is not None:
        lose(core, before)
    seat = core.state.workers.sit(hello, identity, core.entropy.token(), core.now)
    core.effects.append(WatchWorker(hello.pid))
    core.publish("worker", WorkerChanged(worker=info(seat, core.now)))
    core.log("info", f"worker {hello.worker} is up (pid {hello.pid}, {hello.scheduling})")
    return streams.WorkerWelcome(session=seat.session)


def _beat(core: Core, seat: Seat, beat: streams.WorkerBeat) -> Ok:
    changed = beat.draining != seat.draining
    seat.seen_at, seat.load, seat.draining = core.now, beat.load, beat.draining
    if changed:
        core.publish("worker", WorkerChanged(worker=info(seat, core.now)))
    return Ok()


def lose(core: Core, seat: Seat) -> None:
    """Give up a worker that is gone, and the streams it carried."""
    if core.state.workers.seats.get(seat.hello.worker) is seat:
        del core.state.workers.seats[seat.hello.worker]
    core.publish("worker", WorkerChanged(worker=info(seat, core.now, "lost")))
    core.log("warning", f"worker {seat.hello.worker} (pid {seat.hello.pid}) is gone")
    reason = f"media worker {seat.hello.worker} was lost"
    for key in [key for key in core.state.asked if key.startswith(f"{seat.session}:")]:
        core.reply(core.state.asked.pop(key).waiting, NotFoundError(reason))
    lost(core, seat.hello.worker)
    for stream in list(seat.streams):
        found = core.state.by_stream.get(stream)
        call = core.state.calls.get(found) if found is not None else None
        if call is not None:
            closed(core, call, None)
            step_or_settle(core, call, Cue.WORKER_LOST, Happening(reason=reason))


# --------------------------------------------------------------------- answers and events


def _asked(core: Core, identity: str, number: int) -> Asked | None:
    for seat in core.state.workers.seats.values():
        if seat.identity == identity:
            return core.state.asked.pop(f"{seat.session}:{number}", None)
    return None


def _done(core: Core, identity: str, done: Done) -> None:
    asked = _asked(core, identity, done.id)
    if asked is None:
        return
    core.reply(asked.waiting, _told(core, asked, done))
    call = core.state.calls.get(asked.call)
    if call is None:
        _done_for_nobody(core, asked, done)
        return
    match _reply(core, done):
        case streams.StreamOpened() as reply if asked.verb == "open_stream":
            if opened(core, call, reply.port):
                _opened(core, call)
        case streams.StreamClosed() as reply if asked.verb == "close_stream":
            closed(core, call, reply.quality)
            settle(core, call)
        case _ if asked.verb == "hold_stream":
            music_plays(core, call)
        case _ if asked.verb in ("open_stream", "close_stream"):
            failed(core, call, asked, f"{asked.worker} gave {asked.verb} a wrong answer")
        case _:
            pass


def _done_for_nobody(core: Core, asked: Asked, done: Done) -> None:
    """Take the answer to what was asked of a link (or a room, or for a call that is over)."""
    call = linked(core, asked.stream) if asked.verb == "open_stream" else None
    if call is None:
        return
    reply = _reply(core, done)
    if isinstance(reply, streams.StreamOpened):
        link_opened(core, call, asked.stream, reply.port)
    else:
        reason = f"{asked.worker} gave {asked.verb} a wrong answer"
        link_refused(core, asked, TooLateError(reason))


def _told(core: Core, asked: Asked, done: Done) -> Ok | Position:
    """Return what the client is told that waits for an answer."""
    if asked.verb != "get_stream_position":
        return Ok()
    reply = _reply(core, done)
    if not isinstance(reply, streams.StreamPosition):
        return Position(seconds=0.0, waiting=0)
    return Position(seconds=reply.seconds, waiting=reply.waiting)


def _reply(core: Core, done: Done) -> streams.StreamReply | None:
    try:
        return decode_body(_replies, done.body)
    except RefusedError as error:
        core.log("warning", f"from a worker: {error}")
        return None


def _opened(core: Core, call: Call) -> None:
    if call.out is None:
        step(core, call, Cue.STREAM_OPENED)
    elif is_ready(call):
        step(core, call, Cue.READY)


def _refused(core: Core, identity: str, refused: Refused) -> None:
    asked = _asked(core, identity, refused.id)
    if asked is None:
        return
    error = refusal(refused.code, refused.reason)
    core.reply(asked.waiting, error)
    call = core.state.calls.get(asked.call)
    if call is not None:
        failed(core, call, asked, f"{refused.code}: {refused.reason}", error)
    else:
        link_refused(core, asked, error)


def failed(
    core: Core, call: Call, asked: Asked, reason: str, error: RefusedError | None = None
) -> None:
    """Bear that a worker refused a request of a call, or (without ``error``) did not answer it."""
    if asked.verb == "open_stream":
        closed(core, call, None)
        step_or_settle(core, call, Cue.STREAM_REFUSED, Happening(reason=reason))
    elif asked.verb == "close_stream":
        closed(core, call, None)
        settle(core, call)
    elif asked.verb == "hold_stream":
        music_refused(core, call, error or TooLateError(reason))
    elif asked.verb == "connect_stream":
        part(core, call, "refused")
    else:
        core.log("warning", f"{call.id}: {asked.verb} failed: {reason}")
    if asked.verb == "send_stream_digits":
        worker_refused(core, call)


def _event(core: Core, identity: str, event: Event) -> None:
    body = decode_body(_events, event.body)
    found = core.state.by_stream.get(body.stream)
    call = core.state.calls.get(found) if found is not None else None
    if call is None:
        return
    match body:
        case streams.StreamDigit():
            pressed(core, call, body.digit, body.duration_ms, body.method)
        case streams.StreamDigitsSent():
            worker_sent(core, call)
        case streams.StreamSpeech():
            speech = SpeechChanged(
                call=call.id, speaks=body.speaks, level=body.level, lasted_ms=body.lasted_ms
            )
            core.tell(call, speech)
        case streams.StreamSilent():
            fall_silent(core, call, body.seconds, goodbye=body.goodbye)
        case streams.StreamHeard():
            be_heard(core, call)
        case streams.StreamQuality():
            core.tell(call, _quality(call, body))
        case streams.StreamPlayFinished():
            core.tell(call, PlayFinished(call=call.id, waiting=body.waiting))


def _quality(call: Call, of: streams.StreamQuality) -> QualityChanged:
    return QualityChanged(
        call=call.id,
        grade=of.grade,
        mos=of.mos,
        mos_conversational=of.mos_conversational,
        loss_percent=of.loss_percent,
        jitter_ms=of.jitter_ms,
        round_trip_ms=of.round_trip_ms,
    )
