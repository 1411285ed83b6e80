"""What signaling can ask of a worker, verb by verb.

A command is answered at once, unless it needs the files process: a sound or a recording is asked
for, and the answer is sent when that is there, or cannot be.  Meanwhile other commands go on; one
that ends the stream, or makes it hear something else, settles the one that waited.
"""

import os
import time
from typing import assert_never

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
from bus.streams import (
    Aim,
    CloseStream,
    CloseStreamAudio,
    DrainWorker,
    HoldStream,
    OpenStream,
    OpenStreamAudio,
    PlayStream,
    RecordStream,
    ResumeStream,
    SendStreamDigits,
    StreamClosed,
    StreamCommand,
    StreamOpened,
    WatchStream,
)
from mediaworker import lending, rows
from mediaworker.clerk import Clerk
from mediaworker.link import Reply
from mediaworker.media import Media, Report
from mediaworker.net.backend import Backend
from mediaworker.player import Player
from mediaworker.ports import PairSource
from mediaworker.seats import Done, Seat, Together, answered, attempt
from mediaworker.taping import Recorders


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
                self._record(self._seat(command.stream), command.path, answered(reply))
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
        if self.draining:
            raise NoCapacityError("this worker is draining")
        if command.stream <= 0 or command.stream in self.seats:
            raise BadRequestError(f"stream: {command.stream} is in use or no name for a stream")
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

    def _record(self, seat: Seat, path: str, done: Done) -> None:
        if path:
            self.recorders.start(seat, path, done)
        else:
            self.recorders.stop(seat, lambda: done(None))

    def _send_digits(self, command: SendStreamDigits) -> None:
        row, times = self._seat(command.stream).row, (command.duration_ms, command.gap_ms)
        rows.queue_digits(self.media, row, command.digits, *times, command.method)

    def close(self, seat: Seat, reply: Reply) -> None:
        """Free everything at once; the answer waits until the recording is whole."""
        del self.seats[seat.stream]
        seat.closed = True
        closed = StreamClosed(stream=seat.stream, quality=rows.quality(self.media, seat.row))
        self.recorders.stop(seat, lambda: reply(closed))
        lending.close_audio(self.media, seat.row)
        now_ns = time.monotonic_ns()
        farewell = rows.close(self.media, seat.row, now_ns)
        if farewell:
            self.backend.send_report(self.media, Report(seat.row, farewell))
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
        self.reply(StreamOpened(stream=self.seat.stream, port=self.seat.pair.port))

    def _fail(self, error: RefusedError | None) -> None:
        refusal = error or WrongStateError("the stream cannot be opened")
        self.desk.close(self.seat, lambda _: self.reply(refusal))


def _ignore(body: Body | RefusedError) -> None:
    pass
