from typing import get_args

from bus import events
from bus.protocol import FeedEvent


def test_all_that_can_happen_is_there() -> None:
    assert {kind.__name__ for kind in get_args(FeedEvent)} == set(events.__all__)
