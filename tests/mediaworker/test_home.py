"""Tables with a name are replaced whole; memory without one leaves nothing behind."""

import os
from pathlib import Path

import numpy as np

from bus.ids import WorkerId
from bus.tables import PublicStreams, WorkerState
from mediaworker.home import make_memory, make_named, replace
from mediaworker.pool import SAMPLES
from mediaworker.streams import RECORDINGS, Recordings


def test_named_tables(tmp_path: Path) -> None:
    named = make_named(tmp_path, WorkerId("w0"), 10)
    named.public.stream[3] = 77
    assert PublicStreams.open(tmp_path / "w0.public").stream[3] == 77
    assert WorkerState.open(tmp_path / "w0.state").rows == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w0.public", "w0.state"]


def test_who_has_the_old_table_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "w0.public"
    replace(PublicStreams, 10, path).stream[0] = 1
    reader = PublicStreams.open(path)
    replace(PublicStreams, 20, path).stream[0] = 2
    assert (reader.rows, int(reader.stream[0])) == (10, 1)
    assert (PublicStreams.open(path).rows, PublicStreams.open(path).stream[0]) == (20, 2)


def test_what_a_dead_process_left_half_made_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f"w0.public.{os.getpid()}").write_text("half")
    assert replace(PublicStreams, 4, tmp_path / "w0.public").rows == 4


def test_memory_without_a_name(tmp_path: Path) -> None:
    memory = make_memory(tmp_path)
    try:
        assert list(tmp_path.iterdir()) == []
        assert len(memory.pool) == SAMPLES
        other = Recordings.open(Path(f"/proc/self/fd/{memory.shared.recordings}"), write=True)
        assert other.rows == RECORDINGS
        memory.recordings.reserve(5, 1)
        memory.recordings.ring[5, 2, 1] = 9
        memory.recordings.written[5] = np.uint64(3)
        assert other.ring[5, 2, 1].tolist() == [9] * 160
        assert other.written[5] == 3
        for name in ("pool", "recordings"):
            assert not os.get_inheritable(getattr(memory.shared, name))
    finally:
        for descriptor in memory.shared:
            os.close(descriptor)
