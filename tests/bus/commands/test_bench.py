from pathlib import Path

import pytest

from bus.cli import main
from bus.commands import bench


def test_a_bench_is_run_with_its_options(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "network", "--", "--help"]) == 0
    assert "usage: bench network" in capfd.readouterr().out


def test_there_is_no_such_bench(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "nothing"]) == 2
    said = capfd.readouterr().out
    assert all(name in said for name in ("media", "signaling", "echo", "network", "stall"))


def test_a_package_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "BENCHES", tmp_path / "none")
    assert main(["bench", "media"]) == 1
    assert "benches run from a checkout" in capsys.readouterr().err
