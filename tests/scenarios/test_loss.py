"""Scenario 3: UDP loses what it likes."""

import pytest

from bus.calls import Ended, HangUp, IncomingCall, Outcome
from tests.harness.arena import Arena
from tests.harness.network import GilbertElliott, Uniform, double, drop, starts

T1 = 0.5


def rounded(times: list[float]) -> list[float]:
    return [round(time - times[0], 3) for time in times]


def test_the_first_invite_is_lost(arena: Arena) -> None:
    arena.link("alice", "bob").rules.append(drop(starts(b"INVITE"), 1))
    mine, _ = arena.call()
    assert rounded(arena.network.ladder.times("INVITE")) == [0.0, T1]
    end(arena, mine)


def test_every_invite_is_lost(arena: Arena) -> None:
    arena.link("alice", "bob").rules.append(drop(starts(b"INVITE")))
    arena.alice.dial("sip:bob@192.0.2.2")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert rounded(arena.network.ladder.times("INVITE")) == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    sent = arena.network.ladder.times("INVITE")[0]
    assert round(arena.network.elapsed - sent, 1) == 32.0
    assert arena.alice.ended().outcome is Outcome.UNREACHABLE
    assert not arena.bob.events


def test_the_200_is_lost_three_times(arena: Arena) -> None:
    arena.link("bob", "alice").rules.append(drop(starts(b"SIP/2.0 200"), 1, 2, 3))
    mine, _ = arena.call()
    assert rounded(arena.network.ladder.times("200 INVITE")) == [0, 0.5, 1.5, 3.5]
    assert len(arena.network.ladder.times("ACK")) == 1
    end(arena, mine)


def test_each_200_that_comes_again_is_acknowledged(arena: Arena) -> None:
    arena.link("alice", "bob").rules.append(drop(starts(b"ACK"), 1, 2))
    mine, _ = arena.call()
    arena.network.run(seconds=20.0)
    assert len(arena.network.ladder.times("200 INVITE")) == 3
    assert len(arena.network.ladder.times("ACK")) == 3
    acks = {r.datagram for r in arena.network.ladder.rungs if r.datagram.startswith(b"ACK")}
    assert len(acks) == 1
    (stream,) = arena.alice.worker.open_streams
    assert len(stream.remotes) == 1
    end(arena, mine)


def test_the_ack_never_comes(arena: Arena) -> None:
    arena.bob_answers()
    arena.link("alice", "bob").rules.append(drop(starts(b"ACK")))
    arena.alice.dial("sip:bob@192.0.2.2")
    arena.network.run(until=lambda: bool(arena.bob.heard(Ended)))
    times = arena.network.ladder.times("200 INVITE")
    assert rounded(times) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert round(arena.network.ladder.times("BYE", "bob")[0] - times[0], 1) == 32.0
    assert arena.bob.ended().outcome is Outcome.FAILED
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.COMPLETED


def test_the_answer_to_bye_is_lost(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.link("bob", "alice").rules.append(drop(starts(b"SIP/2.0 200"), 1, 2))
    arena.alice.ask(HangUp(call=mine))
    arena.network.run(seconds=10.0)
    assert rounded(arena.network.ladder.times("BYE")) == [0, 0.5, 1.5]
    assert len(arena.bob.heard(Ended)) == 1


def test_everything_arrives_twice(arena: Arena) -> None:
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.rules.append(double(starts(b"")))
    mine, _ = arena.call()
    assert len(arena.bob.heard(IncomingCall)) == 1
    end(arena, mine)


@pytest.mark.parametrize("seed", range(10))
def test_calls_succeed_over_a_bad_line(arena: Arena, seed: int) -> None:
    arena.network.chance.seed(seed)
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.jitter, link.reorder, link.duplicate = 0.05, 0.1, 0.1
        link.loss = Uniform(0.2) if seed % 2 else GilbertElliott(0.1, 0.4)
    arena.bob_answers(after=1.0)
    for _ in range(5):
        mine, _ = arena.call()
        arena.network.run(seconds=2.0)
        arena.alice.ask(HangUp(call=mine))
        arena.network.run(seconds=1.0)
    arena.network.run(seconds=35.0)
    assert len(arena.alice.heard(Ended)) == len(arena.bob.heard(Ended)) == 5
    assert all(event.outcome is Outcome.COMPLETED for event in arena.alice.heard(Ended))


def end(arena: Arena, call: str) -> None:
    arena.alice.hang_up_all()
    arena.network.run(seconds=5.0)
    assert [event.call for event in arena.alice.heard(Ended)] == [call]
    assert arena.bob.ended().outcome is Outcome.COMPLETED
