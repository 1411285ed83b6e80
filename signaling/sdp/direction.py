"""Who may send (RFC 3264 sections 5.1, 6.1 and 8.4), as tables.

A description speaks for its author: ``sendonly`` in the peer's is ``recvonly`` for us.
"""

from enum import StrEnum
from typing import Final

from signaling.sdp.model import Attribute


class Direction(StrEnum):
    """What the author of a description does."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether its author sends."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether its author receives."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)


_BOTH, _SEND, _RECEIVE, _NONE = Direction
BY_NAME: Final = {str(direction): direction for direction in Direction}

AGREED: Final[dict[Direction, dict[Direction, Direction]]] = {
    _BOTH: {_BOTH: _BOTH, _SEND: _SEND, _RECEIVE: _RECEIVE, _NONE: _NONE},
    _SEND: {_BOTH: _RECEIVE, _SEND: _NONE, _RECEIVE: _RECEIVE, _NONE: _NONE},
    _RECEIVE: {_BOTH: _SEND, _SEND: _SEND, _RECEIVE: _NONE, _NONE: _NONE},
    _NONE: {_BOTH: _NONE, _SEND: _NONE, _RECEIVE: _NONE, _NONE: _NONE},
}
"""What the peer's description says -> what we want -> what we do (and say, if we answer)."""

UNSPECIFIED_ADDRESS: Final[dict[Direction, Direction]] = {
    _BOTH: _SEND,
    _SEND: _SEND,
    _RECEIVE: _NONE,
    _NONE: _NONE,
}
"""The hold of RFC 2543: an author whose ``c=`` is 0.0.0.0 receives nothing."""


def direction_of(session: tuple[Attribute, ...], media: tuple[Attribute, ...]) -> Direction:
    """Read the direction: the medium's own, else the session's, else sendrecv."""
    for attribute in (*media, *session):
        if attribute.name in BY_NAME:
            return BY_NAME[attribute.name]
    return Direction.SENDRECV
