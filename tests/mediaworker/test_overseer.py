"""The line to the supervisor, with a real ROUTER at its other end."""

import os
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zmq

from bus.ids import WorkerId
from bus.workers import Activate, Stop
from mediaworker.overseer import Overseer
from tests.mediaworker.supervisor_role import SupervisorRole


@pytest.fixture
def pair() -> Generator[tuple[Overseer, SupervisorRole]]:
    with TemporaryDirectory() as folder:
        context: zmq.SyncContext = zmq.Context()
        supervisor = SupervisorRole(Path(folder))
        overseer = Overseer(context, Path(folder))
        try:
            yield overseer, supervisor
        finally:
            context.destroy()
            supervisor.close()


def met(pair: tuple[Overseer, SupervisorRole]) -> tuple[Overseer, SupervisorRole]:
    overseer, supervisor = pair
    overseer.serves("worker", "w0")
    while not supervisor.socket.poll(1):
        overseer.flush()
    hello = supervisor.hello()
    assert hello == {
        "verb": "child_hello",
        "role": "worker",
        "name": "w0",
        "pid": os.getpid(),
        "listeners": [],
    }
    assert overseer.poll(5000) is None, "the reply is no order"
    return pair


def test_orders_are_heard_and_confirmed(pair: tuple[Overseer, SupervisorRole]) -> None:
    overseer, supervisor = met(pair)
    supervisor.send({"kind": "request", "id": 1, "body": {"verb": "activate", "worker": "w7"}})
    assert overseer.poll(5000) == Activate(worker=WorkerId("w7"))
    assert supervisor.receive() == {"kind": "done", "id": 1, "body": {"verb": "ok"}}
    supervisor.send({"kind": "request", "id": 2, "body": {"verb": "stop", "drain_seconds": 2.5}})
    assert overseer.poll(5000) == Stop(drain_seconds=2.5)
    assert supervisor.receive()["id"] == 2
    assert overseer.poll() is None


@pytest.mark.parametrize("body", [{"verb": "fly"}, {"verb": "activate"}, {}])
def test_what_is_no_order_is_refused(
    pair: tuple[Overseer, SupervisorRole], body: dict[str, str]
) -> None:
    overseer, supervisor = met(pair)
    supervisor.send({"kind": "request", "id": 3, "body": body})
    assert overseer.poll(5000) is None
    reply = supervisor.receive()
    assert (reply["kind"], reply["id"]) == ("refused", 3)


def test_garbage_is_passed_over(pair: tuple[Overseer, SupervisorRole]) -> None:
    overseer, supervisor = met(pair)
    supervisor.socket.send_multipart([supervisor.child, b"garbage"])
    assert overseer.poll(5000) is None
    supervisor.send({"kind": "request", "id": 4, "body": {"verb": "stop"}})
    assert overseer.poll(5000) == Stop()
