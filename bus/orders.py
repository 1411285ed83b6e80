"""What the supervision wants done; the supervisor does it.  Values, no behaviour."""

import signal

import msgspec

from bus.children import Child, Role
from bus.workers import Activate, Stop


class Order(msgspec.Struct, tag_field="order", tag=True, frozen=True):
    """What they have in common: the tag, so that a queue of them can be encoded."""


class Launch(Order, frozen=True):
    """Start a process, then call ``launched`` or ``launch_failed``."""

    name: str
    role: Role


class Kill(Order, frozen=True):
    """Send a signal."""

    pid: int
    number: signal.Signals


class Tell(Order, frozen=True):
    """Send a request to a child, then call ``answered``."""

    pid: int
    body: Activate | Stop


class Changed(Order, frozen=True):
    """A child is in another state: ``child`` is how it stood then."""

    child: Child


class Up(Order, frozen=True):
    """Signaling and all workers serve, for the first time."""

    listeners: tuple[str, ...]
    workers: tuple[str, ...]


class Finish(Order, frozen=True):
    """Every child is gone: exit with this code."""

    code: int
    reason: str = ""


Action = Launch | Kill | Tell | Changed | Up | Finish
