"""Many calls with everything at random, over lines that lose, double and reorder.

Whatever happens: each call ends exactly once for each owner, nothing is left of it, and it all
replays.  (The arena and the stand-in worker check the rest: no command is answered twice, no event
is missing, no stream is used after its end.)
"""

from collections import Counter
from functools import partial
from random import Random

import pytest

from bus.calls import Answer, Ended, HangUp, IncomingCall, Redirect, Reject, Ring
from bus.ids import CallId
from bus.protocol import Command
from tests.harness.arena import BOB, Arena
from tests.harness.network import GilbertElliott, Uniform
from tests.harness.station import Station

CALLS = 12


def command(chance: Random, call: CallId) -> Command:
    """Draw something that an owner might ask for, sensible or not."""
    choices: list[Command] = [
        Ring(call=call),
        Ring(call=call, status=183),
        Answer(call=call),
        Answer(call=call),
        HangUp(call=call),
        Reject(call=call),
        Redirect(call=call, contacts=(f"sip:again@{BOB}",)),
    ]
    return chance.choice(choices)


def ponder(station: Station, chance: Random, event: IncomingCall) -> None:
    """Let an owner ask for things in the seconds to come, and hang up in the end."""
    call = event.call
    for _ in range(3):
        station.later(chance.uniform(0.0, 4.0), partial(station.send, command(chance, call)))
    station.later(chance.uniform(4.0, 12.0), partial(station.send, HangUp(call=call)))


@pytest.mark.parametrize("seed", range(12))
def test_everything_ends_once(arena: Arena, seed: int) -> None:
    chance = Random(seed)
    arena.network.chance.seed(seed)
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.latency, link.jitter = chance.choice(((0.01, 0.0), (0.2, 0.3), (0.5, 1.0)))
        link.duplicate = link.reorder = chance.choice((0.0, 0.2))
        link.loss = chance.choice((Uniform(0.0), Uniform(0.25), GilbertElliott(0.1, 0.3)))
        link.segment = 50
    for station in (arena.alice, arena.bob):
        station.react(IncomingCall, partial(ponder, station, chance))
    hosts = {"alice": BOB, "bob": "192.0.2.1"}
    for _ in range(CALLS):
        station = chance.choice((arena.alice, arena.bob))
        transport = chance.choice(("udp", "udp", "tcp"))
        uri = f"sip:x@{hosts[station.name]};transport={transport}"
        call = station.dial(uri, ring_timeout=chance.choice((1.0, 5.0, 60.0)))
        if chance.random() < 0.7:
            hang_up = partial(station.send, HangUp(call=call))
            station.later(chance.uniform(0.0, 6.0), hang_up)
        arena.network.run(seconds=chance.uniform(0.0, 2.0))
    arena.network.run(seconds=150.0)
    for station in (arena.alice, arena.bob):
        told = Counter(event.call for event in station.heard(Ended))
        assert set(told.values()) == {1}
        assert set(told) >= {event.call for event in station.heard(IncomingCall)}
        assert sum(told.values()) == station.state.calls_total
