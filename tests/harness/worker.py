"""A stand-in for a media worker: answers what signaling asks of streams, and remembers it all."""

from dataclasses import dataclass, field

import msgspec

from bus.body import Body
from bus.calls import Ok, Quality
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused, Request
from bus.ids import StreamId, WorkerId
from bus.quality import Grade
from bus.sources import AnySource
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
    Remote,
    ResumeStream,
    SendStreamDigits,
    StreamClosed,
    StreamCommand,
    StreamDigit,
    StreamDigitsSent,
    StreamEvent,
    StreamHeard,
    StreamOpened,
    StreamPosition,
    StreamQuality,
    StreamSilent,
    StreamSpeech,
    TurnStream,
    WatchStream,
    WorkerBeat,
    WorkerHello,
    WorkerWelcome,
)

_commands: msgspec.msgpack.Decoder[StreamCommand] = msgspec.msgpack.Decoder(StreamCommand)


@dataclass
class Stream:
    """What became of one stream."""

    port: int
    remotes: list[Remote] = field(default_factory=list[Remote])
    """Each time media was started or changed."""
    music: AnySource | None = None
    """What a held peer hears."""
    digits: str = ""
    digit_methods: list[str] = field(default_factory=list[str])
    """Of each batch of digits."""
    plays: list[AnySource] = field(default_factory=list[AnySource])
    """Each source it was given."""
    record: str = ""
    layout: str = ""
    paused: bool = False
    queue: list[AnySource] = field(default_factory=list[AnySource])
    gains: tuple[float, float] = (1.0, 1.0)
    """What the peer says, what it hears."""
    connected: ConnectStream | None = None
    """Whom it hears."""
    watched: bool = False
    audio: int = 0
    """Sample rate of the rings that were lent."""
    closed: bool = False


