"""The supervisor: launch, watch, answer.  One thread, one loop; decisions are in ``supervision``.

The loop waits for the ROUTER (``supervisor.sock``), for signals (which only leave a byte in a
pipe) and for the next deadline.  A child's death is a SIGCHLD, so it is noticed at once.
"""

import logging
import math
import os
import time
from pathlib import Path
from typing import Final

import msgspec
import zmq

from bus.announcing import Announcer
from bus.body import Body
from bus.calls import Ok
from bus.children import Child, Role, State
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Event, Refused, Request
from bus.errors import (
    BadRequestError,
    FrameError,
    LaunchError,
    RefusedError,
    TooLateError,
)
from bus.hanging import Hanging
from bus.loading import write_settings
from bus.logs import configure
from bus.orders import Action, Changed, Finish, Kill, Launch, Tell, Up
from bus.processes import (
    LOW,
    Commands,
    adopt_descendants,
    end_descendants,
    environment,
    home,
    kill,
    may_raise_priority,
    reap,
    renice,
    spawn,
)
from bus.requests import Pending
from bus.rundir import SETTINGS, Lock, acquire, claim, residents, sweep, vacate
from bus.settings import Settings
from bus.signals import ENDING, Signals, signals
from bus.sockets import bind_router, endpoint, prepare_run_dir
from bus.supervision import UNLIMITED, Fleet, Supervision
from bus.workers import (
    ChildHello,
    ListProcesses,
    Processes,
    ProcessInfo,
    Scale,
    Stop,
    ToSupervisor,
)

DESCENDANTS_PATIENCE: Final = 3.0
"""Seconds that the children of our children have when all of ours are gone."""
ORPHAN_POLL: Final = 0.05
ORPHAN_PATIENCE: Final = 20.0
"""Seconds beyond ``supervisor.orphan_grace`` that children of an earlier supervisor are given."""

log = logging.getLogger(__name__)
requests: Final = msgspec.msgpack.Decoder(ToSupervisor)


def run(
    settings: Settings, run_dir: Path, *, as_json: bool, commands: Commands | None = None
) -> int:
    """Run the engine until it is stopped; return the exit code.

    Raises LaunchError if it cannot begin: the run directory is in use or not ours, or the packages
    do not come from one place.
    """
    configure(settings.log.level, "supervisor")
    run_dir = run_dir.absolute()
    place = home()
    made = prepare_run_dir(run_dir)
    lock = claim(run_dir, made=made)
    announcer = Announcer(run_dir, as_json=as_json)
    try:
        with signals() as inbox:
            if not _wait_for_residents(settings, run_dir, announcer, inbox):
                return 0
            sweep(run_dir)
            write_settings(run_dir / SETTINGS, settings)
            environ = environment(place, os.environ)
            supervisor = Supervisor(settings, run_dir, announcer, commands or Commands(), environ)
            return supervisor.run(inbox)
    finally:
        _clean_up(run_dir, lock)


def _clean_up(run_dir: Path, lock: Lock) -> None:
    """Leave nothing behind, unless somebody still uses it: the last of those sweeps instead."""
    if next(residents(run_dir), None) is None:
        sweep(run_dir)
        vacate(run_dir, lock)
    else:
        lock.close()


