"""Scenario 31: what is heard of a peer behind a bad network for half an hour.

In virtual time.  By default it is three minutes, and four with a clock that is wrong;
``OFFHOOK_NIGHTLY=1`` makes it thirty, and an hour.
"""

import os

import numpy as np
import pytest

from mediaworker.codecs.g711 import ULAW
from mediaworker.rtp.rtcp import Block, parse
from mediaworker.streams import GRAIN
from tests.mediaworker.virtual import Rtp, Worker

NIGHTLY = bool(os.environ.get("OFFHOOK_NIGHTLY"))
MINUTES = 30 if NIGHTLY else 3
DRIFTING = 60 if NIGHTLY else 4
MINUTE = 3000
"""Packets."""
SETTLED = 30_000
"""Ticks, 150 s: at -200 ppm a packet is late by a frame for the first time after 100 s."""
PERIOD = 50
pytestmark = pytest.mark.timeout(3600 if NIGHTLY else 180)
HUM = np.round(6000 * np.sin(2 * np.pi * np.arange(160 * 5) / PERIOD)).astype(np.int16)
CODES = [ULAW.encode(HUM[160 * n : 160 * n + 160]).tobytes() for n in range(5)]
STEEPEST = 2 * np.pi / PERIOD * 6000
"""Most by which the hum changes from one sample to the next."""


def packet(index: int) -> Rtp:
    return Rtp(index, index * 160, CODES[index % 5])


def hasten(worker: Worker, tick: int) -> None:
    """Let time pass up to a tick, in which rows may be due; nothing is missed before it."""
    worker.tick = worker.media.tick = tick - 1
    worker.run(1)
    worker.events.clear()
    worker.wire.sent.clear()


def test_a_bad_network_for_half_an_hour() -> None:
    random, worker = np.random.default_rng(31), Worker()
    row = worker.open()
    count = MINUTES * MINUTE
    gone = random.random(count) < 0.05
    delays = random.random(count) * 12 + (random.random(count) < 0.1) * 4
    doubled = random.random(count) < 0.05
    holes, depths, ahead = 0, list[float](), 0
    for tick in range(GRAIN, int(4 * count * 0.9999), GRAIN):
        while ahead < count and 4 * ahead * 0.9999 < tick + 1:
            if not gone[ahead]:
                at = int(4 * ahead * 0.9999 + delays[ahead]) // GRAIN * GRAIN + 2 * GRAIN
                for again in range(1 + int(doubled[ahead])):
                    worker.scheduled[at + 2 * GRAIN * again].append(arrival(row, packet(ahead)))
            ahead += 1
        due = worker.media.streams.due[row] <= tick
        hasten(worker, tick)
        if due and tick > 400:
            heard = worker.media.streams.heard[row, :160]
            holes += int(np.abs(heard).max() < 300)
            streams = worker.media.streams
            depths.append(float(streams.filled[row] - streams.cursor[row]) / 8)
    assert holes / len(depths) < 0.002  # only where much was lost in a row
    assert np.percentile(depths, 99) < 140  # ms
    quarter = len(depths) // 4
    early, late = np.median(depths[:quarter]), np.median(depths[-quarter:])
    assert abs(early - late) < 25  # ms: drift alone would be 180 in half an hour
    twice = (doubled & ~gone).mean()  # RFC 3550 A.3 subtracts those from what was lost
    block = reported(worker, row)
    assert block.highest - count in range(-2000, 1)
    assert abs(block.lost / count + twice - gone.mean()) < 0.01
    assert abs(worker.public("packets_lost", row) / count - gone.mean()) < 0.01


def arrival(row: int, rtp: Rtp) -> tuple[int, bytes, str, int]:
    return row, rtp.datagram(), "192.0.2.7", 4000


def reported(worker: Worker, row: int) -> Block:
    """Return what we said in our last report of what we received."""
    found = [parse(each.datagram) for each in worker.wire.sent_reports if each.row == row]
    return [block for each in found if each for block in each.blocks][-1]


@pytest.mark.parametrize("ppm", [200, -200])
def test_a_clock_that_is_wrong_is_followed_without_a_click(ppm: int) -> None:
    """Each correction is one period more or less, behind which the hum goes on as it was."""
    worker = Worker()
    row = worker.open()
    count, ahead, last, steepest = DRIFTING * MINUTE, 0, 0, 0.0
    concealed, place, moves, stretched = 0.0, 0, 0, 0
    streams = worker.media.streams
    for tick in range(GRAIN, int(4 * count * (1 - abs(ppm) / 1e6)) - 20, GRAIN):
        while (at := int(4 * ahead * (1 - ppm / 1e6)) + 1) <= tick:
            worker.scheduled[tick].append(arrival(row, packet(ahead)))
            ahead += at > 0
        due = streams.due[row] <= tick
        hasten(worker, tick)
        if not due:
            continue
        heard = streams.heard[row, :160].astype(np.int64)
        played = int(streams.cursor[row]) + int(streams.origin[row])
        if tick > SETTLED:
            steps = np.abs(np.diff(heard, prepend=last))
            steepest = max(steepest, float(steps.max()))
            moved = (played - place - 160 + (1 << 31)) % (1 << 32) - (1 << 31)
            if moved:
                moves, stretched = moves + 1, stretched + abs(moved)
                assert moved % PERIOD == 0 and 0 < moved * np.sign(ppm) <= 120
        else:
            concealed = worker.public("frames_concealed", row)
        last, place = int(heard[-1]), played
    assert worker.public("frames_concealed", row) == concealed
    assert worker.public("packets_late", row) <= 6
    assert steepest < STEEPEST * 1.15
    drift = (count * 160 - SETTLED * 40) * 200e-6
    assert moves > 0 and abs(stretched - drift) < 240  # it is seen a frame at a time
