from itertools import product

import pytest

from signaling.sdp.direction import (
    AGREED,
    UNSPECIFIED_ADDRESS,
    Direction,
    direction_of,
)
from signaling.sdp.model import Attribute


@pytest.mark.parametrize(("theirs", "wanted"), list(product(Direction, Direction)))
def test_one_sends_only_what_the_other_receives(theirs: Direction, wanted: Direction) -> None:
    ours = AGREED[theirs][wanted]
    assert ours.sends == (wanted.sends and theirs.receives)
    assert ours.receives == (wanted.receives and theirs.sends)


@pytest.mark.parametrize("said", list(Direction))
def test_who_has_no_address_receives_nothing(said: Direction) -> None:
    meant = UNSPECIFIED_ADDRESS[said]
    assert not meant.receives
    assert meant.sends == said.sends


@pytest.mark.parametrize(
    ("session", "media", "expected"),
    [
        ("", "", Direction.SENDRECV),
        ("sendonly", "", Direction.SENDONLY),
        ("sendonly", "recvonly", Direction.RECVONLY),
        ("", "inactive", Direction.INACTIVE),
        ("ptime", "cat", Direction.SENDRECV),
    ],
)
def test_the_medium_overrides_the_session(session: str, media: str, expected: Direction) -> None:
    at = [(Attribute(name),) if name else () for name in (session, media)]
    assert direction_of(*at) is expected
