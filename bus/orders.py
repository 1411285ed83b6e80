"""What the supervision wants done; the supervisor does it.  Values, no behaviour."""

import signal

import msgspec

from bus.children import Child, Role
from bus.workers import Activate, Stop


class Launch(msgspec.Struct, frozen=True):
    """Start a process, then call ``launched`` or ``launch_failed``."""

    name: str
    role: Role


class Kill(msgspec.Struct, frozen=True):
    """Send a signal."""

    pid: int
    number: signal.Signals


class Tell(msgspec.Struct, frozen=True):
    """Send a request to a child, then call ``answered``."""

    pid: int
    body: Activate | Stop


class Changed(msgspec.Struct, frozen=True):
    """A child is in another state: ``child`` is how it stood then."""

    child: Child


class Up(msgspec.Struct, frozen=True):
    """Signaling and all workers serve, for the first time."""

    listeners: tuple[str, ...]
    workers: tuple[str, ...]


class Finish(msgspec.Struct, frozen=True):
    """Every child is gone: exit with this code."""

    code: int
    reason: str = ""


Action = Launch | Kill | Tell | Changed | Up | Finish
