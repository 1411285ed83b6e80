"""Every scenario runs twice: with the core kept, and with it dropped after every input.

Afterwards every recorded core is replayed, here and (all of a run together) in a process with
another PYTHONHASHSEED; each must say the same bytes again.
"""

import os
import re
import subprocess
import sys
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.harness.arena import Arena

FAILED = pytest.StashKey[bool]()
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Collect recordings; replay them all at the end."""
    folder = tmp_path_factory.mktemp("recordings")
    yield folder
    files = sorted(str(path) for path in folder.iterdir())
    command = [sys.executable, "-P", "-m", "tests.harness.recording", *files]
    environment = os.environ | {"PYTHONHASHSEED": "20040229", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=["kept", "dropped"])
def arena(request: pytest.FixtureRequest, recordings: Path) -> Iterator[Arena]:
    """Return the arena of one scenario; its seed comes from the test's name."""
    name = re.sub(r"\W+", "-", request.node.name)
    seed = zlib.crc32(name.partition("-")[0].encode())
    with Arena(seed, forget=request.param == "dropped") as arena:
        yield arena
        if request.node.stash.get(FAILED, False):
            return
        arena.finish()
    for station in arena.stations:
        encoded = msgspec.msgpack.encode(station.recording)
        (recordings / f"{name}-{station.name}").write_bytes(encoded)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the seed and the ladder of a scenario that failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    funcargs: dict[str, object] = getattr(item, "funcargs", {})
    arena = funcargs.get("arena")
    if report.failed and isinstance(arena, Arena):
        title = f"seed {arena.seed}, {arena.network.elapsed:.3f} s"
        report.sections.append((title, str(arena.network.ladder)))
        for station in arena.stations:
            told = "\n".join([*map(str, station.events), *station.logs])
            report.sections.append((f"what {station.name}'s owner heard", told))
    return report
