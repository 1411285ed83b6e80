"""The engine that the tests of one file share.  At the end it must stop and leave nothing."""

from collections.abc import Iterator

import pytest

from tests.peers.engine import Engine
from tests.peers.plain_client import PlainClient


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine of one worker that is up."""
    with Engine(tmp_path_factory.mktemp("engine"), workers=1) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.fixture
def app(engine: Engine) -> Iterator[PlainClient]:
    """Return a client of its own for each test."""
    with engine.client() as client:
        yield client
