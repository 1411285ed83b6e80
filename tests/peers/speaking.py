"""Somebody who speaks PCMU over a socket, in packets as long as one likes, from where one likes."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import numpy as np

from tests.peers.capture import RtpSeen
from tests.peers.hand import rtp_packet
from tests.peers.hearing import decoded
from tools.sound import RATE, Samples


def _said(payload: bytes) -> Samples:
    return decoded([RtpSeen(0.0, 0, 0, False, 0, 0, 0, 0, payload)])


_LEVELS: Final = _said(bytes(range(256)))
_ORDER: Final = np.argsort(_LEVELS, kind="stable").astype(np.uint8)
_BOUNDS: Final = np.convolve(_LEVELS[_ORDER].astype(np.float64), (0.5, 0.5), "valid")


def encoded(song: Samples) -> bytes:
    """Return the PCMU whose levels are nearest."""
    return _ORDER[np.searchsorted(_BOUNDS, song)].tobytes()


class Speaker:
    """Says a song once, in real time, while the block runs; leaving it waits for the end.

    ``times`` are the lengths of the packets, ms, again and again.  ``numbers`` and ``stamp`` are
    the sequence number and the RTP timestamp of the first.
    """

    def __init__(
        self,
        source: socket.socket,
        port: int,
        song: Samples,
        *,
        times: Sequence[int] = (20,),
        ssrc: int = 7,
        number: int = 0,
        stamp: int = 0,
    ) -> None:
        self._source, self._port = source, port
        self._packets = list(_packets(encoded(song), times, ssrc, number, stamp))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="speaker")

    def _speak(self) -> None:
        begun = time.monotonic()
        for at, packet in self._packets:
            if self._stopping.wait(max(0.0, begun + at - time.monotonic())):
                return
            self._source.sendto(packet, ("127.0.0.1", self._port))

    def wait(self) -> None:
        """Return when all is said."""
        self._thread.join()

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Be silent."""
        if kind is not None:
            self._stopping.set()
        self._thread.join()


def _packets(
    payload: bytes, times: Sequence[int], ssrc: int, number: int, stamp: int
) -> Iterator[tuple[float, bytes]]:
    """Give each packet behind the seconds after the start at which it is complete."""
    at = count = 0
    while at < len(payload):
        piece = payload[at : at + times[count % len(times)] * RATE // 1000]
        packet = rtp_packet(piece, sequence=number + count, timestamp=stamp + at, ssrc=ssrc)
        yield at / RATE, packet
        at, count = at + len(piece), count + 1