class StandInWorker:
    """Sans-IO: ``take`` a frame, get the frames that go back."""

    def __init__(self, name: str, *, capacity: int = 100, pid: int = 4711) -> None:
        self.name = WorkerId(name)
        self.pid = pid
        self.codecs: tuple[str, ...] = ("PCMU", "PCMA", "G722", "opus/48000", "L16/16000")
        self.capacity = capacity
        self.session = ""
        self.draining = False
        self.streams: dict[StreamId, Stream] = {}
        self.refusal: tuple[str, str] | None = None
        """Code and reason with which streams are refused."""
        self.digits_refusal: tuple[str, str] | None = None
        """Code and reason with which digits are refused."""
        self.silent = False
        """Answers nothing, beats no more."""
        self._requests = 0
        self._events = 0

    @property
    def open_streams(self) -> list[Stream]:
        """Return those that run."""
        return [stream for stream in self.streams.values() if not stream.closed]

    def hello(self) -> bytes:
        """Say that we are there."""
        return self._request(
            WorkerHello(
                worker=self.name,
                incarnation="1",
                pid=self.pid,
                capacity=self.capacity,
                table="",
                codecs=self.codecs,
                backend="stand-in",
                scheduling="normal",
            )
        )

    def beat(self) -> list[bytes]:
        """Say that we still are."""
        if self.silent or not self.session:
            return []
        return [
            self._request(
                WorkerBeat(load=0.0, streams=len(self.open_streams), draining=self.draining)
            )
        ]

    def digit(self, stream: StreamId, digit: str, *, method: str = "rfc4733") -> bytes:
        """Say that a digit was heard."""
        body = StreamDigit(stream=stream, digit=digit, duration_ms=100, method=method)
        return self._event(body)

    def speech(self, stream: StreamId, *, speaks: bool) -> bytes:
        """Say that the peer began to speak, or ceased to."""
        return self._event(StreamSpeech(stream=stream, speaks=speaks, level=-20.0, lasted_ms=500))

    def silence(self, stream: StreamId, seconds: float, *, goodbye: bool = False) -> bytes:
        """Say that nothing came for so long."""
        return self._event(StreamSilent(stream=stream, seconds=seconds, goodbye=goodbye))

    def sound(self, stream: StreamId, seconds: float) -> bytes:
        """Say that something comes again, after so long."""
        return self._event(StreamHeard(stream=stream, seconds=seconds))

    def quality(self, stream: StreamId, grade: Grade) -> bytes:
        """Say that the conversation is of another grade."""
        return self._event(
            StreamQuality(
                stream=stream,
                grade=grade,
                mos=3.5,
                mos_conversational=3.4,
                loss_percent=7.5,
                jitter_ms=12.0,
                round_trip_ms=80.0,
            )
        )

    def take(self, frame: bytes) -> list[bytes]:
        """Work one frame from signaling."""
        match decode_frame(frame):
            case Request() as request if not self.silent:
                return self._work(request)
            case Done() as done if not self.session:
                self.session = msgspec.msgpack.decode(done.body, type=WorkerWelcome).session
            case Refused() as refused:
                raise AssertionError(f"signaling refused a worker: {refused}")
            case _:
                pass
        return []

    def _work(self, request: Request) -> list[bytes]:
        assert request.session == self.session, "a request under a wrong session"
        command = decode_body(_commands, request.body)
        if isinstance(command, OpenStream | HoldStream) and self.refusal:
            code, reason = self.refusal
            return [encode(Refused(id=request.id, code=code, reason=reason))]
        if isinstance(command, SendStreamDigits) and self.digits_refusal:
            code, reason = self.digits_refusal
            return [encode(Refused(id=request.id, code=code, reason=reason))]
        reply = encode(Done(id=request.id, body=raw(self._apply(command))))
        if isinstance(command, SendStreamDigits):
            return [reply, self._event(StreamDigitsSent(stream=command.stream))]
        return [reply]

    def _apply(self, command: StreamCommand) -> Body:
        match command:
            case OpenStream():
                assert command.stream not in self.streams, "a stream id was used twice"
                stream = Stream(port=20000 + 2 * len(self.streams))
                stream.remotes += [command.remote] if command.remote else []
                stream.plays.append(command.play)
                stream.record = command.record
                self.streams[command.stream] = stream
                return StreamOpened(stream=command.stream, port=stream.port)
            case Aim():
                self._running(command.stream).remotes.append(command.remote)
            case CloseStream():
                self._running(command.stream).closed = True
                return StreamClosed(stream=command.stream, quality=Quality())
            case SendStreamDigits():
                stream = self._running(command.stream)
                stream.digits += command.digits
                stream.digit_methods.append(command.method)
            case HoldStream():
                self._running(command.stream).music = command.source
            case ResumeStream():
                self._running(command.stream).music = None
            case PlayStream():
                self._running(command.stream).plays.append(command.source)
            case RecordStream():
                stream = self._running(command.stream)
                stream.record, stream.layout = command.path, command.layout
            case WatchStream():
                self._running(command.stream).watched = command.watch
            case OpenStreamAudio():
                self._running(command.stream).audio = command.rate
            case CloseStreamAudio():
                self._running(command.stream).audio = 0
            case QueueStream():
                self._running(command.stream).queue.append(command.source)
            case GetStreamPosition():
                return StreamPosition(seconds=1.5, waiting=len(self._running(command.stream).queue))
            case PauseStreamRecording():
                self._running(command.stream).paused = command.paused
            case OpenRoom():
                self.streams[command.stream] = Stream(port=0)
            case ConnectStream():
                self._connect(command)
            case TurnStream():
                self._running(command.stream).gains = command.received, command.sent
            case DrainWorker():
                pass
        return Ok()

    def _connect(self, command: ConnectStream) -> None:
        stream = self._running(command.stream)
        before = self.streams.get(stream.connected.other) if stream.connected else None
        if before is not None:
            before.connected = None
        stream.connected = command if command.other or command.room else None
        if command.other:
            back = ConnectStream(stream=command.other, other=command.stream)
            self._running(command.other).connected = back
        if command.room:
            assert self._running(command.room).port == 0, "it is no room"

    def _running(self, stream: StreamId) -> Stream:
        found = self.streams[stream]
        assert not found.closed, "something is asked of a stream that is closed"
        return found

    def _request(self, body: Body) -> bytes:
        self._requests += 1
        return encode(Request(id=self._requests, body=raw(body), session=self.session))

    def _event(self, body: StreamEvent) -> bytes:
        self._events += 1
        return encode(Event(sequence=self._events, body=raw(body)))
