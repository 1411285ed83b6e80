"""One ZeroMQ socket in an asyncio loop: plain, read through its descriptor, drained each time.

``zmq.asyncio`` costs twice the time of this.  The trap: the descriptor is edge-triggered and covers
both directions, so after *every* use of the socket (a send too) its ``EVENTS`` must be asked until
there are none for us, or what arrived meanwhile is not announced again.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import zmq

BATCH: Final = 256
"""Messages taken before the loop's other business has its turn."""


class Link:
    """Sends and receives messages; ``receive`` gets the frames of each, in order."""

    def __init__(self, socket: zmq.SyncSocket, receive: Callable[[list[bytes]], None]) -> None:
        self._socket = socket
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._unsent = deque[bytes]()
        self._working = False
        self._descriptor = int(socket.getsockopt(zmq.FD))
        self._loop.add_reader(self._descriptor, self._work)
        self._loop.call_soon(self._work)

    @property
    def closed(self) -> bool:
        """True after ``close``."""
        return self._socket.closed

    def send(self, frame: bytes) -> None:
        """Send now, or as soon as the other side is there."""
        self._unsent.append(frame)
        self._work()

    def forget_unsent(self) -> None:
        """Drop what waits for the other side to be there."""
        self._unsent.clear()

    def close(self) -> None:
        """Close the socket; what was sent is still delivered if the other side is there."""
        if not self._socket.closed:
            self._loop.remove_reader(self._descriptor)
            self._socket.close()

    def _work(self) -> None:
        if self._working or self._socket.closed:
            return
        self._working = True
        try:
            more = self._flush_and_drain()
        finally:
            self._working = False
        if more and not self._socket.closed:
            self._loop.call_soon(self._work)

    def _flush_and_drain(self) -> bool:
        """Work until the socket has nothing for us; True if that was not reached.

        ``EVENTS`` is asked after every step: nothing else takes notice of all that the descriptor
        has announced (``send`` and ``recv`` may skip the arrival of a connection).
        """
        for _ in range(BATCH):
            if self._socket.closed:
                return False
            events = int(self._socket.getsockopt(zmq.EVENTS))
            if events & zmq.POLLIN:
                self._receive(self._socket.recv_multipart(zmq.NOBLOCK))
            elif events & zmq.POLLOUT and self._unsent:
                self._send_first()
            else:
                return False
        return True

    def _send_first(self) -> None:
        with suppress(zmq.Again):  # the other side went away just now
            self._socket.send(self._unsent[0], zmq.NOBLOCK)
            self._unsent.popleft()
