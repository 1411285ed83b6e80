import importlib
from collections.abc import Callable

import msgspec
import pytest

from bus.body import Body
from bus.calls import Ok
from bus.codec import decode_body, raw
from bus.ids import WorkerId
from bus.workers import (
    Activate,
    ChildHello,
    ListProcesses,
    Processes,
    ProcessInfo,
    Scale,
    Stop,
    SupervisorReply,
    ToChild,
    ToSupervisor,
)

_msgpack = importlib.import_module("msgpack")  # it has no types of its own
pack: Callable[[object], bytes] = _msgpack.packb
unpack: Callable[[bytes], object] = _msgpack.unpackb

INFO = ProcessInfo(name="w0", role="worker", pid=7, state="serving", started_at=1.0)
GOLDEN: list[tuple[object, Body, dict[str, object]]] = [
    (
        ToSupervisor,
        ChildHello(role="signaling", name="signaling", pid=7, listeners=("udp:h:1",)),
        {
            "verb": "child_hello",
            "role": "signaling",
            "name": "signaling",
            "pid": 7,
            "listeners": ["udp:h:1"],
        },
    ),
    (ToSupervisor, Scale(workers=3), {"verb": "scale", "workers": 3}),
    (ToSupervisor, ListProcesses(), {"verb": "list_processes"}),
    (ToSupervisor, Stop(), {"verb": "stop", "drain_seconds": 0.0}),
    (ToChild, Stop(drain_seconds=2.0), {"verb": "stop", "drain_seconds": 2.0}),
    (ToChild, Activate(worker=WorkerId("w1")), {"verb": "activate", "worker": "w1"}),
    (SupervisorReply, Ok(), {"verb": "ok"}),
    (
        SupervisorReply,
        Processes(supervisor_pid=1, processes=(INFO,)),
        {
            "verb": "processes",
            "supervisor_pid": 1,
            "processes": [
                {
                    "name": "w0",
                    "role": "worker",
                    "pid": 7,
                    "state": "serving",
                    "started_at": 1.0,
                    "restarts": 0,
                    "last_exit": "",
                    "listeners": [],
                }
            ],
        },
    ),
]


@pytest.mark.parametrize(("union", "body", "plain"), GOLDEN, ids=lambda value: type(value).__name__)
def test_another_reader_sees_these_maps(
    union: type[Body], body: Body, plain: dict[str, object]
) -> None:
    assert unpack(bytes(raw(body))) == plain
    written = msgspec.Raw(pack(plain))
    assert decode_body(msgspec.msgpack.Decoder(union), written) == body
