"""An arena whose end is checked: no call may be left over, and every core must replay."""

from collections.abc import Iterator

import pytest

from tests.harness.arena import Arena


@pytest.fixture
def arena() -> Iterator[Arena]:
    """Return two engines in virtual time."""
    with Arena(20020601) as arena:
        yield arena
        arena.finish()
