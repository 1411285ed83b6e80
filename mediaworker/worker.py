"""A media worker: one thread that ticks, and does everything else in the slack of the tick.

    wait for the tick -> receive, stages, send -> slack: commands, answers of the files process,
                                                  beats, orders of the supervisor, signals

Nothing in the slack waits, and it ends before the next tick is due.  The worker knows signaling by
its hello alone: it may be started by hand, before or after signaling, and joins.

Its life ends when it was told to stop and its streams are gone (or their time is up), or when its
parent is dead and signaling with it.
"""

import gc
import logging
import time
from typing import Final

from bus.settings import Settings
from bus.streams import WorkerBeat
from bus.tables import WorkerState
from bus.workers import Stop
from mediaworker import realtime
from mediaworker.clock import Clock
from mediaworker.desk import Desk
from mediaworker.lifetime import Lifetime
from mediaworker.link import Link
from mediaworker.media import Media
from mediaworker.net.backend import Backend
from mediaworker.overseer import Overseer
from mediaworker.streams import TICK_NS
from mediaworker.tick import run_tick

log = logging.getLogger(__name__)

RESERVE_NS: Final = 1_500_000
"""The slack ends so long before the next tick."""
IDLE_MS: Final = 20
"""How long a worker without streams sleeps, unless a command comes."""
HOUSEKEEPING: Final = 10
"""Ticks between two looks at what is not urgent."""
COLLECT: Final = 10.0
"""Seconds between two rounds of the garbage collector, while there is no stream to disturb."""
SMOOTHING: Final = 0.02
"""Weight of one tick in the load."""
ORPHANED: Final = 1.0
"""Seconds of silence after which signaling counts as gone when the parent is dead."""
GRACE: Final = 2.0
"""Seconds that signaling has, beyond its own grace, to end what runs."""
UNKNOWN: Final = 3.0
"""Seconds after which we tell the supervisor that we serve although signaling knows us not."""


class Worker:
    """The loop and what it drives."""

    def __init__(
        self,
        settings: Settings,
        media: Media,
        backend: Backend,
        desk: Desk,
        link: Link,
        lifetime: Lifetime,
        overseer: Overseer | None,
    ) -> None:
        self.settings, self.media, self.backend = settings, media, backend
        self.desk, self.link = desk, link
        self.lifetime, self.overseer = lifetime, overseer
        self.clerk = desk.clerk
        self.state: WorkerState = media.state
        self.clock = Clock(time.monotonic_ns())
        self.overruns = realtime.Overruns()
        self.load = 0.0
        self.started_at = time.monotonic()
        self.orphaned_at = 0.0
        self.drain_until: float | None = None
        self.over = False
        self.housekeeping_at = 0
        self.collect_at = self.started_at
        self.announced = overseer is None
        self.state.pid[0] = lifetime.pid

    def run(self) -> int:
        """Tick until it is over; return the exit code."""
        while not self._over():
            self._wait()
            begun = time.monotonic_ns()
            due = self.clock.next_at()
            tick = self.clock.advance(begun)
            self._note(begun - due)
            self.media.wall_ns = time.time_ns()
            for event in run_tick(self.media, tick, begun, self.backend):
                self.link.tell(self.desk.happened(event))
            self._slack(tick)
            busy = time.monotonic_ns() - begun
            self.state.tick[0], self.state.tick_ns[0] = tick, busy
            self.load += SMOOTHING * (min(1.0, busy / TICK_NS) - self.load)
        self._end()
        return 0

    def _wait(self) -> None:
        """Sleep until the next tick."""
        if self.desk.seats or self.desk.recorders.busy:
            ahead = self.clock.next_at() - time.monotonic_ns()
            if ahead > 0:
                time.sleep(ahead / 1e9)
        else:
            self.link.socket.poll(IDLE_MS)

    def _note(self, late_ns: int) -> None:
        if not self.desk.seats:
            return  # we slept on purpose
        late = late_ns > TICK_NS
        self.state.late_ns[0] = max(0, late_ns)
        self.state.overruns[0] += late
        if self.overruns.note(late=late):
            log.error("ticks are late again and again: giving up real-time scheduling")
            realtime.leave()

    # ---------------------------------------------------------------------------- the slack

    def _slack(self, tick: int) -> None:
        now = time.monotonic()
        until = self.clock.next_at() - RESERVE_NS
        while self.link.receive(now, 1) and time.monotonic_ns() < until:
            pass
        while self.clerk.poll(now, 1) and time.monotonic_ns() < until:
            pass
        self.link.wake(now, self._beat())
        if tick >= self.housekeeping_at:
            self.housekeeping_at = tick + HOUSEKEEPING
            self._housekeeping(now)

    def _beat(self) -> WorkerBeat:
        draining = self.desk.draining
        return WorkerBeat(load=self.load, streams=len(self.desk.seats), draining=draining)

    def _housekeeping(self, now: float) -> None:
        self.desk.ports.free_rested(now)
        if self.lifetime.stops:
            self._drain(0.0 if self.lifetime.stops > 1 else self.settings.supervisor.drain, now)
        if self.overseer is not None:
            order = self.overseer.poll()
            if isinstance(order, Stop):
                self._drain(order.drain_seconds, now)
        if not self.announced and (self.link.session or now - self.started_at > UNKNOWN):
            self.announced = True
            if self.overseer is not None:
                self.overseer.serves("worker", self.link.hello.worker)
        self.over = self.over or self._abandoned(now)
        if not self.desk.seats and now >= self.collect_at:
            self.collect_at = now + COLLECT
            gc.collect()

    # ------------------------------------------------------------------------------ the end

    def _drain(self, seconds: float, now: float) -> None:
        if self.drain_until is None:
            log.info("draining %d streams for up to %.1f s", len(self.desk.seats), seconds)
        self.desk.draining = True
        self.drain_until = min(self.drain_until or now + seconds, now + seconds)

    def _over(self) -> bool:
        now = time.monotonic()
        if self.over or self.drain_until is None:
            return self.over
        if now >= self.drain_until:
            self.desk.close_all()
        return not self.desk.seats and not self.desk.recorders.busy

    def _abandoned(self, now: float) -> bool:
        if not self.lifetime.parent_is_dead():
            return False
        self.orphaned_at = self.orphaned_at or now
        patience = self.settings.supervisor.orphan_grace + GRACE
        silent = now - self.link.heard_at > ORPHANED and now - self.orphaned_at > ORPHANED
        if not silent and now - self.orphaned_at <= patience:
            return False
        log.warning("the parent is dead, and signaling %s", "silent" if silent else "goes on")
        return True

    def _end(self) -> None:
        """Close what is left; every recording is whole, every file gone, when this returns."""
        self.desk.close_all()
        self.link.flush()
        self.clerk.close()
