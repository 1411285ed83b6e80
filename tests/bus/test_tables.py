from pathlib import Path

import numpy as np
import pytest

from bus.columns import Table
from bus.tables import PublicStreams, WorkerState

GOLDEN: dict[type[Table], str] = {
    PublicStreams: "stream:<u8 level_received:<f4 level_sent:<f4 packets_received:<u8 "
    "packets_sent:<u8 packets_lost:<u8 packets_late:<u8 packets_strange:<u8 "
    "packets_unauthentic:<u8 packets_replayed:<u8 frames_played:<u8 frames_concealed:<u8 "
    "jitter_ms:<f4 remote_lost:<u8 remote_jitter_ms:<f4 round_trip_ms:<f4 mos:<f4 "
    "mos_conversational:<f4 loss_percent:<f4 mos_worst:<f4 loss_percent_worst:<f4 "
    "jitter_worst_ms:<f4 round_trip_worst_ms:<f4 buffer_ms:<f4 burst_density:<f4 gap_density:<f4 "
    "burst_ms:<f4 gap_ms:<f4 remote_mos:<f4 remote_loss_percent:<f4",
    WorkerState: "pid:<u8 tick:<u8 tick_ns:<u8 late_ns:<u8 overruns:<u8",
}


@pytest.mark.parametrize("table", GOLDEN, ids=lambda table: table.__name__)
def test_the_columns_that_observers_rely_on(table: type[Table]) -> None:
    columns = [f"{name}:{spec.dtype.str}" for name, spec in table.columns.items()]
    assert " ".join(columns) == GOLDEN[table]
    assert all(spec.shape == () for spec in table.columns.values())


@pytest.mark.parametrize("table", GOLDEN, ids=lambda table: table.__name__)
def test_a_new_table_is_all_zeros_for_every_observer(table: type[Table], tmp_path: Path) -> None:
    table.create(tmp_path / "table", 3)
    seen = table.open(tmp_path / "table")
    for name in table.columns:
        array: np.ndarray[tuple[int], np.dtype[np.generic]] = getattr(seen, name)
        assert array.shape == (3,)
        assert not array.any()
        assert not array.flags.writeable
