"""The bus side, with real peers on real sockets."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import zmq

from bus.calls import SipMessage
from bus.codec import decode_frame
from bus.envelope import Done, Event
from bus.settings import Settings
from bus.sockets import connect_dealer, connect_sub, endpoint
from bus.tracing import Trace
from signaling.effects import (
    FromClient,
    FromWorker,
    Input,
    Publish,
    ShowTrace,
    ToClient,
    ToWorker,
)
from signaling.shell.switchboard import Switchboard
from signaling.sip.flow import Flow
from tests.bus.waiting import until

INVITE = b"INVITE sip:a SIP/2.0\r\ni: 7@h\r\n\r\n"
FLOW = Flow("udp:127.0.0.1:5060", "127.0.0.2", 5070)


@contextmanager
def switchboard(run_dir: Path, fed: list[Input]) -> Generator[Switchboard, None, None]:
    context = zmq.Context[zmq.SyncSocket].instance()
    board = Switchboard(context, run_dir, Settings())
    board.start(lambda *given: fed.extend(given))
    try:
        yield board
    finally:
        board.close()


@contextmanager
def dealer(run_dir: Path, place: str) -> Generator[zmq.SyncSocket, None, None]:
    context = zmq.Context[zmq.SyncSocket].instance()
    socket = connect_dealer(
        context, endpoint(run_dir, "control" if place == "control" else "workers")
    )
    try:
        yield socket
    finally:
        socket.close(linger=0)


async def send(socket: zmq.SyncSocket, frame: bytes) -> None:
    await until(lambda: socket.poll(0, zmq.POLLOUT))
    socket.send(frame, zmq.NOBLOCK)


async def take_all(socket: zmq.SyncSocket) -> list[bytes]:
    await until(lambda: socket.poll(0))
    return socket.recv_multipart()


async def take(socket: zmq.SyncSocket) -> bytes:
    await until(lambda: socket.poll(0))
    return socket.recv()


def test_frames_of_clients_and_workers_are_told_apart_and_answered(tmp_path: Path) -> None:
    async def scenario() -> None:
        fed = list[Input]()
        with (
            switchboard(tmp_path, fed) as board,
            dealer(tmp_path, "control") as client,
            dealer(tmp_path, "workers") as worker,
        ):
            await send(client, b"from client")
            await until(lambda: len(fed) == 1)
            await send(worker, b"from worker")
            await until(lambda: len(fed) == 2)
            one, two = fed
            assert isinstance(one, FromClient)
            assert isinstance(two, FromWorker)
            assert (one.frame, two.frame) == (b"from client", b"from worker")
            board.to_client(ToClient(one.identity, b"reply"))
            board.to_client(ToClient(one.identity, b"event", event=True))
            board.to_worker(ToWorker(two.identity, b"command"))
            board.end_pass()
            assert await take_all(client) == [b"reply", b"event"]  # one message
            assert await take(worker) == b"command"
            assert not board.outboxes

    asyncio.run(scenario())


def test_a_peer_that_left_is_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        with switchboard(tmp_path, []) as board:
            board.to_client(ToClient("00ff", b"reply"))
            board.end_pass()
            assert not board.outboxes

    asyncio.run(scenario())


def test_a_burst_longer_than_a_batch_is_read_to_its_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        fed = list[Input]()
        with switchboard(tmp_path, fed), dealer(tmp_path, "control") as client:
            for number in range(500):
                await send(client, str(number).encode())
            await until(lambda: len(fed) == 500)
            frames = [given.frame for given in fed if isinstance(given, FromClient)]
            assert frames == [str(number).encode() for number in range(500)]

    asyncio.run(scenario())


def test_sip_is_traced_for_those_who_listen(tmp_path: Path) -> None:
    async def scenario() -> None:
        context = zmq.Context[zmq.SyncSocket].instance()
        with switchboard(tmp_path, []) as board:
            board.trace("received", FLOW, INVITE)
            assert board.sip_sequence == 0
            listener = connect_sub(context, endpoint(tmp_path, "events"))
            try:
                await until(lambda: board.topics)
                board.publish(Publish("call", b"an event"))
                board.trace("received", FLOW, INVITE + b"\xff")
                assert await take_all(listener) == [b"call", b"an event"]
                topic, frame = await take_all(listener)
            finally:
                listener.close(linger=0)
            event = decode_frame(frame)
            assert isinstance(event, Event)
            message = msgspec.msgpack.decode(event.body, type=SipMessage)
            assert (topic, event.sequence, message.sip_call_id) == (b"sip", 1, "7@h")
            assert message.remote == "127.0.0.2:5070"

    asyncio.run(scenario())


def test_who_subscribes_hears_when_it_is_in_effect(tmp_path: Path) -> None:
    async def scenario() -> None:
        context = zmq.Context[zmq.SyncSocket].instance()
        with switchboard(tmp_path, []) as board:
            listener = connect_sub(context, endpoint(tmp_path, "events"), ["call", "~ready.7"])
            try:
                assert await take_all(listener) == [b"~ready.7"]
                assert board.topics == {b"call"}
                board.publish(Publish("call", b"an event"))
                assert await take_all(listener) == [b"call", b"an event"]
            finally:
                listener.close(linger=0)

    asyncio.run(scenario())


def test_what_was_traced_is_shown_to_who_asks(tmp_path: Path) -> None:
    async def scenario() -> None:
        fed = list[Input]()
        with switchboard(tmp_path, fed) as board, dealer(tmp_path, "control") as client:
            await send(client, b"a request")
            await until(lambda: len(fed) == 1)
            [given] = fed
            assert isinstance(given, FromClient)
            board.trace("received", FLOW, INVITE)
            board.show_trace(ShowTrace(given.identity, 3, "7@h"))
            board.end_pass()
            done = decode_frame(await take(client))
            assert isinstance(done, Done)
            assert done.id == 3
            trace = msgspec.msgpack.decode(done.body, type=Trace)
            assert [message.text for message in trace.messages] == [INVITE.decode()]

    asyncio.run(scenario())
