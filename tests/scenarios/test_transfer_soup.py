"""Three engines that transfer, replace and hang up at random, over lines that lose and reorder.

Whatever happens: each transfer and each call ends exactly once for its owner, in that order; no
call, dialog, subscription or stream is left; and it all replays.
"""

from collections import Counter
from functools import partial
from random import Random

import pytest

from bus.calls import Answer, Ended, HangUp, IncomingCall, Reject, Ring
from bus.holding import Hold, Resume
from bus.protocol import Command
from bus.transfers import (
    AcceptTransfer,
    CancelTransfer,
    DeclineTransfer,
    Transfer,
    TransferAsked,
    TransferEnded,
)
from tests.harness.arena import ALICE, BOB, CAROL, Arena
from tests.harness.network import GilbertElliott, Uniform
from tests.harness.station import Station

CALLS, ACTS = 6, 40
HOSTS = {"alice": ALICE, "bob": BOB, "carol": CAROL}


def act(chance: Random, station: Station) -> None:
    """Let an owner ask for something, sensible or not, of one of its calls."""
    calls = [info.call for info in station.state.live_calls()]
    if not calls:
        return
    call, other = chance.choice(calls), chance.choice(calls)
    uri = f"sip:x@{chance.choice(list(HOSTS.values()))}"
    timeout = chance.choice((1.0, 5.0, 30.0))
    hold = chance.random() < 0.7
    choices: list[Command] = [
        Transfer(call=call, uri=uri, timeout=timeout, hold=hold),
        Transfer(call=call, other=other, timeout=timeout, hold=hold),
        Transfer(call=call, other=other, timeout=timeout, hold=hold),
        CancelTransfer(call=call),
        Hold(call=call),
        Resume(call=call),
        HangUp(call=call),
    ]
    station.send(chance.choice(choices))


def decide(station: Station, chance: Random, event: TransferAsked) -> None:
    """Let an owner accept most of what it is asked for, some of it late."""
    transfer = event.transfer
    accept = AcceptTransfer(transfer=transfer, any_domain=True, ring_timeout=8.0)
    command = accept if chance.random() < 0.8 else DeclineTransfer(transfer=transfer)
    station.later(chance.choice((0.0, 0.1, 3.0)), partial(station.send, command))


def pick_up(station: Station, chance: Random, event: IncomingCall) -> None:
    """Let an owner answer most calls."""
    call = event.call
    station.send(Ring(call=call))
    command = Answer(call=call) if chance.random() < 0.8 else Reject(call=call)
    station.later(chance.choice((0.0, 0.2, 2.0)), partial(station.send, command))


@pytest.mark.parametrize("seed", range(4))
def test_everything_ends_once(arena: Arena, seed: int) -> None:
    chance = Random(seed)
    arena.network.chance.seed(seed)
    stations = [arena.alice, arena.bob, arena.station("carol", CAROL)]
    for one in HOSTS:
        for another in HOSTS:
            link = arena.link(one, another)
            link.latency, link.jitter = chance.choice(((0.01, 0.0), (0.05, 0.2)))
            link.duplicate = link.reorder = chance.choice((0.0, 0.2))
            link.loss = chance.choice((Uniform(0.0), Uniform(0.2), GilbertElliott(0.1, 0.4)))
    for station in stations:
        station.react(IncomingCall, partial(pick_up, station, chance))
        station.react(TransferAsked, partial(decide, station, chance))
    for _ in range(CALLS):
        caller, called = chance.sample(list(HOSTS), 2)
        station = next(each for each in stations if each.name == caller)
        station.dial(f"sip:x@{HOSTS[called]}", ring_timeout=10.0)
    for _ in range(ACTS):
        arena.network.run(seconds=chance.uniform(0.0, 1.5))
        act(chance, chance.choice(stations))
    arena.network.run(seconds=40.0)
    for station in stations:
        station.hang_up_all()
    arena.network.run(seconds=120.0)
    for station in stations:
        ends = Counter(event.call for event in station.heard(Ended))
        assert set(ends.values()) <= {1}
        assert len(ends) == station.state.calls_total
        over: set[str] = set()
        for event in station.events:
            if isinstance(event, Ended):
                over.add(event.call)
            elif isinstance(event, TransferEnded):
                assert event.call not in over
        assert not any(call.transfer for call in station.state.calls.values())
