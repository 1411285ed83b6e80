"""The signaling process: sockets, clock and randomness around the core.

Everything that happens becomes one ``Input``; what the core wants done is done at once, in order.
"""

import asyncio
import gc
import logging
import os
import signal
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from math import inf
from pathlib import Path
from typing import assert_never

import zmq

from bus.codec import encode, raw
from bus.envelope import Request as BusRequest
from bus.logs import LEVELS
from bus.settings import Settings
from bus.sockets import connect_dealer, endpoint
from bus.workers import ChildHello
from signaling.agent import Agent
from signaling.clients import Clients
from signaling.effects import (
    DrainAsked,
    Effect,
    Exit,
    Input,
    KeepOpen,
    Log,
    Publish,
    Received,
    Resolve,
    Resolved,
    Send,
    ShowTrace,
    ToClient,
    ToWorker,
    WatchWorker,
    Woken,
    WorkerDied,
)
from signaling.placement import Workers
from signaling.shell.clock import Clock
from signaling.shell.listeners import open_listener
from signaling.shell.network import Network
from signaling.shell.resolver import Resolver
from signaling.shell.switchboard import Switchboard
from signaling.state import AgentState, Listener
from signaling.transactions.layer import Transactions

log = logging.getLogger("signaling")

YOUNG = 20_000
"""New objects after which the garbage collector looks at them: a call makes hardly any cycles."""

GRAIN = 0.01
"""Seconds.  The core is woken so often at most: timers that are due together fire together."""


class Signaling:
    """The running process."""

    def __init__(self, run_dir: Path, settings: Settings, parent: int) -> None:
        self.run_dir = run_dir
        self.settings = settings
        self.parent = parent
        self.clock = Clock()
        self.context: zmq.SyncContext = zmq.Context()
        self.switchboard = Switchboard(self.context, run_dir, settings)
        self.network = Network(self.feed, settings)
        self.resolver = Resolver(settings.sip.nameserver, self.clock.now)
        self.finished = asyncio.Event()
        self.timer: asyncio.TimerHandle | None = None
        self.wakes_at = inf
        """When it fires."""
        self.watched: dict[int, int] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.agent: Agent

    async def run(self) -> None:
        """Serve until told to stop and every call is over."""
        loop = asyncio.get_running_loop()
        listeners = [
            open_listener(text, self.settings.sip.advertise) for text in self.settings.sip.listen
        ]
        self.agent = Agent(self._state(tuple(listener for listener, _ in listeners)))
        gc.freeze()  # what is here now stays, and need not be looked at
        gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
        for listener, opened in listeners:
            await self.network.add(listener, opened)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._drain, "shutting down")
        self.switchboard.start(self.feed)
        if self.parent:
            self._watch_parent()
            self._greet(tuple(listener.name for listener, _ in listeners))
        log.info("listening on %s", ", ".join(listener.name for listener, _ in listeners))
        await self.finished.wait()
        self.network.close()
        await asyncio.sleep(0)
        self.switchboard.close()
        self.context.term()

    # --------------------------------------------------------------------------- in and out

    def feed(self, *given: Input) -> None:
        """Give the core what came in one pass of the loop, and do what it wants done."""
        for each in given:
            self._feed(each)
        self.switchboard.end_pass()
        self._arm()

    def _feed(self, given: Input) -> None:
        if isinstance(given, Received):
            self.switchboard.trace("received", given.flow, given.datagram)
        try:
            for effect in self.agent.feed(given, self.clock.now(), os.urandom(32)):
                self._do(effect)
        except Exception:  # a fault of ours must not end the other calls
            log.exception("%s was not worked", type(given).__name__)

    def _do(self, effect: Effect) -> None:
        match effect:
            case Send():
                self.switchboard.trace("sent", effect.flow, effect.datagram)
                self.network.send(effect)
            case KeepOpen():
                self.network.keep_open(effect.flow, effect.seconds)
            case ToClient():
                self.switchboard.to_client(effect)
            case ToWorker():
                self.switchboard.to_worker(effect)
            case Publish():
                self.switchboard.publish(effect)
            case ShowTrace():
                self.switchboard.show_trace(effect)
            case Resolve():
                task = asyncio.get_running_loop().create_task(self._resolve(effect))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)
            case WatchWorker():
                self._watch(effect.pid)
            case Log():
                log.log(LEVELS[effect.level], "%s", effect.text)
            case Exit():
                self.finished.set()
            case _:
                assert_never(effect)

    def _arm(self) -> None:
        """See to it that we wake in time; waking too early costs less than moving the timer."""
        deadline = self.agent.deadline()
        if deadline is None or deadline >= self.wakes_at:
            return
        if self.timer is not None:
            self.timer.cancel()
        now = self.clock.now()
        self.wakes_at = max(deadline, now + GRAIN)
        self.timer = asyncio.get_running_loop().call_later(self.wakes_at - now, self._wake)

    def _wake(self) -> None:
        self.timer, self.wakes_at = None, inf
        deadline = self.agent.deadline()
        if deadline is not None and deadline <= self.clock.now():
            self.feed(Woken())
        else:
            self._arm()

    async def _resolve(self, effect: Resolve) -> None:
        answers = await self.resolver.answer(effect.questions)
        self.feed(Resolved(effect.token, answers))

    def _watch(self, pid: int) -> None:
        if pid in self.watched:
            return
        try:
            descriptor = os.pidfd_open(pid)
        except (OSError, OverflowError):
            asyncio.get_running_loop().call_soon(self.feed, WorkerDied(pid))
            return
        self.watched[pid] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._died, pid, descriptor)

    def _died(self, pid: int, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        del self.watched[pid]
        self.feed(WorkerDied(pid))

    def _watch_parent(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(self.parent)
        except OSError:
            self._orphaned()
            return

        def gone() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            self._orphaned()

        loop.add_reader(descriptor, gone)

    def _orphaned(self) -> None:
        grace = self.settings.supervisor.orphan_grace
        log.error("the supervisor is gone: hanging up in %.1f s", grace)
        self._drain("the supervisor is gone", grace)

    def _drain(self, reason: str, seconds: float | None = None) -> None:
        grace = self.settings.supervisor.drain if seconds is None else seconds
        self.feed(DrainAsked(grace, reason))

    def _greet(self, names: tuple[str, ...]) -> None:
        socket = connect_dealer(self.context, endpoint(self.run_dir, "supervisor"))
        hello = ChildHello(role="signaling", name="signaling", pid=os.getpid(), listeners=names)
        frame = encode(BusRequest(id=1, body=raw(hello)))
        loop = asyncio.get_running_loop()

        def send() -> None:
            try:
                socket.send(frame, zmq.NOBLOCK)
            except zmq.Again:
                loop.call_later(0.01, send)
            else:
                socket.close(linger=1000)

        send()

    def _state(self, listeners: tuple[Listener, ...]) -> AgentState:
        return AgentState(
            settings=self.settings,
            listeners=listeners,
            incarnation=os.urandom(8).hex(),
            version=_version(),
            pid=os.getpid(),
            events=endpoint(self.run_dir, "events"),
            started_at=self.clock.now(),
            transactions=Transactions(t1=self.settings.sip.t1),
            clients=Clients(),
            workers=Workers(),
        )


def _version() -> str:
    with suppress(PackageNotFoundError):
        return version("offhook")
    return "0"
