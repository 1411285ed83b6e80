"""A network in virtual time: seeded, no sockets, no sleeping, 32 s of timers in microseconds.

Endpoints are sans-IO objects.  ``progress()`` jumps to the next instant at which anything happens:
something arrives, or an endpoint's deadline is due.  Each direction between two endpoints is a
``Link``.  Addresses are text; those that begin with ``tcp:`` carry ordered byte streams, cut and
joined anew on the way, all others datagrams, which may be lost, doubled and overtaken.

    with Network(seed=7) as network:              # a failure names the seed and draws the ladder
        network.add("alice", alice, "udp:192.0.2.1:5060")
        network.add("bob", bob, "udp:192.0.2.2:5060")
        network.link("alice", "bob").rules.append(drop(starts(b"INVITE"), 1))
        network.run(until=lambda: bob.ringing)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from bus.ladder import Ladder, Rung

Matches = Callable[[bytes], bool]
EPOCH = 1_000_000.0
"""Where virtual time begins: large, as Unix time is, so that absolute instants are not mistaken."""
MOST_TURNS = 10_000
"""At one instant; more is a live-lock."""


class Path(NamedTuple):
    """The two ends of a datagram or connection, seen from the endpoint at ``local``."""

    local: str
    remote: str

    def turned(self) -> Path:
        """Return the same as the other end sees it."""
        return Path(self.remote, self.local)


class Endpoint(Protocol):
    """Whatever can be put on the network."""

    def receive(self, path: Path, datagram: bytes, now: float) -> None:
        """Take a datagram, or the next piece of a stream."""
        ...

    def deadline(self) -> float | None:
        """Return when to be woken."""
        ...

    def wake(self, now: float) -> None:
        """Do what is due; ``deadline()`` is later then."""
        ...

    def outgoing(self) -> Sequence[tuple[Path, bytes]]:
        """Hand over, once, what is to be sent."""
        ...


class NetworkError(AssertionError):
    """The scenario did not get where it should, or turns in circles."""


# ------------------------------------------------------------------------------------- links


class Loss(Protocol):
    """Decides for each datagram whether it is lost."""

    def lost(self, chance: random.Random) -> bool:
        """Draw."""
        ...


@dataclass
class Uniform:
    """Each datagram is lost with the same probability."""

    probability: float = 0.0

    def lost(self, chance: random.Random) -> bool:
        """Draw."""
        return chance.random() < self.probability


@dataclass
class GilbertElliott:
    """Loss in bursts: a good and a bad state, each with its own probability of loss."""

    good_to_bad: float
    bad_to_good: float
    loss_in_good: float = 0.0
    loss_in_bad: float = 1.0
    bad: bool = False

    def lost(self, chance: random.Random) -> bool:
        """Draw; then maybe change the state."""
        lost = chance.random() < (self.loss_in_bad if self.bad else self.loss_in_good)
        if chance.random() < (self.bad_to_good if self.bad else self.good_to_bad):
            self.bad = not self.bad
        return lost


@dataclass
class Rule:
    """What happens to particular datagrams: the ``nth`` ones that match (from 1; empty: all)."""

    matches: Matches
    nth: frozenset[int]
    drop: bool = False
    delay: float = 0.0
    copies: int = 0
    seen: int = 0

    def applies(self, datagram: bytes) -> bool:
        """Count a datagram; say whether it is meant."""
        if not self.matches(datagram):
            return False
        self.seen += 1
        return not self.nth or self.seen in self.nth


def drop(matches: Matches, *nth: int) -> Rule:
    """Lose those."""
    return Rule(matches, frozenset(nth), drop=True)


def delay(matches: Matches, seconds: float, *nth: int) -> Rule:
    """Let those take longer (and be overtaken)."""
    return Rule(matches, frozenset(nth), delay=seconds)


def double(matches: Matches, *nth: int) -> Rule:
    """Let those arrive twice."""
    return Rule(matches, frozenset(nth), copies=1)


def starts(*heads: bytes) -> Matches:
    """Match what begins with one of these: ``INVITE``, ``SIP/2.0 200``."""
    return lambda datagram: datagram.startswith(heads)


def contains(piece: bytes) -> Matches:
    """Match what has this in it: ``CSeq: 2 INVITE``."""
    return lambda datagram: piece in datagram


@dataclass
class Link:
    """One direction between two endpoints.  Times in seconds, shares from 0 to 1."""

    latency: float = 0.010
    jitter: float = 0.0
    """Up to so much more latency, drawn for each; more than the spacing reorders."""
    loss: Loss = field(default_factory=Uniform)
    duplicate: float = 0.0
    reorder: float = 0.0
    """Share that is held back for a further ``latency`` and ``jitter``."""
    segment: int = 0
    """Streams: pieces of 1 to so many bytes; 0: as they were written."""
    merge: bool = True
    """Streams: pieces that are there at one instant arrive as one."""
    down: bool = False
    rules: list[Rule] = field(default_factory=list[Rule])


# ----------------------------------------------------------------------------------- network


class _Piece(NamedTuple):
    at: float
    order: int
    target: str
    path: Path
    datagram: bytes


class Network:
    """Endpoints, the links between them, and the clock."""

    def __init__(self, seed: int, **link: float) -> None:
        self.seed = seed
        self.now = EPOCH
        self.chance = random.Random(seed)
        self.ladder = Ladder()
        self.endpoints: dict[str, Endpoint] = {}
        self._owners: dict[str, str] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._defaults = link
        self._flying: list[_Piece] = []
        self._order = 0
        self._stream_at: dict[Path, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(f"network seed {self.seed}, {self.elapsed:.3f} s\n{self.ladder}")

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the beginning."""
        return self.now - EPOCH

    def add(self, name: str, endpoint: Endpoint, *addresses: str) -> None:
        """Put an endpoint on the network."""
        self.endpoints[name] = endpoint
        self._owners.update(dict.fromkeys(addresses, name))

    def link(self, source: str, target: str) -> Link:
        """Return the link from one to the other, to be changed at will."""
        if (source, target) not in self._links:
            self._links[source, target] = Link()
            for name, value in self._defaults.items():
                setattr(self._links[source, target], name, value)
        return self._links[source, target]

    # ------------------------------------------------------------------------------- time

    def progress(self, limit: float = float("inf")) -> bool:
        """Go to the next instant at which anything happens; False if that is never (by limit)."""
        self._collect()
        at = self._next()
        if at is None or at - EPOCH > limit:
            return False
        self.now = max(self.now, at)
        self._deliver()
        self._wake()
        self._collect()
        return True

    def run(self, until: Callable[[], bool] | None = None, *, seconds: float = 1_000.0) -> None:
        """Progress until something holds (it must) or, without that, for some virtual seconds.

        Raises NetworkError if it does not come to hold in that time.
        """
        limit, turns, instant = self.elapsed + seconds, 0, self.now
        while until is None or not until():
            if not self.progress(limit):
                break
            turns, instant = (turns + 1, instant) if self.now == instant else (0, self.now)
            if turns > MOST_TURNS:
                raise NetworkError(f"no end of it at {self.elapsed:.6f} s")
        else:
            return
        if until is not None:
            raise NetworkError(f"it did not happen by {self.elapsed:.3f} s")
        self.now = EPOCH + limit

    def _next(self) -> float | None:
        instants = [at for e in self.endpoints.values() if (at := e.deadline()) is not None]
        if self._flying:
            instants.append(self._flying[0].at)
        return min(instants, default=None)

    def _wake(self) -> None:
        for endpoint in self.endpoints.values():
            at = endpoint.deadline()
            if at is not None and at <= self.now:
                endpoint.wake(self.now)

    # --------------------------------------------------------------------------- transport

    def _deliver(self) -> None:
        due: list[_Piece] = []
        while self._flying and self._flying[0].at <= self.now:
            piece = heappop(self._flying)
            same = due and due[-1].path == piece.path and piece.path.local.startswith("tcp:")
            if same and self.link(self._owners[piece.path.remote], piece.target).merge:
                due[-1] = due[-1]._replace(datagram=due[-1].datagram + piece.datagram)
            else:
                due.append(piece)
        for piece in due:
            self.endpoints[piece.target].receive(piece.path, piece.datagram, self.now)
            self._collect()

    def _collect(self) -> None:
        for name, endpoint in self.endpoints.items():
            for path, datagram in endpoint.outgoing():
                self._send(name, path, datagram)

    def _send(self, source: str, path: Path, datagram: bytes) -> None:
        target = self._owners.get(path.remote)
        if target is None:
            self._record(source, path.remote, datagram, "nobody")
            return
        link = self.link(source, target)
        if path.remote.startswith("tcp:"):
            self._write(link, source, target, path, datagram)
            return
        meant = [rule for rule in link.rules if rule.applies(datagram)]
        fate = self._fate(link, meant)
        self._record(source, target, datagram, fate)
        if fate:
            return
        copies = 1 + sum(rule.copies for rule in meant)
        copies += self.chance.random() < link.duplicate
        for _ in range(copies):
            extra = sum(rule.delay for rule in meant)
            self._fly(self.now + self._transit(link) + extra, target, path.turned(), datagram)

    def _fate(self, link: Link, meant: list[Rule]) -> str:
        if link.down:
            return "down"
        if any(rule.drop for rule in meant):
            return "dropped"
        return "lost" if link.loss.lost(self.chance) else ""

    def _transit(self, link: Link) -> float:
        once = link.latency + self.chance.random() * link.jitter
        if self.chance.random() < link.reorder:
            return once + link.latency + self.chance.random() * link.jitter
        return once

    def _write(self, link: Link, source: str, target: str, path: Path, written: bytes) -> None:
        """Streams lose nothing and keep their order; what a link delays, all that follows waits."""
        self._record(source, target, written, "down" if link.down else "")
        if link.down:
            return
        extra = sum(rule.delay for rule in link.rules if rule.applies(written))
        while written:
            size = self.chance.randint(1, link.segment) if link.segment else len(written)
            at = self.now + self._transit(link) + extra
            at = self._stream_at[path] = max(at, self._stream_at.get(path, 0.0))
            self._fly(at, target, path.turned(), written[:size])
            written = written[size:]

    def _fly(self, at: float, target: str, path: Path, datagram: bytes) -> None:
        self._order += 1
        heappush(self._flying, _Piece(at, self._order, target, path, datagram))

    def _record(self, source: str, target: str, datagram: bytes, fate: str) -> None:
        self.ladder.add(Rung(self.elapsed, source, target, datagram, fate))
