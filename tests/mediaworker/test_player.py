"""What is to be heard: the latest wish counts, and sounds are held only while they are played."""

from collections.abc import Generator
from pathlib import Path

import pytest

from bus.calls import Ok
from bus.errors import BadSourceError
from bus.ids import StreamId
from bus.sources import AnySource, Echo, Leg, Silence, Tone, Wave
from bus.streams import PlayStream
from mediaworker.streams import Kind
from tests.mediaworker.desk_role import DeskRole, write

ONE = StreamId(1)


@pytest.fixture
def role(tmp_path: Path) -> Generator[DeskRole]:
    role = DeskRole(tmp_path)
    try:
        yield role
    finally:
        role.close()


def play(source: AnySource) -> PlayStream:
    return PlayStream(stream=ONE, source=source)


def kind(role: DeskRole) -> Kind:
    return Kind(int(role.media.streams.source_kind[role.desk.seats[ONE].row]))


def test_each_source(role: DeskRole, tmp_path: Path) -> None:
    role.open(1)
    role.open(2)
    sources: list[tuple[AnySource, Kind]] = [
        (Tone(), Kind.POOL),
        (Echo(), Kind.ECHO),
        (Leg(StreamId(2)), Kind.LEG),
        (write(tmp_path / "a.wav"), Kind.POOL),
        (Silence(), Kind.SILENCE),
    ]
    for source, wanted in sources:
        assert role.ask(play(source)) == Ok()
        assert kind(role) is wanted


def test_a_sound_and_its_loop(role: DeskRole, tmp_path: Path) -> None:
    row = role.open(1, write(tmp_path / "a.wav", 4000)).row
    streams = role.media.streams
    assert (streams.source_length[row], streams.source_loop[row]) == (4000, False)
    offset = int(streams.source_offset[row])
    assert role.media.pool[offset : offset + 4000].tolist() == list(range(4000))
    role.ask(play(Wave(str(tmp_path / "a.wav"), loop=True)))
    assert (streams.source_offset[row], streams.source_loop[row]) == (offset, True)
    role.ask(play(Tone(1000.0)))
    assert (streams.source_length[row], streams.source_loop[row]) == (8, True)


def test_only_what_is_played_is_held(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1, write(tmp_path / "a.wav"))
    first = seat.sound
    role.ask(play(Tone()))
    assert list(role.clerk.sounds) == [seat.sound] != [first]
    role.ask(play(Echo()))
    assert not role.clerk.sounds


@pytest.mark.parametrize("later", [Tone(), Silence(), Echo()])
def test_the_latest_wish_counts(role: DeskRole, tmp_path: Path, later: AnySource) -> None:
    role.open(1)
    first = role.give(play(write(tmp_path / "a.wav")))
    second = role.give(play(later))
    role.until(lambda: bool(first and second))
    assert (first, second) == ([Ok()], [Ok()])
    role.ask(play(later))  # whatever the files process still had to say is said
    row = role.desk.seats[ONE].row
    assert role.media.streams.source_length[row] != 4000


@pytest.mark.parametrize("source", [Wave("/nowhere.wav"), Tone(1.0), Leg(StreamId(9))])
def test_what_cannot_be_had_changes_nothing(role: DeskRole, source: AnySource) -> None:
    seat = role.open(1, Tone())
    held = seat.sound
    assert isinstance(role.ask(play(source)), BadSourceError)
    assert kind(role) is Kind.POOL
    assert (seat.sound, seat.wish, list(role.clerk.sounds)) == (held, None, [held])