class Supervisor:
    """The shell around ``Supervision``: sockets, processes and the clock."""

    def __init__(
        self,
        settings: Settings,
        run_dir: Path,
        announcer: Announcer,
        commands: Commands,
        environ: dict[str, str],
    ) -> None:
        self.settings = settings
        self.run_dir = run_dir
        self.announcer = announcer
        self.commands = commands
        self.environ = environ
        self.supervision = Supervision(fleet=fleet(settings))
        self.hanging = Hanging(run_dir, settings.supervisor.hang_timeout)
        self.pending = Pending[tuple[int, bytes]]()
        self.identities: dict[int, bytes] = {}
        self.clock_offset = time.time() - time.monotonic()
        self.nice = may_raise_priority()
        self.code: int | None = None

    def run(self, inbox: Signals) -> int:
        """Loop until every child is gone."""
        context = zmq.Context[zmq.SyncSocket]()
        try:
            self.router = bind_router(
                context, endpoint(self.run_dir, "supervisor"), self.settings.bus
            )
            self.poller = zmq.Poller()
            self.poller.register(self.router, zmq.POLLIN)
            self.poller.register(inbox.descriptor, zmq.POLLIN)
            adopt_descendants()
            self.supervision.begin(time.monotonic())
            while self.code is None:
                self._act()
                self._turn(inbox)
            end_descendants(DESCENDANTS_PATIENCE)
            return self.code
        finally:
            context.destroy()

    def _turn(self, inbox: Signals) -> None:
        """Wait for something to happen, and tell the supervision of it."""
        if self.code is None:
            self.poller.poll(math.ceil(self._patience() * 1000))
        now = time.monotonic()
        for number in inbox.take():
            if number in ENDING:
                self.announcer.say_stopping()
                self.supervision.stop(now)
        for pid, code in reap():
            self.identities.pop(pid, None)
            self.supervision.exited(pid, code, now)
        self._receive(now)
        for pid, _ in self.pending.expire(now):
            self.supervision.answered(pid, "it did not answer", now)
        for pid in self.hanging.look(self.supervision.children.values(), now):
            self.supervision.hangs(pid, now)
        self.supervision.wake(now)

    def _patience(self) -> float:
        now = time.monotonic()
        deadlines = (self.supervision.deadline(), self.pending.deadline(), self.hanging.next_at)
        return max(0.0, min(at for at in (*deadlines, now + 60) if at is not None) - now)

    # ------------------------------------------------------------------------ what to do

    def _act(self) -> None:
        while actions := self.supervision.drain():
            for action in actions:
                self._carry_out(action)

    def _carry_out(self, action: Action) -> None:
        match action:
            case Launch():
                self._launch(action)
            case Kill(pid=pid, number=number) if self.supervision.has(pid):
                log.info("%s to process %d", number.name, pid)
                kill(pid, number)
            case Kill():
                pass  # reaped since; the number may be somebody else's soon
            case Tell():
                self._tell(action)
            case Changed():
                self.announcer.say_changed(action)
                if action.child.role is Role.WORKER and action.child.state is State.GONE:
                    sweep(self.run_dir, action.child.name)
            case Up():
                self.announcer.say_up(action)
            case Finish(code=code):
                self.announcer.say_finish(action)
                self.code = code

    def _launch(self, launch: Launch) -> None:
        try:
            lock = self._lock_of(launch.name)
            line = self.commands.line(
                launch.role, launch.name, self.run_dir, self.run_dir / SETTINGS
            )
            pid = spawn(line, self.environ, lock.descriptor)
        except (OSError, LaunchError) as error:
            self.supervision.launch_failed(launch.name, str(error), time.monotonic())
            return
        lock.write(pid)
        lock.close()
        if launch.role is Role.STANDBY and self.nice:
            renice(pid, os.getpriority(os.PRIO_PROCESS, 0), LOW)
        self.supervision.launched(launch.name, pid)

    def _lock_of(self, name: str) -> Lock:
        lock = acquire(self.run_dir / f"{name}.lock")
        if lock is None:
            raise LaunchError(f"another process still holds {name}.lock in {self.run_dir}")
        return lock

    def _tell(self, tell: Tell) -> None:
        now = time.monotonic()
        identity = self.identities.get(tell.pid)
        if identity is None:
            self.supervision.answered(tell.pid, "it never said hello", now)
            return
        id = self.pending.add((tell.pid, identity), now, self.settings.supervisor.boot_timeout)
        if not self._send(identity, Request(id=id, body=raw(tell.body))):
            self._settle(identity, id, "it does not listen", now)

    def _send(self, identity: bytes, envelope: msgspec.Struct) -> bool:
        """Send to whoever still listens; False if nobody does."""
        try:
            self.router.send_multipart([identity, encode(envelope)], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            log.debug("a peer did not take a frame: %s", error)
            return False
        return True

    # -------------------------------------------------------------------- what is asked

    def _receive(self, now: float) -> None:
        while True:
            try:
                identity, *frames = self.router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._take(identity, frames, now)
            self._act()

    def _take(self, identity: bytes, frames: list[bytes], now: float) -> None:
        try:
            if len(frames) != 1:
                raise FrameError(f"a message of {len(frames)} frames, where one is expected")
            frame = decode_frame(frames[0])
        except FrameError as error:
            self._send(identity, Refused(id=0, code=BadRequestError.code, reason=str(error)))
            return
        match frame:
            case Request():
                self._answer(identity, frame, now)
            case Done(id=id):
                self._settle(identity, id, "", now)
            case Refused(id=id, reason=reason):
                self._settle(identity, id, reason or "it refused", now)
            case Event():
                log.debug("an event, which nobody here waits for")

    def _settle(self, identity: bytes, id: int, refused: str, now: float) -> None:
        waiting = self.pending.waiting.get(id)
        if waiting is None or waiting.what[1] != identity:
            return
        self.pending.take(id)
        self.supervision.answered(waiting.what[0], refused, now)

    def _answer(self, identity: bytes, request: Request, now: float) -> None:
        try:
            if request.deadline and request.deadline < time.time():
                raise TooLateError("the deadline had passed")
            reply = self._apply(identity, decode_body(requests, request.body), now)
        except RefusedError as error:
            self._send(identity, Refused(id=request.id, code=error.code, reason=error.reason))
        else:
            self._send(identity, Done(id=request.id, body=raw(reply)))

    def _apply(
        self, identity: bytes, body: ChildHello | Scale | ListProcesses | Stop, now: float
    ) -> Body:
        match body:
            case ChildHello(pid=pid):
                self.supervision.serves(pid, body.listeners, now)
                self.identities[pid] = identity
                if self.nice:
                    renice(pid, LOW, os.getpriority(os.PRIO_PROCESS, 0))
                return Ok()
            case Scale(workers=workers):
                self.supervision.scale(workers, now)
                return Ok()
            case Stop(drain_seconds=seconds):
                if not 0 <= seconds <= UNLIMITED:
                    raise BadRequestError(f"drain_seconds: not {seconds}")
                if not self.supervision.stops:
                    self.supervision.stop(now, seconds)
                return Ok()
            case ListProcesses():
                return self._processes()

    def _processes(self) -> Processes:
        children = self.supervision.children.values()
        return Processes(
            supervisor_pid=os.getpid(), processes=tuple(self._info(child) for child in children)
        )

    def _info(self, child: Child) -> ProcessInfo:
        return ProcessInfo(
            name=child.name,
            role=child.role,
            pid=child.pid,
            state=child.state,
            started_at=child.started_at + self.clock_offset if child.starts else 0.0,
            restarts=max(0, child.starts - 1),
            last_exit=child.last_exit,
            listeners=child.listeners,
        )


def fleet(settings: Settings) -> Fleet:
    """Return what the settings want; workers 0 is one less than the cores we may use."""
    cores = len(os.sched_getaffinity(0))
    return Fleet(
        workers=settings.media.workers or max(1, cores - 1),
        standbys=settings.media.standbys,
        boot_timeout=settings.supervisor.boot_timeout,
        max_boot_failures=settings.supervisor.max_boot_failures,
        drain=settings.supervisor.drain,
    )


def _wait_for_residents(
    settings: Settings, run_dir: Path, announcer: Announcer, inbox: Signals
) -> bool:
    """Wait until the children of an earlier supervisor are gone; False if we were told to stop."""
    patience = settings.supervisor.orphan_grace + ORPHAN_PATIENCE
    give_up_at = time.monotonic() + patience
    known = set[str]()
    while left := list(residents(run_dir)):
        for each in left:
            if each.name not in known:
                announcer.say_waiting(each.name, each.pid)
                known.add(each.name)
        if time.monotonic() > give_up_at:
            names = ", ".join(f"{each.name} (process {each.pid})" for each in left)
            raise LaunchError(f"of an earlier engine in {run_dir} still run: {names}")
        time.sleep(ORPHAN_POLL)
        if set(inbox.take()) & set(ENDING):
            return False
    return True
