"""Random steps, legal and illegal, on three engines over a network that loses, doubles, reorders.

Whatever happens: a call has one end, both sides agree on who is held, and in the end nothing is
left of any dialog, transaction, subscription or stream.  ``OFFHOOK_NIGHTLY=1`` makes it ten times
as many steps; a failure prints the seed of the network and the steps that led to it.
"""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bus import calls, holding, transfers
from bus.envelope import Refused
from bus.errors import RefusedError
from bus.ids import CallId
from bus.protocol import Command
from bus.sources import Silence, Tone
from signaling.calls.states import State
from tests.harness.arena import ALICE, BOB, CAROL, Arena
from tests.harness.network import Uniform
from tests.harness.station import Station

STEPS_A_RUN = 50
NIGHTLY = bool(os.environ.get("OFFHOOK_NIGHTLY"))
RUNS = 400 if NIGHTLY else 40
"""2000 steps, 20 000 at night."""

HOSTS = {"alice": ALICE, "bob": BOB, "carol": CAROL}
names = st.sampled_from(sorted(HOSTS))
which = st.integers(0, 3)


class Calls(RuleBasedStateMachine):
    """Three parties who do as they like."""

    arena: Arena
    stations: dict[str, Station]

    @initialize(seed=st.integers(0, 2**32 - 1))
    def open(self, seed: int) -> None:
        self.arena = Arena(seed)
        self.arena.station("carol", CAROL)
        self.stations = {station.name: station for station in self.arena.stations}
        bob = self.stations["bob"]
        bob.react(
            transfers.TransferAsked,
            lambda event: bob.send(transfers.AcceptTransfer(transfer=event.transfer)),
        )
        for caller, called in (("alice", "bob"), ("alice", "carol"), ("bob", "carol")):
            self.connect(caller, called)

    # ------------------------------------------------------------------------------- steps

    @rule(caller=names, called=names)
    def dial(self, caller: str, called: str) -> None:
        self._ask(caller, calls.Dial(uri=f"sip:{called}@{HOSTS[called]}", ring_timeout=30.0))

    @rule(caller=names, called=names)
    def connect(self, caller: str, called: str) -> None:
        """Dial, and answer at once."""
        before = len(self.stations[called].heard(calls.IncomingCall))
        self._ask(caller, calls.Dial(uri=f"sip:{called}@{HOSTS[called]}"))
        self.arena.network.run(seconds=0.05)
        for event in self.stations[called].heard(calls.IncomingCall)[before:]:
            self._ask(called, calls.Answer(call=event.call))
        self.arena.network.run(seconds=0.05)

    @rule(who=names, place=which, status=st.sampled_from([180, 183, 199]))
    def ring(self, who: str, place: int, status: int) -> None:
        self._ask(who, calls.Ring(call=self._call(who, place), status=status))

    @rule(who=names, place=which, early=st.booleans())
    def ring_with_media(self, who: str, place: int, early: bool) -> None:
        play = Tone() if early else None
        self._ask(who, calls.Ring(call=self._call(who, place), status=183, play=play))

    @rule(who=names, place=which)
    def answer(self, who: str, place: int) -> None:
        self._ask(who, calls.Answer(call=self._call(who, place)))

    @rule(who=names, place=which)
    def reject(self, who: str, place: int) -> None:
        self._ask(who, calls.Reject(call=self._call(who, place)))

    @rule(who=names, place=which, to=names)
    def redirect(self, who: str, place: int, to: str) -> None:
        contacts = (f"sip:{to}@{HOSTS[to]}",)
        self._ask(who, calls.Redirect(call=self._call(who, place), contacts=contacts))

    @rule(who=names, place=which)
    def hang_up(self, who: str, place: int) -> None:
        self._ask(who, calls.HangUp(call=self._call(who, place)))

    @rule(who=names, place=which)
    def hold(self, who: str, place: int) -> None:
        self._ask(who, holding.Hold(call=self._call(who, place)))

    @rule(who=names, place=which)
    def resume(self, who: str, place: int) -> None:
        self._ask(who, holding.Resume(call=self._call(who, place)))

    @rule(who=names, place=which, method=st.sampled_from(["auto", "info", "inband"]))
    def press(self, who: str, place: int, method: str) -> None:
        self._ask(who, calls.SendDigits(call=self._call(who, place), digits="1#", method=method))

    @rule(who=names, place=which)
    def play(self, who: str, place: int) -> None:
        self._ask(who, calls.Play(call=self._call(who, place), source=Silence()))

    @rule(who=names, place=which, to=names)
    def transfer(self, who: str, place: int, to: str) -> None:
        uri = f"sip:{to}@{HOSTS[to]}"
        self._ask(who, transfers.Transfer(call=self._call(who, place), uri=uri, timeout=20.0))

    @rule(who=names, place=which, other=which)
    def transfer_attended(self, who: str, place: int, other: int) -> None:
        one, two = self._call(who, place), self._call(who, other)
        self._ask(who, transfers.Transfer(call=one, other=two, timeout=20.0))

    @rule(who=names, place=which)
    def cancel_transfer(self, who: str, place: int) -> None:
        self._ask(who, transfers.CancelTransfer(call=self._call(who, place)))

    @rule(who=names, accept=st.booleans())
    def decide(self, who: str, accept: bool) -> None:
        asked = self.stations[who].heard(transfers.TransferAsked)
        name = asked[-1].transfer if asked else "none"
        if accept:
            self._ask(who, transfers.AcceptTransfer(transfer=name, any_domain=True))
        else:
            self._ask(who, transfers.DeclineTransfer(transfer=name))

    @rule(seconds=st.sampled_from([0.001, 0.02, 0.02, 0.1, 0.1, 0.5, 2.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.arena.network.run(seconds=seconds)

    @rule(rough=st.booleans())
    def weather(self, rough: bool) -> None:
        self._weather(rough=rough)

    # ------------------------------------------------------------------------- what must hold

    @invariant()
    def one_end_each(self) -> None:
        for station in self.stations.values() if hasattr(self, "stations") else ():
            ends = Counter(event.call for event in station.heard(calls.Ended))
            assert set(ends.values()) <= {1}, ends

    def teardown(self) -> None:
        if not hasattr(self, "arena"):
            return
        with self.arena:
            self._weather(rough=False)
            self.arena.network.run(seconds=100.0)
            self._agree_on_holds()
            for _ in range(3):
                for station in self.stations.values():
                    station.hang_up_all()
                self.arena.network.run(seconds=40.0)
            self.one_end_each()
            self.arena.finish()

    def _agree_on_holds(self) -> None:
        sides: dict[str, list[calls.CallInfo]] = {}
        for station in self.stations.values():
            for call in station.state.calls.values():
                if call.state is State.UP:
                    sides.setdefault(call.sip_call_id, []).append(call.info())
        for both in sides.values():
            assert len(both) == 2, f"a dialog with one side only: {both}"
            one, other = both
            assert one.local_hold == other.remote_hold, both
            assert one.remote_hold == other.local_hold, both

    # ------------------------------------------------------------------------------- the means

    def _weather(self, *, rough: bool) -> None:
        for one in self.stations:
            for other in self.stations:
                link = self.arena.link(one, other)
                link.loss = Uniform(0.15 if rough else 0.0)
                link.duplicate = link.reorder = 0.15 if rough else 0.0
                link.jitter = 0.05 if rough else 0.0

    def _call(self, who: str, place: int) -> CallId:
        """Return a call of somebody, over or not; sometimes one that never was."""
        known = [*self.stations[who].state.calls]
        return known[-1 - place % len(known)] if known else CallId("none")

    def _ask(self, who: str, command: Command) -> None:
        """Ask for something; that it may be refused, typed, is part of the game."""
        station = self.stations[who]
        number = station.send(command)
        self.arena.network.run(seconds=0.002)
        reply = station.replies.get(number)
        if isinstance(reply, Refused):
            assert reply.code in KNOWN, reply


KNOWN = {kind.code for kind in RefusedError.__subclasses__()} - {"unknown_verb"}


@pytest.mark.timeout(1800 if NIGHTLY else 300)
def test_random_steps() -> None:
    run_state_machine_as_test(
        Calls,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS_A_RUN,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            derandomize=not NIGHTLY,
            print_blob=True,
            phases=(Phase.generate,) if not NIGHTLY else (Phase.generate, Phase.shrink),
        ),
    )
