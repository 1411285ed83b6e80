import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bus.columns import HEADER, PAGE, NoRoomError, SchemaMismatchError, Table, column


class Cells(Table):
    number = column(np.uint32)
    frame = column(np.int16, 4)


class Others(Table):
    number = column(np.uint16)


class Extended(Cells):
    extra = column(np.float32)


class Paged(Table):
    small = column(np.uint8)
    large = column(np.int16, 256, alignment=PAGE)


def address(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
    return int(array.__array_interface__["data"][0])


def test_another_process_sees_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "cells"
    cells = Cells.create(path, rows=3)
    cells.number[:] = [1, 2, 3]
    script = (
        "import sys; from pathlib import Path; from tests.bus.test_columns import Cells\n"
        "cells = Cells.open(Path(sys.argv[1]), write=True); cells.frame[1] = cells.number[2]"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True)
    assert cells.frame.tolist() == [[0] * 4, [3] * 4, [0] * 4]


def test_readers_cannot_write(tmp_path: Path) -> None:
    Cells.create(tmp_path / "cells", rows=1)
    with pytest.raises(ValueError, match="read-only"):
        Cells.open(tmp_path / "cells").number[0] = 1


def test_another_schema_is_refused(tmp_path: Path) -> None:
    Cells.create(tmp_path / "cells", rows=1)
    with pytest.raises(SchemaMismatchError, match=r"cells is not a Others of this version"):
        Others.open(tmp_path / "cells")


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "cells"
    Cells.create(path, rows=2)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(SchemaMismatchError, match=r"cells"):
            Cells.open(path)


@pytest.mark.parametrize("rows", [0, 1, 3, 2**32, 2**64 - 1])
def test_a_row_count_that_does_not_fit_the_file_is_refused(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "cells"
    Cells.create(path, rows=2)
    content = bytearray(path.read_bytes())
    magic, digest, _ = HEADER.unpack_from(content)
    HEADER.pack_into(content, 0, magic, digest, rows)
    path.write_bytes(content)
    with pytest.raises(SchemaMismatchError, match=f"{rows} rows"):
        Cells.open(path)


def test_something_else_altogether_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(b"RIFF" + bytes(500))
    with pytest.raises(SchemaMismatchError, match="noise is not a table"):
        Cells.open(path)


def test_a_file_is_created_once_and_leaves_no_draft(tmp_path: Path) -> None:
    Cells.create(tmp_path / "cells", rows=1).number[0] = 7
    with pytest.raises(FileExistsError):
        Cells.create(tmp_path / "cells", rows=1)
    assert Cells.open(tmp_path / "cells").number[0] == 7
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]
    assert (tmp_path / "cells").stat().st_mode & 0o777 == 0o600


def test_a_table_has_rows(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        Cells.create(tmp_path / "cells", rows=0)


@pytest.mark.parametrize("sparse", [False, True])
def test_no_room_is_said_when_the_table_is_made(tmp_path: Path, sparse: bool) -> None:
    with pytest.raises(NoRoomError, match="cells"):
        Cells.create(tmp_path / "cells", rows=2**59, sparse=sparse)
    assert not list(tmp_path.iterdir())


def test_memory_is_reserved_beforehand_or_by_rows(tmp_path: Path) -> None:
    def reserved(name: str) -> int:
        return (tmp_path / name).stat().st_blocks * 512

    Paged.create(tmp_path / "whole", rows=1000)
    assert reserved("whole") >= 1000 * 513
    sparse = Paged.create(tmp_path / "sparse", rows=1000, sparse=True)
    assert reserved("sparse") <= 2 * PAGE
    sparse.reserve(first=500, rows=64)
    assert 64 * 512 <= reserved("sparse") <= 64 * 512 + 8 * PAGE
    assert not sparse.large.any()


def test_columns_lie_where_their_alignment_says(tmp_path: Path) -> None:
    paged = Paged.create(tmp_path / "paged", rows=3)
    assert address(paged.large) % PAGE == 0
    assert address(paged.small) % 64 == 0
    cells = Cells.private(rows=5)
    assert address(cells.frame) % 64 == 0


def test_a_table_can_extend_another() -> None:
    table = Extended.private(rows=2)
    table.extra[1] = 0.5
    assert (table.number.shape, table.frame.shape, table.extra.tolist()) == ((2,), (2, 4), [0, 0.5])
    assert Extended.digest() != Cells.digest()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    Cells.create(tmp_path / "cells", rows=1)
    before = descriptors()
    for _ in range(20):
        with pytest.raises(SchemaMismatchError):
            Others.open(tmp_path / "cells")
        Cells.open(tmp_path / "cells", write=True).reserve(0, 1)
    assert descriptors() == before
