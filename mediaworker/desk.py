"""What signaling can ask of a worker, verb by verb.

A command is answered at once, unless it needs the files process: a sound or a recording is asked
for, and the answer is sent when that is there, or cannot be.  Meanwhile other commands go on; one
that ends the stream, or makes it hear something else, settles the one that waited.
"""

import os
import time
from typing import Final, assert_never

from bus.body import Body
from bus.calls import Ok
from bus.errors import (
    BadRequestError,
    NoCapacityError,
    NotFoundError,
    RefusedError,
    WrongStateError,
)
from bus.ids import StreamId
from bus.sources import Leg
from bus.streams import (
    Aim,
    CloseStream,
    CloseStreamAudio,
    ConnectStream,
    DrainWorker,
    GetStreamPosition,
    HoldStream,
    OpenRoom,
    OpenStream,
    OpenStreamAudio,
    PauseStreamRecording,
    PlayStream,
    QueueStream,
    RecordStream,
    ResumeStream,
    SendStreamDigits,
    StreamClosed,
    StreamCommand,
    StreamEvent,
    StreamOpened,
    StreamPlayFinished,
    TurnStream,
    WatchStream,
)
from mediaworker import connecting, lending, rows
from mediaworker.clerk import Clerk
from mediaworker.link import Reply
from mediaworker.media import Media, Report
from mediaworker.net.backend import Backend
from mediaworker.player import Player
from mediaworker.ports import PairSource
from mediaworker.seats import Done, Mix, Seat, Together, answered, attempt
from mediaworker.taping import Recorders

LAYOUTS: Final = ("stereo", "mixed")
"""Of a recording."""


