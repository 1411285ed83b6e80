"""The outer layer of every frame on the control bus.

A frame is one MessagePack map with a ``kind``.  Its ``body`` is another map with a ``verb``, which
is decoded in a second step, so that an unknown verb is refused by its id and never kills the
receiver.

    request   id, deadline, session, body      either side asks the other
    done      id, body                         ... applied, exactly once
    refused   id, code, reason                 ... not applied (codes: ``bus.errors``)
    event     sequence, body                   something happened; numbered per receiver

Replies and events to one peer travel through one ordered queue, so an event never overtakes the
reply to the command that caused it.  Growth: append fields with defaults, nothing else.
"""

from typing import Final

import msgspec

VERSION: Final = 1
"""Of the envelope and all bodies; a peer with another major version is refused at its hello."""


class Frame(msgspec.Struct, tag_field="kind", frozen=True, kw_only=True):
    """What every envelope has in common: the tag field ``kind``."""


class Request(Frame, tag="request", frozen=True):
    """Do this, before the deadline or not at all."""

    id: int
    """Counts up from 1 within one incarnation of the sender; sent again with the same id, a
    request is answered from memory and not applied again."""
    body: msgspec.Raw
    deadline: float = 0.0
    """Unix time in seconds after which the request must not be applied; 0 is no deadline."""
    session: str = ""
    """What ``Welcome`` gave.  Empty only for ``Hello``.  Names the incarnations of both sides, so
    that neither a restarted server nor a restarted client can have a stale command applied."""
    epoch: int = 0
    """Fencing token of a clustered engine; 0 on a single machine."""


class Done(Frame, tag="done", frozen=True):
    """The request was applied; ``body`` is its reply."""

    id: int
    body: msgspec.Raw


class Refused(Frame, tag="refused", frozen=True):
    """The request was not applied, and why."""

    id: int
    code: str
    reason: str


class Event(Frame, tag="event", frozen=True):
    """Something happened.  ``sequence`` counts up by one per receiver: a hole is a loss."""

    sequence: int
    body: msgspec.Raw
    at: float = 0.0
    """Unix time in seconds."""


AnyFrame = Request | Done | Refused | Event
