from pathlib import Path

import pytest

from bus.columns import SchemaMismatchError
from bus.gauges import Gauges
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
