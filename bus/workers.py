"""Supervisor <-> everybody: what runs, how many, and when to stop.

The supervisor binds a ROUTER (``supervisor.sock``).  Its children say ``ChildHello`` when they
serve; any client may ask ``ListProcesses`` or ``Scale``.  Bodies travel in the usual envelope, with
an empty ``session``.
"""

import msgspec

from bus.body import Body
from bus.calls import Ok
from bus.ids import WorkerId


class ChildHello(Body, tag="child_hello", frozen=True):
    """A child serves now.  Reply: ``Ok``.  A child that ends before this failed to boot."""

    role: str
    """``signaling worker standby``."""
    name: str
    pid: int
    listeners: tuple[str, ...] = ()


class Activate(Body, tag="activate", frozen=True):
    """To a standby: you are this worker now.  Reply: ``Ok``."""

    worker: WorkerId


class Stop(Body, tag="stop", frozen=True):
    """To a child or the supervisor: finish calls for up to ``drain_seconds``, then exit."""

    drain_seconds: float = 0.0


class Scale(Body, tag="scale", frozen=True):
    """To the supervisor: have so many workers.  Surplus ones drain first.  Reply: ``Ok``."""

    workers: int


class ListProcesses(Body, tag="list_processes", frozen=True):
    """To the supervisor.  Reply: ``Processes``."""


class ProcessInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A child of the supervisor."""

    name: str
    """``signaling``, ``w0``, ``standby-3``."""
    role: str
    pid: int
    state: str
    """``starting serving draining stopping backing_off failed``."""
    started_at: float
    restarts: int = 0
    last_exit: str = ""
    listeners: tuple[str, ...] = ()


class Processes(Body, tag="processes", frozen=True):
    """All children and the supervisor itself."""

    supervisor_pid: int
    processes: tuple[ProcessInfo, ...]


ToSupervisor = ChildHello | Scale | ListProcesses | Stop
ToChild = Activate | Stop
SupervisorReply = Ok | Processes
