"""Recordings of streams: which ring, and when it may be used again."""

from collections.abc import Generator
from pathlib import Path

import pytest

from bus.calls import Ok
from bus.errors import BadSourceError, NoCapacityError, WrongStateError
from bus.ids import StreamId
from bus.streams import PauseStreamRecording, RecordStream
from mediaworker.seats import Seat, Taping
from tests.mediaworker.desk_role import DeskRole

ONE = StreamId(1)


@pytest.fixture
def role(tmp_path: Path) -> Generator[DeskRole]:
    role = DeskRole(tmp_path)
    try:
        yield role
    finally:
        role.close()


def record(path: Path | str) -> RecordStream:
    return RecordStream(stream=ONE, path=str(path))


def ring(role: DeskRole, seat: Seat) -> int:
    return int(role.media.streams.recording[seat.row])


def test_the_tick_writes_only_while_it_runs(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1)
    assert ring(role, seat) == -1
    answers = role.give(record(tmp_path / "r.wav"))
    assert seat.tape is not None
    assert (seat.tape.state, ring(role, seat)) == (Taping.STARTING, -1)
    role.until(lambda: bool(answers))
    assert (seat.tape.state, ring(role, seat)) == (Taping.RUNNING, seat.tape.ring)
    assert role.desk.recorders.busy
    answers = role.give(record(""))
    assert (seat.tape.state, ring(role, seat)) == (Taping.STOPPING, -1)
    role.until(lambda: bool(answers))
    assert seat.tape is None
    assert not role.desk.recorders.busy


def pause(*, paused: bool = True) -> PauseStreamRecording:
    return PauseStreamRecording(stream=ONE, paused=paused)


def test_the_tick_writes_nothing_while_it_pauses(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1)
    assert isinstance(role.ask(pause()), WrongStateError)
    role.ask(record(tmp_path / "r.wav"))
    assert seat.tape is not None
    for _ in range(2):
        assert role.ask(pause()) == Ok()
        assert ring(role, seat) == -1
        assert role.ask(pause(paused=False)) == Ok()
        assert ring(role, seat) == seat.tape.ring
    role.ask(pause())
    role.ask(record(""))
    assert seat.tape is None
    assert not role.desk.recorders.busy
    assert isinstance(role.ask(pause(paused=False)), WrongStateError)


def test_paused_before_it_began(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1)
    answers = role.give(record(tmp_path / "r.wav"))
    assert role.ask(pause()) == Ok()
    role.until(lambda: bool(answers))
    assert seat.tape is not None
    assert (seat.tape.state, ring(role, seat)) == (Taping.RUNNING, -1)


def test_a_ring_begins_empty(role: DeskRole, tmp_path: Path) -> None:
    recordings = role.media.recordings
    seat = role.open(1)
    for name in ("a.wav", "b.wav"):
        role.ask(record(tmp_path / name))
        assert seat.tape is not None
        at = seat.tape.ring
        assert (recordings.written[at], recordings.read[at]) == (0, 0)
        recordings.written[at] += 3
    role.ask(record(""))
    assert [(tmp_path / name).stat().st_size for name in ("a.wav", "b.wav")] == [44 + 1920] * 2


def test_not_while_one_is_on_its_way(role: DeskRole, tmp_path: Path) -> None:
    role.open(1)
    first = role.give(record(tmp_path / "a.wav"))
    assert isinstance(role.ask(record(tmp_path / "b.wav")), WrongStateError)
    role.until(lambda: bool(first))
    stopping = role.give(record(""))
    assert isinstance(role.ask(record(tmp_path / "b.wav")), WrongStateError)
    role.until(lambda: bool(stopping))
    assert role.ask(record(tmp_path / "b.wav")) == Ok()


def test_stopped_before_it_began(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1)
    first = role.give(record(tmp_path / "a.wav"))
    second = role.give(record(""))
    role.until(lambda: bool(first and second))
    assert (first, second, seat.tape) == ([Ok()], [Ok()], None)
    assert ring(role, seat) == -1


def test_what_cannot_be_begun_frees_its_ring(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1)
    assert isinstance(role.ask(record(tmp_path / "no" / "r.wav")), BadSourceError)
    assert seat.tape is None
    assert not role.desk.recorders.busy
    role.ask(record(tmp_path / "r.wav"))
    assert isinstance(role.ask(record(tmp_path / "no" / "r.wav")), BadSourceError)
    assert not role.desk.recorders.busy, "and the one before has ended"


def test_rings_run_out(role: DeskRole, tmp_path: Path) -> None:
    role.open(1)
    role.desk.recorders.free.clear()
    refused = role.ask(record(tmp_path / "r.wav"))
    assert isinstance(refused, NoCapacityError)
    assert "256 streams at once" in refused.reason
    role.desk.recorders.free.extend(range(256))
