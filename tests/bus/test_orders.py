import signal

import msgspec
import pytest

from bus.children import Child, Role
from bus.ids import WorkerId
from bus.orders import Action, Changed, Finish, Kill, Launch, Tell, Up
from bus.workers import Activate, Stop

ORDERS: list[Action] = [
    Launch("w0", Role.WORKER),
    Kill(7, signal.SIGTERM),
    Tell(7, Activate(worker=WorkerId("w0"))),
    Tell(7, Stop(drain_seconds=1.5)),
    Changed(Child(name="w0", role=Role.WORKER)),
    Up(("udp:127.0.0.1:5060",), ("w0",)),
    Finish(1, "why"),
]


@pytest.mark.parametrize("order", ORDERS, ids=repr)
def test_an_order_survives_encoding(order: Action) -> None:
    copied: Action = msgspec.msgpack.decode(msgspec.msgpack.encode(order), type=Action)
    assert copied == order
