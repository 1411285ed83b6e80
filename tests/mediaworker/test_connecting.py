"""Bridges and mixes through a whole worker, in virtual time (scenario 36)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bus.columns import Column
from bus.streams import Remote
from mediaworker import connecting, rows, sounding
from mediaworker.streams import RECORDING_FRAMES, TICK, Kind
from tests.mediaworker.talking import (
    G722,
    LOUD,
    PCMA,
    PCMU,
    WIDE,
    heard,
    room,
    speak,
    strength,
    strengths,
    talkers,
    tone,
)
from tests.mediaworker.virtual import Worker, packets, peer, said, speech

QUIET = -36.0
"""dB: not heard."""
PAIRS = [
    (PCMU, PCMU),
    (PCMU, PCMA),
    (PCMU, WIDE),
    (WIDE, PCMA),
    (WIDE, WIDE),
    (G722, PCMU),
    (PCMA, G722),
    (peer(ptime_ms=10), peer(ptime_ms=40)),
    (peer(ptime_ms=30), peer(ptime_ms=20)),
]
TRIPLES = [
    (PCMU, PCMA, PCMU),
    (PCMU, WIDE, PCMA),
    (G722, PCMU, WIDE),
    (WIDE, WIDE, WIDE),
    (PCMU, peer(ptime_ms=10), peer(ptime_ms=40)),
    (peer(ptime_ms=20), peer(ptime_ms=30), peer(ptime_ms=60)),
]


def named(remotes: Sequence[Remote]) -> str:
    return "-".join(f"{each.codec}{each.clock // 1000}p{each.ptime_ms}" for each in remotes)


def check(found: Sequence[float], wanted: Sequence[bool]) -> None:
    """Each is as loud as it was said, or not heard."""
    for level, whether in zip(found, wanted, strict=True):
        assert abs(level) < 1 if whether else level < QUIET, (found, wanted)


def bridged(remotes: Sequence[Remote]) -> tuple[Worker, int, int]:
    worker = Worker()
    one, two = talkers(worker, remotes)
    connecting.bridge(worker.media, one, two)
    return worker, one, two


def lateness(worker: Worker, row: int, voice: Column[np.uint8], began: int) -> int:
    """Return ticks from the arrival of a packet until the first of its samples is sent."""
    audio = said(worker.sent(row))
    at = audio.index(voice[8000:8160].tobytes())
    return worker.wire.sent[row][at // 160].tick - (began + 8000 // TICK)


def echo_takes() -> int:
    """Return the ticks that an echo takes, the jitter buffer's included."""
    worker, voice = Worker(), speech(16000, 1)
    row = worker.open()
    sounding.play_echo(worker.media, row)
    for index, packet in enumerate(packets(voice)):
        worker.arrive(row, packet, after=30 + 4 * index)
    worker.run(500)
    return lateness(worker, row, voice, 30)


# ----------------------------------------------------------------------------------- bridges


@pytest.mark.parametrize("remotes", PAIRS, ids=named)
def test_each_of_two_hears_the_other_and_not_itself(remotes: Sequence[Remote]) -> None:
    worker, one, two = bridged(remotes)
    worker.run(600)
    check(strengths(worker, one, 2), [False, True])
    check(strengths(worker, two, 2), [True, False])


@pytest.mark.parametrize("apart", [0, 1, 2, 3])
@pytest.mark.parametrize("early", [False, True])
def test_a_bridge_adds_at_most_10_ms_and_5_in_the_mean(apart: int, *, early: bool) -> None:
    """To what an echo takes, whether they are bridged before or while they speak."""
    worker, voices = Worker(), (speech(16000, 1), speech(16000, 2))
    one, two = worker.open(), worker.open()
    for row, voice, began in ((one, voices[0], 30), (two, voices[1], 30 + apart)):
        for index, packet in enumerate(packets(voice)):
            worker.arrive(row, packet, after=began + 4 * index)
    if not early:
        worker.run(100)
    connecting.bridge(worker.media, one, two)
    worker.run(500 - worker.tick)
    late = [
        lateness(worker, two, voices[0], 30) - echo_takes(),
        lateness(worker, one, voices[1], 30 + apart) - echo_takes(),
    ]
    assert worker.media.streams.due[one] == worker.media.streams.due[two]
    assert max(late) <= 2, late
    assert sum(late) <= 2, late


