"""Frames from applications: hellos and sessions, each command at most once, and its deadline.

Whatever is wrong with a frame is refused by its id, and disturbs nobody else.
"""

import msgspec

from bus import calls
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import VERSION, Done, Refused
from bus.envelope import Request as BusRequest
from bus.errors import BadRequestError, FrameError, RefusedError, StaleSessionError, TooLateError
from bus.protocol import Command
from signaling.calls.call import Waiting
from signaling.commands import VERBS
from signaling.core import Core
from signaling.effects import ToClient

_commands: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)


def take_frame(core: Core, identity: str, frame: bytes) -> None:
    """Work one frame of a client; whatever is wrong with it is refused by its id."""
    try:
        request = decode_frame(frame)
    except FrameError as error:
        core.count("bad_frames")
        _refuse(core, identity, 0, BadRequestError(str(error)))
        return
    if not isinstance(request, BusRequest):
        core.count("bad_frames")
        reason = f"a client sends requests, not {request.__struct_config__.tag!r}"
        _refuse(core, identity, 0, BadRequestError(reason))
        return
    try:
        _work(core, identity, request)
    except RefusedError as refusal:
        client = core.state.clients.of_session(request.session)
        if client is None:
            _refuse(core, identity, request.id, refusal)
        else:
            core.reply(Waiting(request.session, request.id), refusal)


def _work(core: Core, identity: str, request: BusRequest) -> None:
    client = core.state.clients.of_session(request.session)
    if client is None:
        _hello(core, identity, request)
        return
    client.seen_at, client.identity = core.now, identity
    remembered = core.state.clients.remembered
    before = remembered.recall(request.session, request.id)
    if before is not None:
        if before:
            core.effects.append(ToClient(identity, before))
        return
    if request.deadline and request.deadline < core.now:
        late = core.now - request.deadline
        raise TooLateError(f"the deadline passed {late:.3f} s before the request arrived")
    command = decode_body(_commands, request.body)
    remembered.begin(request.session, request.id)
    VERBS[type(command)](core, client, Waiting(request.session, request.id), command)


def _refuse(core: Core, identity: str, number: int, error: RefusedError) -> None:
    frame = encode(Refused(id=number, code=error.code, reason=error.reason))
    core.effects.append(ToClient(identity, frame))


def _hello(core: Core, identity: str, request: BusRequest) -> None:
    if request.session:
        raise StaleSessionError("this session is over: say hello again")
    try:
        hello = decode_body(_commands, request.body)
    except RefusedError:
        raise StaleSessionError("the first request of a client is hello") from None
    if not isinstance(hello, calls.Hello):
        raise StaleSessionError("the first request of a client is hello")
    if hello.version != VERSION:
        raise BadRequestError(f"hello: version {hello.version}, this engine speaks {VERSION}")
    if not hello.peer:
        raise BadRequestError("hello: `peer` is empty")
    client = core.state.clients.admit(
        hello.peer, hello.incarnation, identity, core.entropy.token(), core.now
    )
    welcome = calls.Welcome(
        session=client.session,
        sequence=client.sequence,
        events=core.state.events,
        calls=core.state.live_calls(client.peer),
    )
    core.effects.append(ToClient(identity, encode(Done(id=request.id, body=raw(welcome)))))
