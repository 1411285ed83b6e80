"""What is to be heard: the latest wish counts, and sounds are held only while they are played."""

from collections.abc import Generator
from pathlib import Path

import pytest

from bus.calls import Ok
from bus.errors import BadSourceError, NotFoundError
from bus.ids import StreamId
from bus.sources import AnySource, Echo, Leg, Music, Silence, Tone, Wave
from bus.streams import (
    CloseStream,
    ConnectStream,
    GetStreamPosition,
    HoldStream,
    OpenRoom,
    PlayStream,
    QueueStream,
    ResumeStream,
    StreamPlayFinished,
    StreamPosition,
)
from mediaworker.sources.music import music
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
        (Music(), Kind.POOL),
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
    first = seat.source.sound
    role.ask(play(Tone()))
    assert list(role.clerk.sounds) == [seat.source.sound] != [first]
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
    held = seat.source.sound
    assert isinstance(role.ask(play(source)), BadSourceError)
    assert kind(role) is Kind.POOL
    assert (seat.source.sound, seat.source.wish, list(role.clerk.sounds)) == (held, None, [held])


def hold(source: AnySource) -> HoldStream:
    return HoldStream(stream=ONE, source=source)


def test_a_hold_keeps_both_sounds_and_a_resume_only_its_own(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1, write(tmp_path / "a.wav"))
    streams, waits = role.media.streams, seat.source.sound
    offset = int(streams.source_offset[seat.row])
    assert role.ask(hold(Music())) == Ok()
    assert list(role.clerk.sounds) == [waits, seat.over.sound]
    assert (streams.source_length[seat.row], streams.source_loop[seat.row]) == (len(music()), True)
    assert role.ask(hold(Echo())) == Ok()
    assert kind(role) is Kind.ECHO
    assert list(role.clerk.sounds) == [waits]
    assert role.ask(ResumeStream(stream=ONE)) == Ok()
    assert (streams.source_offset[seat.row], streams.source_length[seat.row]) == (offset, 4000)
    assert (list(role.clerk.sounds), seat.source.sound) == ([waits], waits)


def test_a_sound_that_comes_during_a_hold_waits(role: DeskRole, tmp_path: Path) -> None:
    seat = role.open(1)
    played = role.give(play(write(tmp_path / "a.wav")))
    assert role.ask(hold(Echo())) == Ok()
    role.until(lambda: bool(played))
    assert (played, kind(role)) == ([Ok()], Kind.ECHO)
    role.ask(ResumeStream(stream=ONE))
    assert role.media.streams.source_length[seat.row] == 4000


def test_a_resume_overtakes_the_music_that_is_on_its_way(role: DeskRole, tmp_path: Path) -> None:
    role.open(1, Echo())
    held = role.give(hold(write(tmp_path / "a.wav")))
    assert role.ask(ResumeStream(stream=ONE)) == Ok()
    role.until(lambda: bool(held))
    role.ask(play(Echo()))
    assert (held, kind(role), dict(role.clerk.sounds)) == ([Ok()], Kind.ECHO, {})


def test_music_that_cannot_be_had_holds_nothing(role: DeskRole) -> None:
    seat = role.open(1, Tone())
    assert isinstance(role.ask(hold(Wave("/nowhere.wav"))), BadSourceError)
    assert not role.media.streams.held[seat.row]
    assert list(role.clerk.sounds) == [seat.source.sound]


def test_closing_a_held_stream_lets_go_of_both(role: DeskRole) -> None:
    seat = role.open(1, Tone())
    role.ask(hold(Music()))
    role.desk.close(seat, lambda _: None)
    assert not role.clerk.sounds


# ----------------------------------------------------------------------------------- queues


def queue(source: AnySource) -> QueueStream:
    return QueueStream(stream=ONE, source=source)


