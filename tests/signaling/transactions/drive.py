"""Messages to feed a transaction layer with, and one that forgets everything between two inputs."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from signaling.sip.flow import Flow
from signaling.sip.message import Header, Request, Response
from signaling.sip.parse import parse_message
from signaling.sip.render import respond
from signaling.transactions.layer import Out, Transactions, Transmit

UDP = Flow("udp:192.0.2.1:5060", "192.0.2.2", 5060)
TCP = Flow("tcp:192.0.2.1:5060", "192.0.2.2", 5060, "c1")
EMPTY = Transactions()

T = TypeVar("T")

Event = tuple[float, str]
"""When, and ``INVITE``, ``180``, ``ClientFailed timeout``: a transmission or a report."""


def request(
    method: str = "INVITE",
    *,
    branch: str = "z9hG4bKa",
    cseq: int = 1,
    to_tag: str = "",
    sent_by: str = "192.0.2.2:5060",
    headers: tuple[Header, ...] = (),
) -> Request:
    tag = f";tag={to_tag}" if to_tag else ""
    return Request(
        method=method,
        uri="sip:bob@192.0.2.1",
        headers=[
            ("Via", f"SIP/2.0/UDP {sent_by};rport" + (f";branch={branch}" if branch else "")),
            ("Max-Forwards", "70"),
            ("From", "Alice <sip:alice@192.0.2.2>;tag=a1"),
            ("To", f"<sip:bob@192.0.2.1>{tag}"),
            ("Call-ID", "call-1"),
            ("CSeq", f"{cseq} {method}"),
            *headers,
        ],
    )


def answer(given: Request, status: int, to_tag: str = "b1") -> Response:
    return respond(given, status, to_tag=to_tag)


def named(out: Out) -> str:
    """Say in a word or two what an out is."""
    if isinstance(out, Transmit):
        message = parse_message(out.datagram)
        return message.method if isinstance(message, Request) else str(message.status)
    response = getattr(out, "response", None)
    status = f" {response.status}" if isinstance(response, Response) else ""
    return f"{type(out).__name__}{status} {getattr(out, 'why', '')}".strip()


class Forgetful:
    """Two layers with the same inputs, one of which is encoded and decoded before each of them.

    They must do the same and be the same, at every step.
    """

    def __init__(self, t1: float = 0.5) -> None:
        self.now = 0.0
        self.events: list[Event] = []
        self.state = Transactions(t1=t1)
        self._again = Transactions(t1=t1)

    def send(self, given: Request, flow: Flow = UDP) -> str:
        key, outs = self._both(lambda one: one.client_request(given, flow, self.now))
        self._note(outs)
        return key

    def hear(self, message: Request | Response, flow: Flow = UDP) -> list[Out]:
        """Take a message from the network; return what the TU hears of it and what is sent."""
        if isinstance(message, Request):
            return self._note(self._both(lambda one: one.receive_request(message, flow, self.now)))
        return self._note(self._both(lambda one: one.receive_response(message, self.now)))

    def answer(self, key: str, response: Response) -> list[Out]:
        return self._note(self._both(lambda one: one.respond(key, response, self.now)))

    def stop_2xx(self, key: str) -> None:
        self._both(lambda one: one.stop_2xx(key))

    def fail(self, flow: Flow) -> list[Out]:
        return self._note(self._both(lambda one: one.transport_failed(flow, self.now)))

    def wake(self, now: float) -> list[Out]:
        self.now = now
        return self._note(self._both(lambda one: one.wake(now)))

    def run(self, until: float = 1e9) -> list[Event]:
        """Let virtual time pass; return all that has happened so far."""
        while (at := self._both(lambda one: one.deadline())) is not None and at <= until:
            assert at > self.now or not self.events
            self.wake(at)
        self.now = max(self.now, until) if until < 1e9 else self.now
        return self.events

    def times(self, what: str) -> list[float]:
        return [at for at, name in self.events if name == what]

    def _note(self, outs: list[Out]) -> list[Out]:
        self.events += [(round(self.now, 6), named(out)) for out in outs]
        return outs

    def _both(self, do: Callable[[Transactions], T]) -> T:
        frame = msgspec.msgpack.encode(self._again)
        self._again = msgspec.msgpack.decode(frame, type=Transactions)
        done, done_again = do(self.state), do(self._again)
        assert done_again == done
        assert self._again == self.state
        return done
