import pytest

from bus.errors import BadRequestError, BadSourceError, NoCapacityError, WrongStateError
from mediaworker import lending, sounding
from mediaworker.streams import Kind
from tests.mediaworker.virtual import Worker


def test_a_row_has_rings_from_opening_to_closing() -> None:
    worker = Worker()
    row = worker.open()
    with pytest.raises(BadSourceError):
        lending.check_audio(worker.media, row)
    lending.open_audio(worker.media, row, 16000)
    lending.check_audio(worker.media, row)
    assert worker.media.audio.stream[0] == worker.stream(row)
    assert worker.media.audio.rate[0] == 16000
    with pytest.raises(WrongStateError):
        lending.open_audio(worker.media, row, 8000)
    lending.close_audio(worker.media, row)
    lending.close_audio(worker.media, row)
    assert not worker.media.audio.stream.any()
    assert worker.media.lent == set()


def test_other_rates_are_refused() -> None:
    worker = Worker()
    with pytest.raises(BadRequestError, match="44100"):
        lending.open_audio(worker.media, worker.open(), 44100)


def test_there_are_only_so_many_and_they_are_used_again() -> None:
    worker = Worker(streams=300)
    rings = worker.media.audio.rows
    rows = [worker.open() for _ in range(rings + 1)]
    for row in rows[:-1]:
        lending.open_audio(worker.media, row, 8000)
    with pytest.raises(NoCapacityError):
        lending.open_audio(worker.media, rows[-1], 8000)
    lending.close_audio(worker.media, rows[7])
    worker.media.audio.said_written[7] = 99
    lending.open_audio(worker.media, rows[-1], 8000)
    assert worker.media.streams.audio[rows[-1]] == 8
    assert worker.media.audio.said_written[7] == 0


def test_what_waits_while_it_is_held_is_silence_too_once_the_rings_are_gone() -> None:
    worker = Worker()
    row = worker.open()
    lending.open_audio(worker.media, row, 8000)
    sounding.play_application(worker.media, row)
    sounding.play_echo(worker.media, row, over=True)
    lending.close_audio(worker.media, row)
    assert worker.media.streams.source_kind[row] == Kind.ECHO
    sounding.resume(worker.media, row)
    assert worker.media.streams.source_kind[row] == Kind.SILENCE
