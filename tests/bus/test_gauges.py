from pathlib import Path

import pytest

from bus.columns import SchemaMismatchError
from bus.gauges import Gauges, Summary, summary
from bus.ids import StreamId
from bus.tables import PublicStreams, WorkerState


def test_a_row_is_found_by_its_stream(tmp_path: Path) -> None:
    table = PublicStreams.create(tmp_path / "w0.public", 8)
    table.stream[5] = 77
    table.level_received[5] = -20.5
    table.packets_received[5] = 50
    table.packets_strange[5] = 3
    table.jitter_ms[5] = 1.25
    reading = Gauges(tmp_path / "w0.public").read(StreamId(77))
    assert reading is not None
    assert reading.level_received == -20.5
    quality = reading.quality
    assert (quality.packets_received, quality.strangers, quality.jitter_ms) == (50, 3, 1.25)


def test_it_sees_what_the_worker_writes(tmp_path: Path) -> None:
    table = PublicStreams.create(tmp_path / "w0.public", 8)
    gauges = Gauges(tmp_path / "w0.public")
    assert gauges.read(StreamId(1)) is None
    table.stream[0] = 1
    assert gauges.read(StreamId(1)) is not None


def test_another_table_is_refused(tmp_path: Path) -> None:
    WorkerState.create(tmp_path / "w0.state", 1)
    with pytest.raises(SchemaMismatchError):
        Gauges(tmp_path / "w0.state")


def test_a_summary_is_of_the_streams_that_have_a_score(tmp_path: Path) -> None:
    assert summary([]) == summary(["", str(tmp_path / "none")]) == Summary()
    for name, scores in (("w0", (4.0, 3.0, 0.0)), ("w1", (2.0,))):
        table = PublicStreams.create(tmp_path / f"{name}.public", 8)
        for row, score in enumerate(scores):
            table.stream[row], table.mos[row] = row + 1, score
            table.mos_conversational[row] = score - 0.5 if score else 0
            table.jitter_ms[row] = 2 * score
        table.mos[7] = 1.0  # of a stream that is over
    paths = [str(tmp_path / f"{name}.public") for name in ("w0", "w1", "w2")]
    found = summary(paths)
    assert (found.scored, found.mos, found.mos_conversational) == (3, 3.0, 2.5)
    assert (found.mos_least, found.jitter_ms, found.loss_percent) == (1.5, 6.0, 0.0)
