"""The janitor's part of the files process; its service is tested through ``test_clerk``."""

import fcntl
import os
from pathlib import Path

import pytest

from mediaworker.files import hold, locked, map_pool, unlink_held


def test_only_what_is_still_ours_is_unlinked(tmp_path: Path) -> None:
    ours, replaced, missing = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    ours.write_text("ours")
    replaced.write_text("ours")
    held = hold([ours, replaced, missing])
    (tmp_path / "draft").write_text("a successor's")
    (tmp_path / "draft").replace(replaced)
    missing.write_text("came later")
    unlink_held(held)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]


def test_a_run_directory_that_is_gone_is_no_error(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").touch()
    held = hold([folder / "a"])
    (folder / "a").unlink()
    folder.rmdir()
    unlink_held(held)


def test_one_at_a_time(tmp_path: Path) -> None:
    other = os.open(tmp_path, os.O_RDONLY)
    try:
        with locked(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(other)


def test_a_pool_is_as_long_as_its_file() -> None:
    descriptor = os.memfd_create("pool")
    try:
        os.ftruncate(descriptor, 4096)
        first, second = map_pool(descriptor), map_pool(descriptor)
        first[7] = 5
        assert (len(second), second[7]) == (2048, 5)
    finally:
        os.close(descriptor)
