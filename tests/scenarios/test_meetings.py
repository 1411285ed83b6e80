"""Where two machines meet: hold and transfer, re-INVITE and PRACK, BYE and everything.

On a network that loses, doubles and reorders, with many seeds; a failure names its own.  Whatever
the order in which things arrive, both sides end alike and nothing is left.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from bus import calls
from bus.calls import Answer, Answered, Ended, HangUp, IncomingCall, Ring, SendDigits
from bus.holding import Hold, Resume
from bus.ids import CallId
from bus.protocol import Command
from bus.sources import Tone
from bus.transfers import (
    AcceptTransfer,
    CancelTransfer,
    Transfer,
    TransferAsked,
    TransferEnded,
)
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.harness.network import Uniform
from tests.harness.station import Station

SEEDS = range(4)
MOMENTS = [0.0, 0.005, 0.012, 0.021, 0.035, 0.06, 0.11, 0.3, 0.8, 2.0]
"""Seconds after the first act at which the second comes; a way takes 10 ms and more."""


@contextmanager
def stormy(seed: int) -> Generator[Arena]:
    """Three engines; Bob and Carol answer, and Bob goes where he is sent."""
    with Arena(seed) as arena:
        carol = arena.station("carol", CAROL)
        for station in (arena.bob, carol):
            answers(station)
        arena.bob.react(
            TransferAsked,
            lambda event: arena.bob.send(AcceptTransfer(transfer=event.transfer, any_domain=True)),
        )
        yield arena
        arena.finish()


def answers(station: Station) -> None:
    def incoming(event: IncomingCall) -> None:
        station.later(0.02, lambda: station.send(Answer(call=event.call)))

    station.react(IncomingCall, incoming)


def storm(arena: Arena, loss: float = 0.2) -> None:
    names = ("alice", "bob", "carol")
    for link in (arena.link(one, other) for one in names for other in names):
        link.loss, link.jitter = Uniform(loss), 0.02
        link.duplicate = link.reorder = loss


def all_over(arena: Arena) -> None:
    """Let it calm down, and everybody hang up; each call has ended once."""
    storm(arena, 0.0)
    arena.network.run(seconds=70.0)
    for _ in range(2):
        for station in arena.stations:
            station.hang_up_all()
        arena.network.run(seconds=40.0)
    for station in arena.stations:
        ended = [event.call for event in station.heard(Ended)]
        assert len(ended) == len(set(ended)), ended


def sides(arena: Arena) -> list[tuple[bool, bool]]:
    """Return who holds whom (local, remote) at each end that is up."""
    infos = [call.info() for s in arena.stations for call in s.state.calls.values()]
    return [(info.local_hold, info.remote_hold) for info in infos if info.state == "up"]


Begin = Callable[[CallId], Command]
ACTS: dict[str, Begin] = {
    "hold": lambda call: Hold(call=call),
    "digits": lambda call: SendDigits(call=call, digits="12", method="info"),
    "transfer": lambda call: Transfer(call=call, uri=TO_CAROL, timeout=10.0),
    "nothing": lambda call: calls.Play(call=call, source=Tone()),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_bye_during_everything(act: str, who: str, seed: int) -> None:
    with stormy(seed) as arena:
        for moment in MOMENTS:
            mine, theirs = arena.call()
            storm(arena)
            arena.alice.send(ACTS[act](mine))
            arena.network.run(seconds=moment)
            station, call = (arena.alice, mine) if who == "alice" else (arena.bob, theirs)
            station.send(HangUp(call=call))
            all_over(arena)
        assert len(arena.alice.heard(TransferEnded)) == (len(MOMENTS) if act == "transfer" else 0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_both_hold_at_nearly_the_same_time(moment: float, seed: int) -> None:
    with stormy(seed) as arena:
        mine, theirs = arena.call()
        storm(arena)
        arena.alice.send(Hold(call=mine))
        arena.network.run(seconds=moment)
        arena.bob.send(Hold(call=theirs))
        arena.network.run(seconds=40.0)
        assert sides(arena) == [(True, True), (True, True)]
        arena.bob.send(Resume(call=theirs))
        arena.network.run(seconds=moment)
        arena.alice.send(Hold(call=mine))
        arena.network.run(seconds=40.0)
        assert sorted(sides(arena)) == [(False, True), (True, False)]
        all_over(arena)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_peer_holds_while_it_is_transferred(moment: float, seed: int) -> None:
    with stormy(seed) as arena:
        mine, theirs = arena.call()
        storm(arena)
        arena.alice.send(Transfer(call=mine, uri=TO_CAROL, timeout=60.0))
        arena.network.run(seconds=moment)
        arena.bob.send(Hold(call=theirs))
        arena.network.run(seconds=80.0)
        (ended,) = arena.alice.heard(TransferEnded)
        up = {call.sip_call_id: call for s in arena.stations for call in s.state.calls.values()}
        if ended.ok:
            assert mine not in arena.alice.state.calls
        else:
            assert up, "a failed transfer leaves the call as it was"
        all_over(arena)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_transfer_is_called_off(moment: float, seed: int) -> None:
    with stormy(seed) as arena:
        mine, _ = arena.call()
        storm(arena)
        arena.alice.send(Transfer(call=mine, uri=TO_CAROL, timeout=60.0))
        arena.network.run(seconds=moment)
        arena.alice.send(CancelTransfer(call=mine))
        arena.network.run(seconds=80.0)
        assert len(arena.alice.heard(TransferEnded)) == 1
        if mine in arena.alice.state.calls and arena.alice.state.calls[mine].info().state == "up":
            assert arena.alice.state.calls[mine].info().local_hold is False, "taken back"
        all_over(arena)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("second", ["answer", "cancel", "bye"])
def test_what_comes_while_prack_is_outstanding(second: str, moment: float, seed: int) -> None:
    """Early media reliably; then the answer and a hold at once, a CANCEL, or a refusal."""
    with Arena(seed) as arena:
        storm_bob = arena.bob

        def incoming(event: IncomingCall) -> None:
            storm_bob.send(Ring(call=event.call, status=183, play=Tone()))
            if second == "answer":
                storm_bob.later(moment, lambda: storm_bob.send(Answer(call=event.call)))
            elif second == "bye":
                storm_bob.later(moment, lambda: storm_bob.send(HangUp(call=event.call)))

        arena.bob.react(IncomingCall, incoming)
        arena.station("carol", CAROL)
        storm(arena)
        mine = arena.alice.dial("sip:bob@192.0.2.2", reliable="required")
        if second == "cancel":
            arena.network.run(seconds=0.02 + moment)
            arena.alice.send(HangUp(call=mine))
        elif second == "answer":
            arena.network.run(until=lambda: bool(arena.alice.heard(Answered)), seconds=40.0)
            arena.alice.send(Hold(call=mine))
            arena.network.run(seconds=40.0)
            assert sorted(sides(arena)) == [(False, True), (True, False)]
        all_over(arena)
        arena.finish()
