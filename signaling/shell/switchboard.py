"""The bus side of the shell: frames of clients and workers in, ``ToClient`` ... effects out.

What comes in one pass of the loop is fed together, and what is to go out by then leaves together:
one message a peer, of one frame or several.

ZeroMQ's descriptor is edge-triggered and tells of any change, so after each wake a socket is read
until it is empty (bounded: the rest comes in the loop's next pass), and after each send it is asked
whether the send has eaten the edge.
"""

import asyncio
import time
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
from signaling.shell.connection import Feed
from signaling.shell.trace_ring import TraceRing, call_id_of
from signaling.sip.flow import Flow

BATCH: Final = 200
"""Messages taken from one socket before others get their turn."""
NOBLOCK: Final = int(zmq.NOBLOCK)
MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
EVENTS: Final = int(zmq.EVENTS)
READABLE: Final = int(zmq.POLLIN)
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
        self.leaving: dict[tuple[bool, str], list[ToClient | ToWorker]] = {}
        """What the core sends in this pass, by whether it is to a client, and to whom."""
        self.outboxes: dict[tuple[bool, str], Outbox] = {}
        """Of those who do not read fast enough."""
        self.topics: set[bytes] = set()
        self.sip_sequence = 0
        self.feed: Feed = lambda *given: None
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
        given: list[Input] = []
        for _ in range(BATCH):
            if socket.closed or not _readable(socket):
                break
            given += self._received(socket, socket.recv_multipart(NOBLOCK))
        else:
            self._drain_soon(socket)
        if given:
            self.feed(*given)

    def _drain_soon(self, socket: zmq.SyncSocket) -> None:
        if socket not in self.again:
            self.again.add(socket)
            asyncio.get_running_loop().call_soon(self._drain, socket)

    def _received(self, socket: zmq.SyncSocket, message: list[bytes]) -> list[Input]:
        if socket is self.feed_socket:
            self._subscription(message[0])
            return []
        sender = message[0].hex()
        if socket is self.workers:
            return [FromWorker(sender, frame) for frame in message[1:]]
        return [FromClient(sender, frame) for frame in message[1:]]

    def _subscription(self, frame: bytes) -> None:
        topic = frame[1:]
        if frame.startswith(b"\x01" + READY):
            self.feed_socket.send(topic, NOBLOCK)
        else:
            (self.topics.add if frame[:1] == b"\x01" else self.topics.discard)(topic)

    # --------------------------------------------------------------------------------- out

    def to_client(self, effect: ToClient) -> None:
        """Send a frame to a client at the end of this pass."""
        self.leaving.setdefault((True, effect.identity), []).append(effect)

    def to_worker(self, effect: ToWorker) -> None:
        """Send a frame to a worker at the end of this pass."""
        self.leaving.setdefault((False, effect.identity), []).append(effect)

    def end_pass(self) -> None:
        """Send what is to leave, or queue it behind what its peer has not read yet."""
        used: set[zmq.SyncSocket] = set()
        leaving, self.leaving = self.leaving, {}
        for (client, identity), effects in leaving.items():
            used.add(self.control if client else self.workers)
            waits = (client, identity) in self.outboxes
            frames = [effect.frame for effect in effects]
            if waits or not self._sent(client, identity, frames):
                self._queue(client, identity, effects)
        for socket in used:
            if _readable(socket):
                self._drain_soon(socket)

    def _queue(self, client: bool, identity: str, effects: list[ToClient | ToWorker]) -> None:
        outbox = self._outbox(client, identity)
        for effect in effects:
            if isinstance(effect, ToWorker) or not effect.event:
                outbox.reply(effect.frame)
            elif outbox.wants_snapshot:
                outbox.numbered_snapshot(effect.frame)
            else:
                outbox.numbered_event(effect.frame)
        self._flush(client, identity, outbox)

    def publish(self, effect: Publish) -> None:
        """Publish an event, if anybody listens; who reads too slowly sees a hole."""
        if self.topics:
            self.feed_socket.send_multipart([effect.topic.encode(), effect.frame], NOBLOCK)

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
        self.feed_socket.send_multipart([b"sip", encode(event)], NOBLOCK)

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

    def _sent(self, client: bool, identity: str, frames: list[bytes]) -> bool:
        """Send frames, or drop them if their peer left; False if the peer's queue is full."""
        socket = self.control if client else self.workers
        try:
            socket.send(bytes.fromhex(identity), MORE)
            for frame in frames[:-1]:
                socket.send(frame, MORE)
            socket.send(frames[-1], NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError:
            return True
        return True

    def _flush(self, client: bool, identity: str, outbox: Outbox) -> None:
        while (frame := outbox.head()) is not None:
            if not self._sent(client, identity, [frame]):
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
        for socket in (self.control, self.workers):
            if _readable(socket):
                self._drain_soon(socket)


def _descriptor(socket: zmq.SyncSocket) -> int:
    return int(socket.getsockopt(zmq.FD))


def _readable(socket: zmq.SyncSocket) -> bool:
    return int(socket.getsockopt(EVENTS)) & READABLE != 0