def finish(role: DeskRole) -> StreamPlayFinished:
    """Let the source come to its end."""
    streams, row = role.media.streams, role.desk.seats[ONE].row
    streams.source_seen[row] = streams.source_number[row]
    streams.source_position[row] = streams.source_length[row] + 1
    finished = role.desk.happened(StreamPlayFinished(stream=ONE))
    assert isinstance(finished, StreamPlayFinished)
    return finished


def position(role: DeskRole) -> StreamPosition:
    found = role.ask(GetStreamPosition(stream=ONE))
    assert isinstance(found, StreamPosition)
    return found


def test_sources_are_played_one_after_the_other(role: DeskRole, tmp_path: Path) -> None:
    row = role.open(1).row
    waves = [write(tmp_path / f"{length}.wav", length) for length in (4000, 5000, 6000)]
    for each in waves:
        assert role.ask(queue(each)) == Ok()
    streams = role.media.streams
    assert (streams.source_length[row], position(role).waiting) == (4000, 2)
    streams.source_seen[row] = streams.source_number[row]
    streams.source_position[row] = 2000
    assert position(role) == StreamPosition(seconds=0.25, waiting=2)
    assert finish(role).waiting == 2
    assert (streams.source_length[row], position(role).waiting) == (5000, 1)
    assert position(role).seconds == 0
    assert finish(role).waiting == 1
    assert streams.source_length[row] == 6000
    assert finish(role).waiting == 0
    assert position(role) == StreamPosition(seconds=0.0, waiting=0)


def test_what_has_no_end_gives_way_to_what_follows(role: DeskRole, tmp_path: Path) -> None:
    row = role.open(1, Music()).row
    assert role.ask(queue(write(tmp_path / "a.wav", 4000))) == Ok()
    assert role.media.streams.source_length[row] == 4000
    role.ask(queue(Echo()))
    assert kind(role) is Kind.POOL
    finish(role)
    assert kind(role) is Kind.ECHO


def test_playing_clears_the_queue_and_lets_go_of_its_sounds(role: DeskRole, tmp_path: Path) -> None:
    role.open(1, write(tmp_path / "a.wav", 4000))
    role.ask(queue(write(tmp_path / "b.wav", 5000)))
    assert len(role.clerk.sounds) == 2
    role.ask(play(Silence()))
    assert not role.clerk.sounds
    assert position(role) == StreamPosition(seconds=0.0, waiting=0)


def test_a_file_that_is_none_is_refused_and_not_waited_for(role: DeskRole, tmp_path: Path) -> None:
    role.open(1, write(tmp_path / "a.wav", 4000))
    assert isinstance(role.ask(queue(Wave(str(tmp_path / "none.wav")))), BadSourceError)
    assert position(role).waiting == 0


def test_who_is_connected_hears_that_again_when_all_was_played(
    role: DeskRole, tmp_path: Path
) -> None:
    role.open(1, write(tmp_path / "a.wav", 4000))
    role.open(2)
    assert role.ask(ConnectStream(stream=ONE, other=StreamId(2))) == Ok()
    assert kind(role) is Kind.POOL, "it is played to its end"
    finish(role)
    assert kind(role) is Kind.LEG
    role.ask(play(Music()))
    assert kind(role) is Kind.POOL
    role.ask(play(Silence()))
    assert kind(role) is Kind.LEG
    assert role.ask(ConnectStream(stream=StreamId(2))) == Ok()
    assert kind(role) is Kind.SILENCE


def test_a_room_and_who_leaves_it(role: DeskRole) -> None:
    role.open(1)
    room = StreamId(9)
    assert role.ask(OpenRoom(stream=room)) == Ok()
    assert role.ask(ConnectStream(stream=ONE, room=room)) == Ok()
    assert kind(role) is Kind.MIX
    assert isinstance(role.ask(ConnectStream(stream=ONE, room=ONE)), NotFoundError)
    role.ask(CloseStream(stream=room))
    assert kind(role) is Kind.SILENCE
    assert role.ask(ConnectStream(stream=ONE)) == Ok()