def test_a_bridge_is_what_two_play_until_one_is_closed_or_bridged_elsewhere() -> None:
    worker, one, two = bridged([PCMU, PCMU])
    third = worker.open()
    kinds = worker.media.streams.source_kind
    connecting.bridge(worker.media, one, third)
    assert kinds[[one, two, third]].tolist() == [Kind.LEG, Kind.SILENCE, Kind.LEG]
    rows.close(worker.media, one, worker.now_ns)
    assert kinds[third] == Kind.SILENCE
    assert worker.media.grouped == set()
    assert not worker.media.streams.tapped.any(), "nobody is listened to any more"


def test_a_held_peer_hears_music_and_comes_back_to_the_bridge() -> None:
    worker, one, _ = bridged([PCMU, PCMU])
    worker.media.pool[:8000] = tone(2900, 8000)
    sounding.play_pool(worker.media, one, 0, 8000, loop=True, over=True)
    worker.run(300)
    sound = heard(worker, one)[-4000:]
    assert strength(sound, 2900) > LOUD * 0.9
    assert strength(sound, 1100) < LOUD * 0.02
    sounding.resume(worker.media, one)
    worker.run(200)
    assert strength(heard(worker, one)[-4000:], 1100) > LOUD * 0.9


# ------------------------------------------------------------------------------------- rooms


def mixed(remotes: Sequence[Remote]) -> tuple[Worker, int, list[int]]:
    worker = Worker(streams=16)
    row = room(worker)
    members = talkers(worker, remotes)
    for member in members:
        connecting.enter(worker.media, member, row, 1.0)
    return worker, row, members


@pytest.mark.parametrize("remotes", TRIPLES, ids=named)
def test_each_of_three_hears_the_other_two(remotes: Sequence[Remote]) -> None:
    worker, row, members = mixed(remotes)
    worker.run(600)
    for number, member in enumerate(members):
        check(strengths(worker, member, 3), [other != number for other in range(3)])
    assert not worker.sent(row), "a room sends nothing"


def test_who_listens_is_not_heard_and_who_leaves_hears_nothing() -> None:
    worker, row, members = mixed([PCMU] * 3)
    connecting.enter(worker.media, members[0], row, 0.0)
    worker.run(400)
    check(strengths(worker, members[0], 3), [False, True, True])
    check(strengths(worker, members[1], 3), [False, False, True])
    worker = mixed([PCMU] * 3)[0]
    connecting.part(worker.media, members[0])
    worker.run(400)
    assert not np.any(heard(worker, members[0]))
    check(strengths(worker, members[1], 3), [False, False, True])


@pytest.mark.parametrize("coach", [PCMU, WIDE], ids=lambda each: str(each.clock))
def test_a_coach_is_heard_by_its_agent_alone(coach: Remote) -> None:
    worker, row, members = mixed([PCMU, PCMU, coach])
    agent, caller, _ = members
    connecting.enter(worker.media, members[2], row, 1.0, agent)
    worker.run(600)
    check(strengths(worker, agent, 3), [False, True, True])
    check(strengths(worker, caller, 3), [True, False, False])
    check(strengths(worker, members[2], 3), [True, True, False])


def test_gain_in_a_room_and_a_sum_that_is_too_loud() -> None:
    worker, row, members = mixed([PCMU, PCMU])
    connecting.enter(worker.media, members[0], row, 0.5)
    worker.run(400)
    assert strengths(worker, members[1], 2)[0] == pytest.approx(-6, abs=1)
    connecting.enter(worker.media, members[0], row, 40.0)
    worker.run(100)
    loud = heard(worker, members[1])[-800:]
    assert np.abs(loud).max() > 30000, "clipped, not turned over"
    assert strength(loud, 500) > 30000


