"""The core while it works on one input: state, instant, randomness and the effects so far."""

from collections import deque
from heapq import heappush

import msgspec

from bus.body import Body
from bus.calls import Answered, Ended, Ok, Progress
from bus.codec import encode, raw
from bus.envelope import Done, Event, Refused
from bus.envelope import Request as BusRequest
from bus.errors import RefusedError
from bus.ids import CallId, StreamId
from bus.protocol import CallEvent, ClientEvent
from bus.streams import DrainWorker, StreamCommand
from signaling.calls.call import Call, Waiting
from signaling.clients import Client
from signaling.effects import Effect, Log, Publish, Send, ToClient, ToWorker
from signaling.entropy import Entropy
from signaling.placement import Seat
from signaling.state import AgentState, Asked
from signaling.transactions.layer import Out, Transmit

WORKER_TIMEOUT = 2.0
"""Seconds in which a worker must answer; a WAV file to be converted takes part of it."""


class Core:
    """One input's worth of work."""

    def __init__(self, state: AgentState, now: float, entropy: Entropy) -> None:
        self.state = state
        self.now = now
        self.entropy = entropy
        self.effects: list[Effect] = []
        self.outs: deque[Out] = deque()
        """What transactions reported and nobody has acted on yet."""
        self.news: deque[Progress | Answered | Ended] = deque()
        """What became of calls, for other calls' sake; an end is here before it is told."""

    # ------------------------------------------------------------------------------ the wire

    def take(self, outs: list[Out]) -> None:
        """Do what a transaction asks: transmissions at once, reports when we come to them."""
        for out in outs:
            if isinstance(out, Transmit):
                self.effects.append(Send(out.flow, out.datagram))
            else:
                self.outs.append(out)

    def count(self, what: str) -> None:
        """Count something that an operator may want to see."""
        counters = self.state.counters
        counters[what] = counters.get(what, 0) + 1

    def log(self, level: str, text: str) -> None:
        """Say something to the operator."""
        self.effects.append(Log(level, text))

    # ------------------------------------------------------------------------------- clients

    def tell(self, call: Call, event: CallEvent) -> None:
        """Send an event of a call to its owner and to the public feed."""
        client, body = self.state.clients.known.get(call.owner), raw(event)
        if client is not None:
            self._send_event(client, body)
        self._publish("call", body)

    def send_event(self, client: Client, event: ClientEvent) -> None:
        """Number an event for one client and send it."""
        self._send_event(client, raw(event))

    def publish(self, topic: str, body: Body) -> None:
        """Number an event within its topic and publish it."""
        self._publish(topic, raw(body))

    def _send_event(self, client: Client, body: msgspec.Raw) -> None:
        client.sequence += 1
        frame = encode(Event(sequence=client.sequence, body=body, at=self.now))
        self.effects.append(ToClient(client.identity, frame, event=True))

    def _publish(self, topic: str, body: msgspec.Raw) -> None:
        sequence = self.state.feed_sequence.get(topic, 0) + 1
        self.state.feed_sequence[topic] = sequence
        frame = encode(Event(sequence=sequence, body=body, at=self.now))
        self.effects.append(Publish(topic, frame))

    def reply(self, waiting: Waiting | None, body: Body | RefusedError) -> None:
        """Answer a command, once, and remember the answer for a repetition."""
        if waiting is None:
            return
        client = self.state.clients.of_session(waiting.session)
        if client is None:
            return
        if isinstance(body, RefusedError):
            frame = encode(Refused(id=waiting.command, code=body.code, reason=body.reason))
        else:
            frame = encode(Done(id=waiting.command, body=raw(body)))
        self.state.clients.remembered.remember(waiting.session, waiting.command, frame)
        self.effects.append(ToClient(client.identity, frame))

    # ------------------------------------------------------------------------------- workers

    def ask(
        self, seat: Seat, call: CallId, body: StreamCommand, waiting: Waiting | None = None
    ) -> None:
        """Send a request to a worker; its answer or its lateness comes back to the call."""
        number, seat.next_request = seat.next_request, seat.next_request + 1
        deadline = self.now + WORKER_TIMEOUT
        request = BusRequest(id=number, body=raw(body), deadline=deadline, session=seat.session)
        self.effects.append(ToWorker(seat.identity, encode(request)))
        self.count("worker_requests")
        key = f"{seat.session}:{number}"
        verb = str(type(body).__struct_config__.tag)
        stream = StreamId(0) if isinstance(body, DrainWorker) else body.stream
        self.state.asked[key] = Asked(verb, call, seat.hello.worker, deadline, waiting, stream)
        heappush(self.state.timers, (deadline, key, "asked"))

    def ask_leg(self, call: Call, body: StreamCommand, waiting: Waiting | None = None) -> None:
        """Send a request to the worker that carries the call, if it still does."""
        seat = self.state.workers.seats.get(call.leg.worker)
        if seat is not None and call.leg.state in ("opening", "open", "doomed"):
            self.ask(seat, call.id, body, waiting)
        else:
            self.reply(waiting, Ok())

    # -------------------------------------------------------------------------------- timers

    def push_timer(self, at: float, key: str, name: str) -> None:
        """Have the timer ``name`` of something that is no call looked at, at an instant."""
        heappush(self.state.timers, (at, key, name))

    def set_timer(self, call: Call, name: str, seconds: float) -> None:
        """Set a timer of a call; setting it again moves it."""
        call.timers[name] = self.now + seconds
        heappush(self.state.timers, (self.now + seconds, call.id, name))
