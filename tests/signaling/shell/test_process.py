"""The running process, in this one: from the sockets to the core and back."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bus.errors import LaunchError
from bus.settings import Settings, SipSettings
from signaling.agent import Agent
from signaling.effects import (
    DrainAsked,
    Effect,
    Resolve,
    Resolved,
    WatchWorker,
    Woken,
    WorkerDied,
)
from signaling.effects import Input as Given
from signaling.locating import Answer, Question, Record
from signaling.shell.process import Signaling
from signaling.state import AgentState
from tests.bus.waiting import until

OPTIONS = (
    "OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1;rport\r\nMax-Forwards: 70\r\n"
    "From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:bob@127.0.0.1>\r\nCall-ID: 1\r\n"
    "CSeq: 1 OPTIONS\r\n\r\n"
)
LOCAL = Settings(sip=SipSettings(listen=("udp:127.0.0.1:0",)))


@asynccontextmanager
async def running(run_dir: Path) -> AsyncGenerator[Signaling, None]:
    """Serve until the test is done with it; it then drains, as after SIGTERM."""
    signaling = Signaling(run_dir, LOCAL, parent=0)
    task = asyncio.create_task(signaling.run())
    await until(lambda: signaling.network.datagram or task.done())
    try:
        yield signaling
    finally:
        os.kill(os.getpid(), 15)
        async with asyncio.timeout(10.0):
            await task


class Wishing(Agent):
    """A core that wants something done once, and then only notes what it hears of it."""

    def __init__(self, state: AgentState, effects: Sequence[Effect]) -> None:
        super().__init__(state)
        self.effects = [*effects]
        self.fed: list[Given] = []

    def feed(self, given: Given, now: float, entropy: bytes) -> list[Effect]:
        """Note the input."""
        if isinstance(given, DrainAsked):
            return super().feed(given, now, entropy)
        if not isinstance(given, Woken):
            self.fed.append(given)
        effects, self.effects = self.effects, []
        return effects


def wish(signaling: Signaling, *effects: Effect) -> list[Given]:
    """Let the core want something; return where its inputs go from now on."""
    agent = Wishing(signaling.agent.state, effects)
    signaling.agent = agent
    signaling.feed(Woken())
    return agent.fed


def test_a_request_is_answered_and_sigterm_ends_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as signaling:
            (opened,) = signaling.network.datagram.values()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
                peer.bind(("127.0.0.1", 0))
                peer.setblocking(False)
                own = peer.getsockname()[1]
                peer.sendto(OPTIONS.format(port=own).encode(), opened.getsockname())
                answer = await asyncio.get_running_loop().sock_recv(peer, 4096)
            assert answer.startswith(b"SIP/2.0 503 ")  # no worker yet
            assert signaling.timer is not None

    asyncio.run(scenario())


def test_names_are_looked_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as signaling:
            here, nowhere = Question("A", "localhost"), Question("A", "nowhere.invalid")
            fed = wish(signaling, Resolve("1", (here, nowhere)))
            await until(lambda: fed)
            (given,) = fed
            assert isinstance(given, Resolved)
            found, missing = given.answers
            assert found == Answer(here, (Record(target="127.0.0.1"),))
            assert not missing.records
            assert "nowhere.invalid" in missing.reason

    asyncio.run(scenario())


def test_the_death_of_a_process_is_seen_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(tmp_path) as signaling:
            child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
            fed = wish(signaling, WatchWorker(child.pid), WatchWorker(child.pid))
            assert not fed
            assert child.stdin is not None
            child.stdin.close()
            await child.wait()
            await until(lambda: fed)
            assert fed == [WorkerDied(child.pid)]
            assert not signaling.watched

    asyncio.run(scenario())


def test_a_listener_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        text = f"udp:127.0.0.1:{taken.getsockname()[1]}"
        signaling = Signaling(tmp_path, Settings(sip=SipSettings(listen=(text,))), parent=0)
        try:
            with pytest.raises(LaunchError, match=text):
                asyncio.run(signaling.run())
        finally:
            signaling.context.destroy(linger=0)
