import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zmq

from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Refused, Request
from bus.errors import EngineLostError, FrameError, NoCapacityError
from bus.overseer import ask_supervisor
from bus.settings import BusSettings
from bus.sockets import bind_router, endpoint
from bus.workers import ListProcesses, Processes, Scale, ToSupervisor

DECODER: msgspec.msgpack.Decoder[ToSupervisor] = msgspec.msgpack.Decoder(ToSupervisor)
NONE = Processes(supervisor_pid=1, processes=())


def asked(folder: Path, answer: Callable[[Request], msgspec.Struct]) -> ToSupervisor:
    """Let the supervisor be asked for its processes, answer by hand, return what it was asked."""

    async def scenario() -> ToSupervisor:
        context = zmq.Context[zmq.SyncSocket].instance()
        with bind_router(context, endpoint(folder, "supervisor"), BusSettings()) as router:
            asking = asyncio.create_task(ask_supervisor(folder, ListProcesses(), Processes))
            identity, frame = await asyncio.to_thread(router.recv_multipart)
            request = decode_frame(frame)
            assert isinstance(request, Request)
            other = encode(Done(id=request.id - 1, body=raw(Ok())))  # of somebody else
            router.send_multipart([identity, other])
            router.send_multipart([identity, encode(answer(request))])
            assert await asking == NONE
            body: ToSupervisor = decode_body(DECODER, request.body)
            return body

    return asyncio.run(scenario())


def test_an_answer(tmp_path: Path) -> None:
    body = asked(tmp_path, lambda request: Done(id=request.id, body=raw(NONE)))
    assert body == ListProcesses()


def test_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(NoCapacityError):
        asked(tmp_path, lambda request: Refused(id=request.id, code="no_capacity", reason="no"))


def test_an_answer_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="replied Ok"):
        asked(tmp_path, lambda request: Done(id=request.id, body=raw(Ok())))


def test_nobody(tmp_path: Path) -> None:
    with pytest.raises(EngineLostError, match=r"within 0\.1 s"):
        asyncio.run(ask_supervisor(tmp_path, Scale(workers=1), Ok, within=0.1))
