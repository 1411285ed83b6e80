"""What to launch, promote, signal and give up.  Sans-IO: what happens comes in, actions go out.

Every call is followed by a complete ``drain()`` of the actions; ``deadline()`` says when to call
``wake`` at the latest.  Times are monotonic seconds.

* Signaling and the workers start together; standbys only when those serve, so that they delay
  nothing.
* A worker that ends is replaced by a standby that serves, if there is one; a fresh standby follows
  a little later.  Otherwise a fresh worker is launched.
* Stopping: signaling first, because it hangs up; when it is gone, everybody else.  Who is not gone
  in time is killed.  Asked again, it hurries; asked a third time, it kills.
* Signaling given up, or every worker given up, ends the engine with exit code 1.
"""

import signal
from collections.abc import Callable
from typing import Final, assert_never

import msgspec

from bus.children import (
    NEVER,
    TABLE,
    Child,
    Effect,
    Role,
    State,
    Trigger,
    exit_trigger,
    retry_delay,
)
from bus.errors import BadRequestError, NotFoundError, WrongStateError
from bus.ids import WorkerId
from bus.orders import Action, Changed, Finish, Kill, Launch, Tell, Up
from bus.workers import Activate, Stop

STANDBY_DELAY: Final = 1.0
"""Seconds that a new standby waits after one was used: the starting of it must not hurt calls."""
STOP_MARGIN: Final = 3.0
"""Seconds a child may take to end beyond its drain time before it is killed."""
HURRY: Final = 1.0
UNLIMITED: Final = 1e9
MOST_WORKERS: Final = 64


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted."""

    workers: int
    standbys: int = 1
    boot_timeout: float = 10.0
    max_boot_failures: int = 5
    drain: float = 5.0


class Supervision(msgspec.Struct, kw_only=True):
    """The state of it all."""

    fleet: Fleet
    children: dict[str, Child] = {}
    up: bool = False
    stops: int = 0
    """How often we were asked to stop."""
    drain_seconds: float = 0.0
    by_request: bool = False
    """Stopping with a drain time that is not the one in the settings."""
    failure: str = ""
    finished: bool = False
    standbys_made: int = 0
    actions: list[Action] = []

    # ------------------------------------------------------------------------ what happens

    def begin(self, now: float) -> None:
        """Start signaling and the workers."""
        self._add(Role.SIGNALING, "signaling", now)
        for _ in range(self.fleet.workers):
            self._add(Role.WORKER, self._free_worker(), now)
        for _ in range(self.fleet.standbys):
            self._add_standby(NEVER)
        self.wake(now)

    def launched(self, name: str, pid: int) -> None:
        """Take note of the process that ``Launch`` made."""
        child = self.children[name]
        child.pid = pid
        self.actions.append(Changed(msgspec.structs.replace(child)))
        if child.state is State.STOPPING:
            self.actions.append(Kill(pid, signal.SIGTERM))

    def launch_failed(self, name: str, why: str, now: float) -> None:
        """Count a process that could not even be made as a failed boot."""
        child = self.children[name]
        child.blame = why
        self._ended(child, 1, now)

    def exited(self, pid: int, code: int, now: float) -> None:
        """Take note that a process ended (``code`` is negative for a signal)."""
        child = self._by_pid(pid)
        if child is not None:
            self._ended(child, code, now)

    def serves(self, pid: int, listeners: tuple[str, ...], now: float) -> None:
        """Take note that a child said hello.  Raises NotFoundError if it is none of ours."""
        child = self._by_pid(pid)
        if child is None:
            raise NotFoundError(f"process {pid} is no child of this supervisor")
        child.listeners = listeners
        self._fire(child, Trigger.SERVES, now)
        self._advance(now)

    def answered(self, pid: int, refused: str, now: float) -> None:
        """Take the reply to ``Tell``; ``refused`` says why the child would not, if so."""
        child = self._by_pid(pid)
        if child is None:
            return
        if refused:
            child.blame = refused
            self._do_without_request()
            self._fire(child, Trigger.REFUSES, now)
        elif child.state is State.STARTING:
            self._fire(child, Trigger.SERVES, now)
        self._advance(now)

    def hangs(self, pid: int, now: float) -> None:
        """Get rid of a process that is alive and does no work."""
        child = self._by_pid(pid)
        if child is not None:
            child.blame = "it was alive and did no work"
            self._fire(child, Trigger.LATE, now)

    def scale(self, workers: int, now: float) -> None:
        """Have so many workers; those given up are tried again.

        Raises BadRequestError, and WrongStateError while stopping.
        """
        if not 1 <= workers <= MOST_WORKERS:
            raise BadRequestError(f"workers: from 1 to {MOST_WORKERS}, not {workers}")
        if self.stops:
            raise WrongStateError("the supervisor is stopping")
        staying = sorted(self._workers(), key=_number)
        for child in staying[workers:]:
            self._fire(child, Trigger.SURPLUS, now)
        for child in staying[:workers]:
            if child.state is State.FAILED:
                child.boot_failures = child.strikes = 0
                self._fire(child, Trigger.DUE, now)
        for _ in range(workers - len(staying)):
            self._add(Role.WORKER, self._free_worker(), now)
        self.wake(now)

    def stop(self, now: float, drain: float | None = None) -> None:
        """End everything; ``drain`` (seconds) is for the calls, None is what the settings say."""
        self.stops += 1
        if self.stops == 1:
            self.by_request = drain is not None
            self.drain_seconds = self.fleet.drain if drain is None else drain
            kept = [each for each in self._workers() if each.running]
            first = [each for each in self.children.values() if each not in kept]
            self._fire_all(first, Trigger.STOP, now)
        elif self.stops == 2:
            self.drain_seconds = 0.0
            self.by_request = False
            self._fire_all(list(self.children.values()), Trigger.STOP, now)
        else:
            self._fire_all(list(self.children.values()), Trigger.LATE, now)
        self._advance(now)

    def wake(self, now: float) -> None:
        """Do what has become due."""
        for child in list(self.children.values()):
            if child.due <= now:
                self._fire(child, self._overdue(child), now)
        self._advance(now)

    def has(self, pid: int) -> bool:
        """Return whether this process fills a place."""
        return self._by_pid(pid) is not None

    def deadline(self) -> float | None:
        """Return when ``wake`` has something to do."""
        due = min((child.due for child in self.children.values()), default=NEVER)
        return due if due < NEVER else None

    def drain(self) -> list[Action]:
        """Return what is to be done, in order."""
        actions, self.actions = self.actions, []
        return actions

    # --------------------------------------------------------------------------- the table

    def _overdue(self, child: Child) -> Trigger:
        child.due = NEVER
        if child.state is State.BACKING_OFF:
            return Trigger.DUE
        if child.state is State.STARTING:
            child.blame = f"it did not serve within {self.fleet.boot_timeout:g} s"
        return Trigger.LATE

    def _do_without_request(self) -> None:
        """Take the signal, whose drain time is the one in the settings."""
        if self.by_request:
            self.by_request = False
            self.drain_seconds = max(self.drain_seconds, self.fleet.drain)

    def _ended(self, child: Child, code: int, now: float) -> None:
        child.pid = 0
        if self.stops:
            self._fire(child, Trigger.STOP, now)
        self._fire(child, exit_trigger(child, code, now, self.fleet.max_boot_failures), now)
        self._advance(now)

    def _fire(self, child: Child, trigger: Trigger, now: float) -> None:
        if (child.state, trigger) not in TABLE:
            return
        before = child.state
        child.state, effect = TABLE[child.state, trigger]
        self._effect(effect)(child, now)
        if child.state is not before and (child.running or child.state is not State.STARTING):
            self.actions.append(Changed(msgspec.structs.replace(child)))

    def _fire_all(self, children: list[Child], trigger: Trigger, now: float) -> None:
        for child in children:
            self._fire(child, trigger, now)

    def _effect(self, effect: Effect) -> Callable[[Child, float], None]:
        match effect:
            case Effect.START:
                return self._start
            case Effect.REST:
                return self._rest
            case Effect.SETTLE:
                return self._settle
            case Effect.KILL:
                return self._kill
            case Effect.DRAIN:
                return self._drain
            case Effect.TERMINATE:
                return self._terminate
            case Effect.GIVE_UP:
                return self._give_up
            case Effect.REMOVE:
                return self._remove
            case Effect.NOTHING:
                return self._nothing
            case _:
                assert_never(effect)

    def _start(self, child: Child, now: float) -> None:
        child.started_at, child.serving_at = now, 0.0
        child.starts += 1
        child.due = now + self.fleet.boot_timeout
        standby = self._serving_standby() if child.role is Role.WORKER else None
        if standby is None:
            self.actions.append(Launch(child.name, child.role))
        else:
            self._promote(standby, child, now)

    def _promote(self, standby: Child, child: Child, now: float) -> None:
        child.pid, child.started_at = standby.pid, standby.started_at
        self.actions.append(Tell(child.pid, Activate(worker=WorkerId(child.name))))
        standby.pid, standby.state = 0, State.GONE
        self.actions.append(Changed(msgspec.structs.replace(standby)))
        del self.children[standby.name]
        self._add_standby(now + STANDBY_DELAY)

    def _rest(self, child: Child, now: float) -> None:
        child.due = now + retry_delay(child.strikes)
        if child.role is Role.STANDBY:
            child.due = max(child.due, now + STANDBY_DELAY)

    def _settle(self, child: Child, now: float) -> None:
        child.due = NEVER
        child.serving_at = now
        child.boot_failures = 0

    def _kill(self, child: Child, now: float) -> None:
        child.due = NEVER
        if child.running:
            self.actions.append(Kill(child.pid, signal.SIGKILL))

    def _drain(self, child: Child, now: float) -> None:
        self.actions.append(Tell(child.pid, Stop(drain_seconds=UNLIMITED)))

    def _terminate(self, child: Child, now: float) -> None:
        child.due = now + (HURRY if self.stops > 1 else STOP_MARGIN + self.drain_seconds)
        if not child.running:
            return
        if self.by_request and child.role is Role.SIGNALING and child.serving_at:
            self.actions.append(Tell(child.pid, Stop(drain_seconds=self.drain_seconds)))
        else:
            self.actions.append(Kill(child.pid, signal.SIGTERM))

    def _give_up(self, child: Child, now: float) -> None:
        child.due = NEVER
        workers = self._workers()
        if child.role is Role.SIGNALING or all(each.state is State.FAILED for each in workers):
            self.failure = f"{child.name} cannot be started ({child.last_exit}); giving up"

    def _remove(self, child: Child, now: float) -> None:
        child.due = NEVER
        del self.children[child.name]

    def _nothing(self, child: Child, now: float) -> None:
        pass

    # ------------------------------------------------------------------------ the whole of it

    def _advance(self, now: float) -> None:
        if self.failure and not self.stops:
            self.stop(now, drain=0.0)
        elif self.stops:
            self._advance_stop(now)
        elif not self.up:
            self._advance_start(now)

    def _advance_start(self, now: float) -> None:
        signaling = self.children["signaling"]
        states = {child.state for child in self._workers()}
        settled = states <= {State.SERVING, State.FAILED} and State.SERVING in states
        if signaling.state is not State.SERVING or not settled:
            return
        self.up = True
        names = [each.name for each in self._workers() if each.state is State.SERVING]
        self.actions.append(Up(signaling.listeners, tuple(names)))
        for child in self.children.values():
            if child.role is Role.STANDBY and child.state is State.BACKING_OFF:
                child.due = now

    def _advance_stop(self, now: float) -> None:
        if "signaling" not in self.children:
            left = [each for each in self.children.values() if each.state is not State.STOPPING]
            self._fire_all(left, Trigger.STOP, now)
        if not self.children and not self.finished:
            self.finished = True
            self.actions.append(Finish(1 if self.failure else 0, self.failure))

    def _workers(self) -> list[Child]:
        leaving = (State.DRAINING, State.STOPPING)
        return [
            child
            for child in self.children.values()
            if child.role is Role.WORKER and child.state not in leaving
        ]

    def _serving_standby(self) -> Child | None:
        standbys = (each for each in self.children.values() if each.role is Role.STANDBY)
        return next((each for each in standbys if each.state is State.SERVING), None)

    def _by_pid(self, pid: int) -> Child | None:
        return next((each for each in self.children.values() if pid and each.pid == pid), None)

    def _free_worker(self) -> str:
        return next(name for n in range(10**6) if (name := f"w{n}") not in self.children)

    def _add(self, role: Role, name: str, due: float) -> None:
        self.children[name] = Child(name=name, role=role, due=due)

    def _add_standby(self, due: float) -> None:
        self.standbys_made += 1
        self._add(Role.STANDBY, f"standby-{self.standbys_made}", due)


def _number(worker: Child) -> int:
    return int(worker.name.removeprefix("w"))