class Desk:
    """Carries out the commands of signaling."""

    def __init__(self, media: Media, backend: Backend, ports: PairSource, clerk: Clerk) -> None:
        self.media, self.backend, self.ports, self.clerk = media, backend, ports, clerk
        self.player = Player(media, clerk)
        self.recorders = Recorders(media, clerk)
        self.seats: dict[StreamId, Seat] = {}
        self.draining = False

    def apply(self, command: StreamCommand, reply: Reply) -> None:
        """Carry out a command and have it answered, now or later.  Raises RefusedError."""
        match command:
            case OpenStream():
                self._open(command, reply)
            case Aim():
                rows.aim(self.media, self._seat(command.stream).row, command.remote)
                reply(Ok())
            case PlayStream():
                self.player.play(self._seat(command.stream), command.source, answered(reply))
            case HoldStream():
                seat = self._seat(command.stream)
                self.player.play(seat, command.source, answered(reply), over=True)
            case ResumeStream():
                self.player.resume(self._seat(command.stream))
                reply(Ok())
            case RecordStream():
                mixed = _is_mixed(command.layout)
                self._record(self._seat(command.stream), command.path, answered(reply), mixed=mixed)
            case PauseStreamRecording():
                self.recorders.pause(self._seat(command.stream), paused=command.paused)
                reply(Ok())
            case QueueStream():
                self.player.queue(self._seat(command.stream), command.source, answered(reply))
            case GetStreamPosition():
                reply(self.player.position(self._seat(command.stream)))
            case OpenRoom():
                self._open_room(command.stream)
                reply(Ok())
            case ConnectStream():
                self._connect(command)
                reply(Ok())
            case TurnStream():
                row = self._seat(command.stream).row
                connecting.turn(self.media, row, command.received, command.sent)
                reply(Ok())
            case SendStreamDigits():
                self._send_digits(command)
                reply(Ok())
            case WatchStream():
                rows.watch(self.media, self._seat(command.stream).row, on=command.watch)
                reply(Ok())
            case OpenStreamAudio():
                lending.open_audio(self.media, self._seat(command.stream).row, command.rate)
                reply(Ok())
            case CloseStreamAudio():
                lending.close_audio(self.media, self._seat(command.stream).row)
                reply(Ok())
            case CloseStream():
                self.close(self._seat(command.stream), reply)
            case DrainWorker():
                self.draining = True
                reply(Ok())
            case _:
                assert_never(command)

    def happened(self, event: StreamEvent) -> StreamEvent:
        """Go on after something that a tick brought; return what is told of it."""
        seat = self.seats.get(event.stream)
        if seat is None or not isinstance(event, StreamPlayFinished):
            return event
        return StreamPlayFinished(stream=event.stream, waiting=self.player.finished(seat))

    def close_all(self) -> None:
        """Close every stream; nobody waits for an answer."""
        for seat in list(self.seats.values()):
            self.close(seat, _ignore)

    def _seat(self, stream: StreamId) -> Seat:
        try:
            return self.seats[stream]
        except KeyError:
            raise NotFoundError(f"stream {stream} is not one of this worker") from None

    def _open(self, command: OpenStream, reply: Reply) -> None:
        seat = self._take(command)
        both = Together(2, Opening(self, command, seat, reply).ready)
        attempt(lambda: self.player.play(seat, command.play, both.part), both.part)
        attempt(lambda: self._record(seat, command.record, both.part), both.part)

    def _take(self, command: OpenStream) -> Seat:
        """Take a port pair and a row."""
        self._check_new(command.stream)
        now_ns = time.monotonic_ns()
        pair = self.ports.take(command.address, now_ns / 1e9)
        try:
            row = rows.take(self.media, command.stream, now_ns)
        except RefusedError:
            self.ports.release(pair, now_ns / 1e9)
            raise
        entropy = os.urandom(rows.ENTROPY)
        rows.open_row(self.media, row, caller_is_remote=command.caller_is_remote, entropy=entropy)
        self.backend.open(row, pair.rtp, pair.rtcp)
        seat = self.seats[command.stream] = Seat(command.stream, row, pair)
        return seat

    def _check_new(self, stream: StreamId) -> None:
        if self.draining:
            raise NoCapacityError("this worker is draining")
        if stream <= 0 or stream in self.seats:
            raise BadRequestError(f"stream: {stream} is in use or no name for a stream")

    def _open_room(self, stream: StreamId) -> None:
        self._check_new(stream)
        row = rows.take(self.media, stream, time.monotonic_ns())
        entropy = os.urandom(rows.ENTROPY)
        rows.open_row(self.media, row, caller_is_remote=False, entropy=entropy)
        connecting.open_room(self.media, row)
        self.seats[stream] = Seat(stream, row, None)

    def _connect(self, command: ConnectStream) -> None:
        """Connect a stream with another one or a room, and part it from others."""
        seat = self._seat(command.stream)
        if command.room:
            room = self._seat(command.room)
            if room.pair is not None:
                raise NotFoundError(f"stream {command.room} is no room")
            listener = self._seat(command.whispers_to).row if command.whispers_to else -1
            if seat.base != Mix(room.row):
                self._part(seat)
            connecting.enter(self.media, seat.row, room.row, command.gain, listener, play=False)
            self.player.connect(seat, Mix(room.row))
        elif command.other:
            other = self._seat(command.other)
            for each in (seat, other):
                self._part(each)
            connecting.bridge(self.media, seat.row, other.row, play=False)
            self.player.connect(seat, Leg(other.stream))
            self.player.connect(other, Leg(seat.stream))
        else:
            self._part(seat)

    def _part(self, seat: Seat) -> None:
        """Part a stream from whom it is connected with; part all from a room."""
        for other in list(self.seats.values()) if seat.pair is None else ():
            if other.base == Mix(seat.row):
                self._part(other)
        base = seat.base
        connecting.part(self.media, seat.row)
        self.player.connect(seat, None)
        if isinstance(base, Leg) and (partner := self.seats.get(base.stream)) is not None:
            self.player.connect(partner, None)

    def _record(self, seat: Seat, path: str, done: Done, *, mixed: bool = False) -> None:
        if path:
            self.recorders.start(seat, path, done, mixed=mixed)
        else:
            self.recorders.stop(seat, lambda: done(None))

    def _send_digits(self, command: SendStreamDigits) -> None:
        row, times = self._seat(command.stream).row, (command.duration_ms, command.gap_ms)
        rows.queue_digits(self.media, row, command.digits, *times, command.method)

    def close(self, seat: Seat, reply: Reply) -> None:
        """Free everything at once; the answer waits until the recording is whole."""
        if seat.base is not None or seat.pair is None:
            self._part(seat)
        del self.seats[seat.stream]
        seat.closed = True
        closed = StreamClosed(stream=seat.stream, quality=rows.quality(self.media, seat.row))
        self.recorders.stop(seat, lambda: reply(closed))
        lending.close_audio(self.media, seat.row)
        now_ns = time.monotonic_ns()
        farewell = rows.close(self.media, seat.row, now_ns)
        if farewell:
            self.backend.send_report(self.media, Report(seat.row, farewell))
        if seat.pair is not None:
            self.backend.close(seat.row)
            self.ports.release(seat.pair, now_ns / 1e9)
        self.player.end(seat)


class Opening:
    """A stream whose sound and recording are being prepared."""

    def __init__(self, desk: Desk, command: OpenStream, seat: Seat, reply: Reply) -> None:
        self.desk, self.command, self.seat, self.reply = desk, command, seat, reply

    def ready(self, error: RefusedError | None) -> None:
        """Go on when both are there, or cannot be."""
        if self.seat.closed:
            self.reply(error or WrongStateError("the stream was closed meanwhile"))
        elif error is None:
            attempt(self._begin, self._fail)
        else:
            self._fail(error)

    def _begin(self) -> None:
        if self.command.remote is not None:
            rows.aim(self.desk.media, self.seat.row, self.command.remote)
        port = self.seat.pair.port if self.seat.pair is not None else 0
        self.reply(StreamOpened(stream=self.seat.stream, port=port))

    def _fail(self, error: RefusedError | None) -> None:
        refusal = error or WrongStateError("the stream cannot be opened")
        self.desk.close(self.seat, lambda _: self.reply(refusal))


def _is_mixed(layout: str) -> bool:
    if layout not in LAYOUTS:
        raise BadRequestError(f"layout {layout!r} is not one of {', '.join(LAYOUTS)}")
    return layout == "mixed"


def _ignore(body: Body | RefusedError) -> None:
    pass