def test_an_announcement_is_heard_by_all_over_what_they_say() -> None:
    worker, row, members = mixed([PCMU, WIDE])
    worker.media.pool[:8000] = tone(2900, 8000)
    rows.record(worker.media, row, 0)
    worker.run(200)
    connecting.enter(worker.media, members[1], row, 0.0)
    connecting.part(worker.media, members[1])
    sounding.play_pool(worker.media, row, 0, 8000, loop=True)
    worker.run(300)
    found = heard(worker, members[0])[-4000:]
    assert strength(found, 2900) > LOUD * 0.9
    ring = worker.media.recordings.ring[0]
    written = int(worker.media.recordings.written[0])
    at = np.arange(written - 40, written) % RECORDING_FRAMES
    recorded = ring[at].transpose(1, 0, 2).reshape(2, -1)
    both = recorded.sum(axis=0)
    rate = 16000 if worker.media.recordings.wide_from[0] else 8000
    assert strength(both, 500, rate) > LOUD * 0.9
    assert rate == 16000, "one of the members was wide"


def test_a_room_that_closes_parts_its_members() -> None:
    worker, row, members = mixed([PCMU] * 3)
    worker.run(100)
    rows.close(worker.media, row, worker.now_ns)
    streams = worker.media.streams
    assert not streams.room.any()
    assert not streams.tapped.any()
    assert set(streams.source_kind[members].tolist()) == {Kind.SILENCE}
    assert (worker.media.rooms, worker.media.grouped) == ({}, set())
    worker.run(100)


def test_a_member_that_changes_its_codec_stays_in_the_mix() -> None:
    worker, _, members = mixed([PCMU, PCMU, PCMU])
    worker.run(100)
    rows.aim(worker.media, members[0], WIDE)
    worker.run(400)
    found = strengths(worker, members[0], 3)
    check(found[1:], [True, True])
    check(strengths(worker, members[1], 3)[1:], [False, True])


def test_of_many_each_hears_all_others() -> None:
    worker = Worker(streams=216)
    row, members = room(worker), [worker.open(peer(port=4000 + 2 * n)) for n in range(200)]
    for member in members:
        connecting.enter(worker.media, member, row, 1.0)
        connecting.enter(worker.media, member, row, 0.0 if member != members[7] else 1.0)
    for index, packet in enumerate(packets(speech(3200, 3))):
        worker.arrive(members[7], packet, after=20 + 4 * index, port=4000 + 14)
    worker.run(120)
    audio = {said(worker.sent(member)) for member in members if member != members[7]}
    assert all(speech(3200, 3)[480:3000].tobytes() in each for each in audio)
    assert not np.any(heard(worker, members[7]))


# -------------------------------------------------------------------------------------- gain


@pytest.mark.parametrize(("received", "sent"), [(0.0, 1.0), (2.0, 1.0), (1.0, 0.5), (1.0, 0.0)])
def test_gain_and_mute_of_either_direction(received: float, sent: float) -> None:
    worker, one, two = bridged([PCMU, PCMU])
    connecting.turn(worker.media, one, received, sent)
    worker.run(400)
    for row, pitch, factor in ((two, 500, received), (one, 1100, sent)):
        level = strength(heard(worker, row)[-4000:], pitch)
        assert level == pytest.approx(LOUD * factor, rel=0.05, abs=20)
    connecting.turn(worker.media, one, 1.0, 1.0)
    assert not worker.media.gained


# --------------------------------------------------------------------------------- recording


def test_a_recording_of_a_bridge_has_both_sides_at_once(tmp_path: Path) -> None:
    """What one says begins in the recordings of both within 20 ms of each other."""
    worker = Worker()
    one, two = worker.open(caller_is_remote=True), worker.open()
    connecting.bridge(worker.media, one, two)
    click = np.zeros(8000, np.int16)
    click[3200:3400] = 20000
    speak(worker, one, click, after=20)
    speak(worker, two, np.zeros(8000, np.int16), after=20)
    for ring, row in enumerate((one, two)):
        rows.record(worker.media, row, ring)
    worker.run(200)
    begins: list[int] = []
    for ring, channel in ((0, 0), (1, 0)):
        frames = worker.media.recordings.ring[ring, :60, channel].reshape(-1)
        begins.append(int(np.argmax(np.abs(frames) > 5000)))
    assert min(begins) > 0
    assert abs(begins[0] - begins[1]) <= 160, begins
