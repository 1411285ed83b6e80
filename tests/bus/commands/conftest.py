"""One engine for all commands: they look at it, and must not harm it."""

from collections.abc import Iterator

import pytest

from tests.peers.engine import Engine


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that is up; afterwards it must stop."""
    with Engine(tmp_path_factory.mktemp("live"), workers=1) as engine:
        engine.wait_up()
        yield engine
        assert engine.stop(15) == 0
