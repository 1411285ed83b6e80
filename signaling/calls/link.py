"""A link as plain data: how a call is heard on a worker that does not carry it."""

import msgspec

from bus.ids import StreamId, WorkerId
from bus.streams import ConnectStream
from signaling.calls.waiting import Waiting


class End(msgspec.Struct, kw_only=True):
    """A stream that sends to the other end over the loopback; ``port`` is 0 until it is open."""

    worker: WorkerId
    stream: StreamId
    port: int = 0


class Link(msgspec.Struct, kw_only=True):
    """``near`` is on the call's worker and bridged with it, ``far`` on the other one."""

    near: End
    far: End
    then: ConnectStream
    """What ``far`` is connected with once both are open."""
    waiting: list[Waiting] = []
    """Who asked for that, until then."""
