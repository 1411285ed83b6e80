"""Two of our engines and whoever else a scenario needs, on one simulated network."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from bus.calls import Answer, Answered, IncomingCall, Ring
from bus.ids import CallId
from bus.settings import Settings
from tests.harness.network import Link, Network
from tests.harness.puppet import Handler, Puppet
from tests.harness.recording import replay
from tests.harness.station import Station

ALICE, BOB, CAROL = "192.0.2.1", "192.0.2.2", "192.0.2.3"
TO_BOB, TO_CAROL = f"sip:bob@{BOB}", f"sip:carol@{CAROL}"
NAMES = {"bob.example.com": BOB, "carol.example.com": CAROL}


class Arena:
    """Alice calls; Bob is called; Carol is a puppet, if there is one."""

    def __init__(self, seed: int, *, forget: bool = False) -> None:
        self.seed = seed
        self.forget = forget
        self.network = Network(seed)
        self.stations: list[Station] = []
        self.alice = self.station("alice", ALICE)
        self.bob = self.station("bob", BOB)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.network.__exit__(kind, error, traceback)

    # ---------------------------------------------------------------------------- who is there

    def station(
        self,
        name: str,
        host: str,
        *,
        settings: Settings | None = None,
        names: Mapping[str, str] = NAMES,
    ) -> Station:
        """Add an engine (or put it in place of an earlier one of that name)."""
        station = Station(
            name, host, network=self.network, forget=self.forget, names=names, settings=settings
        )
        self.stations = [s for s in self.stations if s.name != name] + [station]
        self.network.add(name, station, *station.addresses)
        return station

    def puppet(self, name: str, host: str, handler: Handler | None = None) -> Puppet:
        """Add a peer that does what it is told."""
        puppet = Puppet(name, host, self.network, handler)
        self.network.add(name, puppet, *puppet.addresses)
        return puppet

    def link(self, source: str, target: str) -> Link:
        """Return one direction between two of them."""
        return self.network.link(source, target)

    # ------------------------------------------------------------------------------ usual acts

    def bob_answers(self, *, ring: float | None = 0.1, after: float = 0.5) -> None:
        """Let Bob ring (or not) and answer every call."""

        def incoming(event: IncomingCall) -> None:
            if ring is not None:
                self.bob.later(ring, lambda: self.bob.send(Ring(call=event.call)))
            self.bob.later(after, lambda: self.bob.send(Answer(call=event.call)))

        self.bob.react(IncomingCall, incoming)

    def call(self, uri: str = TO_BOB, **options: object) -> tuple[CallId, CallId]:
        """Let Alice call Bob until both are up; return both names of the call."""
        if not self.bob.reactions:
            self.bob_answers()
        mine = self.alice.dial(uri, **options)
        before = len(self.bob.heard(Answered))
        self.network.run(until=lambda: self.alice_is_up(mine) and self.bob_up() > before)
        return mine, self.bob.heard(Answered)[-1].call

    def alice_is_up(self, call: CallId) -> bool:
        """Whether Alice's owner heard that media flows."""
        return any(answered.call == call for answered in self.alice.heard(Answered))

    def bob_up(self) -> int:
        """How many calls Bob's owner heard to be up."""
        return len(self.bob.heard(Answered))

    # --------------------------------------------------------------------------------- the end

    def finish(self, seconds: float = 70.0) -> None:
        """Wait until every timer has run out; nothing may be left, and all must replay."""
        self.network.run(seconds=seconds)
        for station in self.stations:
            assert station.is_idle(), f"{station.name} has something left: {station.left()}"
            assert not (difference := replay(station.recording)), difference
