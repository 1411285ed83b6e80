"""The bus side of the shell: frames of clients and workers in, ``ToClient`` ... effects out.

ZeroMQ's descriptor is edge-triggered and tells of any change, so after each wake a socket is read
until it is empty (bounded: the rest comes in the loop's next pass), and after each send it is asked
whether the send has eaten the edge.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import zmq

from bus.calls import SipMessage
from bus.codec import encode, raw
from bus.envelope import Done, Event
from bus.outbox import Outbox
from bus.settings import Settings
from bus.sockets import bind_router, bind_xpub, endpoint
from signaling.effects import (
    ClientOverflowed,
    FromClient,
    FromWorker,
    Input,
    Publish,
    ShowTrace,
    ToClient,
    ToWorker,
)
from signaling.shell.trace_ring import TraceRing, call_id_of
from signaling.sip.flow import Flow

Feed = Callable[[Input], None]

BATCH: Final = 200
RETRY: Final = 0.02
"""Seconds until a peer whose queue was full is tried again."""
READY: Final = b"~ready."
"""Who subscribes to such a topic hears at once that this and all earlier ones are in effect."""
ENVELOPE: Final = 1024
"""Bytes of a frame around what it carries, at most."""


class Switchboard:
    """Three sockets and a queue for each peer."""

    def __init__(self, context: zmq.SyncContext, run_dir: Path, settings: Settings) -> None:
        self.bus = bus = settings.bus
        self.ring = TraceRing(settings.log.trace_messages)
        self.control = bind_router(context, endpoint(run_dir, "control"), bus)
        self.workers = bind_router(context, endpoint(run_dir, "workers"), bus)
        self.feed_socket = bind_xpub(context, endpoint(run_dir, "events"), bus)
        self.outboxes: dict[tuple[bool, str], Outbox] = {}
        self.topics: set[bytes] = set()
        self.sip_sequence = 0
        self.feed: Feed = lambda given: None
        self.retrying = False
        self.again: set[zmq.SyncSocket] = set()
        """Sockets to be read in the next pass."""

    def start(self, feed: Feed) -> None:
        """Begin to read."""
        self.feed = feed
        loop = asyncio.get_running_loop()
        for socket in (self.control, self.workers, self.feed_socket):
            loop.add_reader(_descriptor(socket), self._drain, socket)
            self._drain_soon(socket)

    def close(self) -> None:
        """Stop reading and close; the last frames leave within the sockets' linger."""
        loop = asyncio.get_running_loop()
        for socket in (self.control, self.workers, self.feed_socket):
            loop.remove_reader(_descriptor(socket))
            socket.close()

    # ---------------------------------------------------------------------------------- in

    def _drain(self, socket: zmq.SyncSocket) -> None:
        """Read what is there."""
        self.again.discard(socket)
        for _ in range(BATCH):
            if socket.closed or not _readable(socket):
                return
            self._received(socket, socket.recv_multipart(zmq.NOBLOCK))
        self._drain_soon(socket)

    def _drain_soon(self, socket: zmq.SyncSocket) -> None:
        if socket not in self.again:
            self.again.add(socket)
            asyncio.get_running_loop().call_soon(self._drain, socket)

    def _received(self, socket: zmq.SyncSocket, frames: list[bytes]) -> None:
        if socket is self.workers:
            self.feed(FromWorker(frames[0].hex(), frames[-1]))
        elif socket is self.control:
            self.feed(FromClient(frames[0].hex(), frames[-1]))
        else:
            self._subscription(frames[0])

    def _subscription(self, frame: bytes) -> None:
        topic = frame[1:]
        if frame.startswith(b"\x01" + READY):
            self.feed_socket.send(topic, zmq.NOBLOCK)
        else:
            (self.topics.add if frame[:1] == b"\x01" else self.topics.discard)(topic)

    # --------------------------------------------------------------------------------- out

    def to_client(self, effect: ToClient) -> None:
        """Send a frame to a client, or queue it behind those that wait."""
        if (True, effect.identity) not in self.outboxes and self._sent(True, effect):
            return
        outbox = self._outbox(True, effect.identity)
        if not effect.event:
            outbox.reply(effect.frame)
        elif outbox.wants_snapshot:
            outbox.numbered_snapshot(effect.frame)
        else:
            outbox.numbered_event(effect.frame)
        self._flush(True, effect.identity, outbox)

    def to_worker(self, effect: ToWorker) -> None:
        """Send a frame to a worker, or queue it behind those that wait."""
        if (False, effect.identity) not in self.outboxes and self._sent(False, effect):
            return
        outbox = self._outbox(False, effect.identity)
        outbox.reply(effect.frame)
        self._flush(False, effect.identity, outbox)

    def publish(self, effect: Publish) -> None:
        """Publish an event, if anybody listens; who reads too slowly sees a hole."""
        if self.topics:
            self.feed_socket.send_multipart([effect.topic.encode(), effect.frame], zmq.NOBLOCK)

    def trace(self, direction: str, flow: Flow, message: bytes) -> None:
        """Remember a SIP message, and publish it if anybody listens to the topic ``sip``."""
        self.ring.add(direction, flow, message)
        if not self.topics & {b"", b"sip", b"s", b"si"}:
            return
        self.sip_sequence += 1
        body = SipMessage(
            direction=direction,
            local=flow.listener,
            remote=f"{flow.host}:{flow.port}",
            sip_call_id=call_id_of(message),
            text=message.decode(errors="replace"),
        )
        event = Event(sequence=self.sip_sequence, body=raw(body), at=time.time())
        self.feed_socket.send_multipart([b"sip", encode(event)], zmq.NOBLOCK)

    def show_trace(self, effect: ShowTrace) -> None:
        """Answer a request with the messages of a call, as many as a frame may carry."""
        trace = self.ring.trace(effect.sip_call_id, self.bus.max_frame_bytes - ENVELOPE)
        frame = encode(Done(id=effect.request, body=raw(trace)))
        self.to_client(ToClient(effect.identity, frame))

    def _outbox(self, client: bool, identity: str) -> Outbox:
        key = (client, identity)
        if key not in self.outboxes:
            self.outboxes[key] = Outbox(limit=self.bus.queue)
        return self.outboxes[key]

    def _sent(self, client: bool, effect: ToClient | ToWorker) -> bool:
        """Send a frame, or drop it if its peer left; False if the peer's queue is full."""
        socket = self.control if client else self.workers
        try:
            socket.send(bytes.fromhex(effect.identity), zmq.NOBLOCK | zmq.SNDMORE)
            socket.send(effect.frame, zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError:
            return True
        if _readable(socket):
            self._drain_soon(socket)
        return True

    def _flush(self, client: bool, identity: str, outbox: Outbox) -> None:
        while (frame := outbox.head()) is not None:
            if not self._sent(client, ToClient(identity, frame)):
                self._retry()
                return
            outbox.pop()
        if client and outbox.wants_snapshot:
            self.feed(ClientOverflowed(identity))
        elif not outbox.overflowed:
            self.outboxes.pop((client, identity), None)

    def _retry(self) -> None:
        if not self.retrying:
            self.retrying = True
            asyncio.get_running_loop().call_later(RETRY, self._flush_all)

    def _flush_all(self) -> None:
        self.retrying = False
        for (client, identity), outbox in list(self.outboxes.items()):
            self._flush(client, identity, outbox)


def _descriptor(socket: zmq.SyncSocket) -> int:
    return int(socket.getsockopt(zmq.FD))


def _readable(socket: zmq.SyncSocket) -> bool:
    return bool(int(socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)
