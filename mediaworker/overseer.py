"""A worker's line to the supervisor: it says that it serves, and hears what to become or to stop.

A worker that was started by hand has none.
"""

import logging
import os
from pathlib import Path
from typing import Final

import msgspec
import zmq

from bus.calls import Ok
from bus.codec import decode_body, decode_frame, encode, raw
from bus.envelope import Done, Refused, Request
from bus.errors import FrameError, RefusedError
from bus.sockets import connect_dealer, endpoint
from bus.workers import Activate, ChildHello, Stop, ToChild

log = logging.getLogger(__name__)

orders: Final = msgspec.msgpack.Decoder(ToChild)


class Overseer:
    """The line."""

    def __init__(self, context: zmq.SyncContext, run_dir: Path) -> None:
        self.socket = connect_dealer(context, endpoint(run_dir, "supervisor"))
        self.unsent: list[bytes] = []
        self.asked = 0

    def serves(self, role: str, name: str) -> None:
        """Say so."""
        self.asked += 1
        hello = ChildHello(role=role, name=name, pid=os.getpid())
        self.unsent.append(encode(Request(id=self.asked, body=raw(hello))))
        self.flush()

    def flush(self) -> None:
        """Send what could not be sent yet."""
        while self.unsent:
            try:
                self.socket.send(self.unsent[0], zmq.NOBLOCK)
            except zmq.Again:
                return
            del self.unsent[0]

    def poll(self, timeout_ms: int = 0) -> Activate | Stop | None:
        """Wait for an order, and confirm it."""
        self.flush()
        if not self.socket.poll(timeout_ms):
            return None
        try:
            heard = decode_frame(self.socket.recv(zmq.NOBLOCK))
        except FrameError as error:
            log.warning("from the supervisor: %s", error)
            return None
        if isinstance(heard, Refused):
            log.error("the supervisor refuses us: %s", heard.reason)
        return self._order(heard) if isinstance(heard, Request) else None

    def _order(self, request: Request) -> Activate | Stop | None:
        try:
            order: Activate | Stop = decode_body(orders, request.body)
        except RefusedError as error:
            self.unsent.append(encode(Refused(id=request.id, code=error.code, reason=error.reason)))
            self.flush()
            return None
        self.unsent.append(encode(Done(id=request.id, body=raw(Ok()))))
        self.flush()
        return order
