"""From a process to a worker: what takes time is done before the worker has a name.

A standby does all of that and waits; told which worker it is, it only makes the two named tables
and says hello.
"""

import logging
import os
import time
import uuid
from pathlib import Path
from typing import Final

import zmq

from bus.errors import LaunchError
from bus.ids import WorkerId
from bus.logs import configure
from bus.settings import Settings
from bus.sockets import connect_dealer, endpoint
from bus.streams import WorkerHello
from bus.workers import Activate, Stop
from mediaworker import realtime
from mediaworker.clerk import Clerk
from mediaworker.codecs.formats import available, spelt
from mediaworker.desk import Desk
from mediaworker.home import Named, make_memory, make_named
from mediaworker.lifetime import Lifetime
from mediaworker.link import Link
from mediaworker.media import HEARS_TONES, Media
from mediaworker.net.backend import Backend
from mediaworker.net.choice import choose
from mediaworker.net.portable import Portable
from mediaworker.overseer import Overseer
from mediaworker.ports import LocalPairs
from mediaworker.stages.watch import patience_of
from mediaworker.streams import Streams
from mediaworker.tick import run_tick
from mediaworker.worker import GRACE, Worker

log = logging.getLogger(__name__)

READY_WITHIN: Final = 10.0
"""Seconds that the files process may take to serve."""
LOOK: Final = 250
"""Milliseconds after which a standby looks at its parent and its signals."""


class Boot:
    """A process on its way."""

    def __init__(self, settings: Settings, run_dir: Path, name: str, parent: int | None) -> None:
        """Do all that needs no name.  Raises LaunchError, NoRoomError or OSError."""
        self.settings, self.run_dir, self.name = settings, run_dir, name
        self.lifetime = Lifetime(parent)
        self.context: zmq.SyncContext = zmq.Context()
        self.overseer = None if parent is None else Overseer(self.context, run_dir)
        self.memory = make_memory(run_dir)
        self.clerk = Clerk(self.memory.shared, name, settings.log.level)
        self.streams = Streams.private(settings.media.streams)
        self.backend: Backend | None = None
        _warm_up()

    def _await_clerk(self) -> None:
        until = time.monotonic() + READY_WITHIN
        while not self.clerk.serving:
            now = time.monotonic()
            if now > until:
                raise LaunchError(f"the files process of {self.name} does not serve")
            if not self.clerk.poll(now, 1):
                time.sleep(0.001)

    def stand_by(self) -> WorkerId | None:
        """Wait to be told which worker to be; None: not needed any more."""
        if self.overseer is None:
            raise LaunchError("a standby needs --parent, who tells it what to be")
        self._await_clerk()
        realtime.prepare(realtime=self.settings.media.realtime)
        self.backend = choose(self.settings.media.backend, self.streams)
        self.overseer.serves("standby", self.name)
        while True:
            order = self.overseer.poll(LOOK)
            if isinstance(order, Activate):
                return order.worker
            over = self.lifetime.stops or self.lifetime.parent_is_dead()
            if isinstance(order, Stop) or over:
                self._close()
                return None

    def become(self, worker: WorkerId) -> int:
        """Be this worker until the end; return the exit code."""
        configure(self.settings.log.level, worker)
        named = make_named(self.run_dir, worker, self.settings.media.streams)
        self.clerk.own([self.run_dir / f"{worker}.public", self.run_dir / f"{worker}.state"])
        locked = realtime.prepare(realtime=self.settings.media.realtime)
        core = realtime.pin(self.settings.media.cores, _number(worker))
        ports = self._ports()
        try:
            return self._worker(worker, named, ports, (locked, core)).run()
        finally:
            ports.close()
            self._close()

    def _ports(self) -> LocalPairs:
        media = self.settings.media
        start = uuid.uuid4().int % (1 << 16)
        return LocalPairs(media.port_first, media.port_last, media.port_rest, start)

    def _worker(
        self, worker: WorkerId, named: Named, ports: LocalPairs, kept: tuple[bool, int | None]
    ) -> Worker:
        memory = self.memory
        tables = self.streams, named.public, named.state, memory.recordings
        media = Media(*tables, memory.pool, memory.audio)
        media.hears_tones = HEARS_TONES[self.settings.media.inband_digits]
        media.accepts = self.settings.media.accept_rtp_from
        media.patience = patience_of(self.settings.media)
        backend = self.backend or choose(self.settings.media.backend, self.streams)
        desk = Desk(media, backend, ports, self.clerk)
        socket = connect_dealer(self.context, endpoint(self.run_dir, "workers"))
        # real time comes last: no thread of the sockets is to inherit it
        scheduling = realtime.enter(realtime=self.settings.media.realtime)
        locked, core = kept
        scheduling += " locked" if locked else ""
        scheduling += "" if core is None else f" core:{core}"
        log.info("scheduling: %s", scheduling)
        link = Link(
            socket,
            self._hello(worker, backend.name, scheduling),
            apply=desk.apply,
            lost=desk.close_all,
            patience=self.settings.supervisor.orphan_grace + GRACE,
        )
        settings = self.settings
        return Worker(settings, media, backend, desk, link, self.lifetime, self.overseer)

    def _hello(self, worker: WorkerId, backend: str, scheduling: str) -> WorkerHello:
        return WorkerHello(
            worker=worker,
            incarnation=uuid.uuid4().hex,
            pid=self.lifetime.pid,
            capacity=self.settings.media.streams,
            table=str(self.run_dir.absolute() / f"{worker}.public"),
            codecs=tuple(map(spelt, available())),
            backend=backend,
            scheduling=scheduling,
            audio=self._audio(),
        )

    def _audio(self) -> str:
        """Return where other processes find the audio rings."""
        path = self.memory.audio.path
        return str(path).replace("self", str(os.getpid()), 1)

    def _close(self) -> None:
        self.clerk.close()
        self.context.destroy()


def _number(worker: WorkerId) -> int:
    """Return the 3 of ``w3``."""
    return int("".join(filter(str.isdigit, worker)) or 0)


def _warm_up() -> None:
    """Tick once with tables of our own: what is done the first time takes long."""
    media = Media.private(4, 1 << 10)
    run_tick(media, 1, time.monotonic_ns(), Portable(media.streams))
