"""Commands, verb by verb; what waits for the files process, and what then comes between."""

from collections.abc import Generator
from pathlib import Path

import pytest

from bus.calls import Ok
from bus.errors import (
    BadRequestError,
    BadSourceError,
    NoCapacityError,
    NotFoundError,
    WrongStateError,
)
from bus.ids import StreamId
from bus.sources import Application, Echo, Leg, Music, Silence, Tone, Wave
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
    Remote,
    ResumeStream,
    SendStreamDigits,
    StreamClosed,
    StreamCommand,
    StreamOpened,
)
from mediaworker.rows import live_rows
from mediaworker.streams import Kind
from tests.mediaworker.desk_role import HOST, DeskRole, opening, write

ONE = StreamId(1)


@pytest.fixture
def role(tmp_path: Path) -> Generator[DeskRole]:
    role = DeskRole(tmp_path)
    try:
        yield role
    finally:
        role.close()


def remote(address: str = HOST, codec: str = "PCMU") -> Remote:
    return Remote(
        address=address,
        port=4000,
        rtcp_port=4001,
        codec=codec,
        payload_type=0,
        receive_payload_type=0,
        events_payload_type=101,
    )


def nothing_is_left(role: DeskRole) -> bool:
    desk = role.desk
    held = desk.seats or desk.recorders.busy or role.clerk.sounds or live_rows(role.media)
    role.ports.release(role.ports.take(HOST, 1e12), 1e12)
    return not held and not role.ports.held


def test_a_life(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1, write(tmp_path / "a.wav"), str(tmp_path / "r.wav"))
    commands: list[StreamCommand] = [
        Aim(stream=ONE, remote=remote()),
        PlayStream(stream=ONE, source=Echo()),
        PlayStream(stream=ONE, source=Tone()),
        HoldStream(stream=ONE, source=Music()),
        SendStreamDigits(stream=ONE, digits="12"),
        ResumeStream(stream=ONE),
        ResumeStream(stream=ONE),
        RecordStream(stream=ONE, path=""),
        RecordStream(stream=ONE, path=str(tmp_path / "s.wav")),
    ]
    for command in commands:
        assert role.ask(command) == Ok()
    assert seat.pair is not None
    assert seat.pair.rtp.getsockname()[1] == seat.pair.port
    closed = role.ask(CloseStream(stream=ONE))
    assert isinstance(closed, StreamClosed)
    assert closed.stream == 1
    assert nothing_is_left(role)
    assert seat.pair.rtp.fileno() == -1


@pytest.mark.parametrize(
    "command",
    [
        Aim(stream=ONE, remote=remote()),
        PlayStream(stream=ONE, source=Silence()),
        HoldStream(stream=ONE, source=Silence()),
        ResumeStream(stream=ONE),
        RecordStream(stream=ONE, path="/x"),
        SendStreamDigits(stream=ONE, digits="1"),
        CloseStream(stream=ONE),
    ],
)
def test_no_such_stream(role: DeskRole, command: StreamCommand) -> None:
    assert isinstance(role.ask(command), NotFoundError)


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (opening(1, Silence()), BadRequestError),
        (opening(0, Silence()), BadRequestError),
        (opening(2, Leg(StreamId(9))), BadSourceError),
        (opening(2, Tone(1.0)), BadSourceError),
        (opening(2, Wave("/nowhere.wav")), BadSourceError),
        (opening(2, Silence(), "/nowhere/r.wav"), BadSourceError),
        (opening(2, Tone(), "/nowhere/r.wav"), BadSourceError),
        (opening(2, Tone(1.0), "/nowhere/r.wav"), BadSourceError),
        (
            OpenStream(
                stream=StreamId(2), address=HOST, caller_is_remote=True, remote=remote("here")
            ),
            BadRequestError,
        ),
        (
            OpenStream(
                stream=StreamId(2), address=HOST, caller_is_remote=True, remote=remote(codec="X")
            ),
            BadRequestError,
        ),
    ],
    ids=repr,
)
def test_what_cannot_be_opened_leaves_nothing_behind(
    role: DeskRole, command: OpenStream, error: type[Exception]
) -> None:
    role.open(1)
    assert isinstance(role.ask(command), error)
    assert list(role.desk.seats) == [1]
    role.ask(CloseStream(stream=ONE))
    assert nothing_is_left(role)


def test_a_stream_closed_while_it_opens(role: DeskRole, tmp_path: Path) -> None:
    opened = role.give(opening(1, write(tmp_path / "a.wav"), str(tmp_path / "r.wav")))
    closed = role.give(CloseStream(stream=ONE))
    role.until(lambda: bool(opened and closed))
    assert isinstance(opened[0], WrongStateError)
    assert isinstance(closed[0], StreamClosed)
    assert (len(opened), len(closed)) == (1, 1)
    assert nothing_is_left(role)


def test_audio_is_lent_until_its_stream_is_closed(role: DeskRole) -> None:
    seat = role.open()
    play = PlayStream(stream=ONE, source=Application())
    assert isinstance(role.ask(play), BadSourceError)
    assert isinstance(role.ask(OpenStreamAudio(stream=ONE, rate=11025)), BadRequestError)
    assert role.ask(OpenStreamAudio(stream=ONE, rate=16000)) == Ok()
    assert isinstance(role.ask(OpenStreamAudio(stream=ONE)), WrongStateError)
    assert role.ask(play) == Ok()
    assert role.media.streams.source_kind[seat.row] == Kind.APPLICATION
    assert role.ask(CloseStreamAudio(stream=ONE)) == Ok()
    assert role.ask(OpenStreamAudio(stream=ONE)) == Ok()
    role.ask(CloseStream(stream=ONE))
    assert role.media.lent == set()
    assert not role.media.audio.stream.any()


def test_rows_and_ports_run_out(role: DeskRole) -> None:
    for stream in range(1, 5):
        role.open(stream)
    assert isinstance(role.ask(opening(5, Silence())), NoCapacityError)
    role.ask(CloseStream(stream=ONE))
    assert len(role.desk.seats) == 3


def test_draining(role: DeskRole) -> None:
    role.open(1)
    assert role.ask(DrainWorker()) == Ok()
    assert isinstance(role.ask(opening(2, Silence())), NoCapacityError)
    assert role.ask(PlayStream(stream=ONE, source=Echo())) == Ok()


def test_the_answer_to_a_close_comes_when_the_recording_is_whole(
    role: DeskRole, tmp_path: Path
) -> None:
    role.open(1, record=str(tmp_path / "r.wav"))
    closed = role.give(CloseStream(stream=ONE))
    assert not closed
    assert not role.desk.seats
    role.until(lambda: bool(closed))
    assert (tmp_path / "r.wav").stat().st_size >= 44


def test_close_all(role: DeskRole, tmp_path: Path) -> None:
    for stream in (1, 2, 3):
        role.open(stream, Tone(), str(tmp_path / f"{stream}.wav"))
    waiting = role.give(opening(4, write(tmp_path / "a.wav")))
    role.desk.close_all()
    role.until(lambda: not role.desk.recorders.busy)
    assert isinstance(waiting[0], WrongStateError)
    assert nothing_is_left(role)


def test_opened_is_answered_when_all_is_there(role: DeskRole, tmp_path: Path) -> None:
    opened = role.give(opening(1, write(tmp_path / "a.wav"), str(tmp_path / "r.wav")))
    assert not opened
    role.until(lambda: bool(opened))
    assert isinstance(opened[0], StreamOpened)
    assert (tmp_path / "r.wav").exists()
    assert role.desk.seats[ONE].source.sound
