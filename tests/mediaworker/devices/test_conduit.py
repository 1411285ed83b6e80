import numpy as np
import pytest

from bus.columns import Column
from mediaworker.devices.conduit import STALLED, Counts, Inward, Outward
from tests.mediaworker.devices.virtual import Microphone, Speaker, Worker, rings

STEP = 0.004
TONE = 400.0


def sine(seconds: float, rate: int) -> Column[np.int16]:
    turns = 2 * np.pi * TONE * np.arange(round(seconds * rate)) / rate
    return np.asarray(np.rint(12000 * np.sin(turns)), np.int16)


def jumps(sound: Column[np.int16], rate: int) -> float:
    """Return the greatest turn of a tone within 20 ms beyond its own, as a part of a turn."""
    window = rate // 50
    kept = sound[: len(sound) // window * window].astype(np.float64)
    turning = np.exp(-2j * np.pi * TONE * np.arange(len(kept)) / rate)
    phase = np.angle((kept * turning).reshape(-1, window).sum(axis=1))
    return float(abs(np.diff(np.unwrap(phase))).max() / (2 * np.pi))


@pytest.mark.parametrize("ppm", [-500.0, 500.0])
@pytest.mark.parametrize("blocks", [1, 3])
def test_a_microphone_of_another_clock_has_no_slip(ppm: float, blocks: int) -> None:
    """Also when three blocks come at once."""
    seconds = 40.0
    card = Microphone(sine(seconds + 2, 48000), 0.02 * blocks, ppm)
    end, counts = rings(), Counts()
    worker, inward = Worker(end), Inward(card, end, counts)
    waited = list[float]()
    for step in range(round(seconds / STEP)):
        now = step * STEP
        card.until(now)
        assert inward.step(now, STEP)
        worker.until(now)
        waited.append(inward.waiting)
    sent = np.concatenate(worker.sent)[end.rate * 2 :]
    assert (counts.silent, counts.skipped) == (0.0, 0.0)
    assert jumps(sent, end.rate) < 0.04  # a drift of 0.4 % turns 0.03 in 20 ms; a slip, anything
    assert np.mean(waited[-500:]) == pytest.approx(inward.drift.target, abs=0.014)


@pytest.mark.parametrize("ppm", [-500.0, 500.0])
@pytest.mark.parametrize("block", [0.005, 0.03])
def test_a_speaker_of_another_clock_has_no_slip(ppm: float, block: float) -> None:
    seconds = 40.0
    card, end, counts = Speaker(block=block, ppm=ppm), rings(), Counts()
    worker, outward = Worker(end), Outward(card, end, counts)
    heard, waited = sine(seconds + 2, end.rate), list[float]()
    for step in range(round(seconds / STEP)):
        now = step * STEP
        worker.until(now, heard)
        assert outward.step(now, STEP)
        card.until(now)
        waited.append(outward.waiting)
    played = np.concatenate(card.played)[card.rate * 2 :]
    assert (card.dry, counts.silent, counts.skipped) == (0, 0.0, 0.0)
    assert jumps(played, card.rate) < 0.04
    assert np.mean(waited[-500:]) == pytest.approx(outward.drift.target, abs=0.014)


def test_what_nobody_takes_does_not_pile_up() -> None:
    """A call on hold: the newest of the microphone is there when it goes on."""
    card, end, counts = Microphone(sine(12, 48000)), rings(), Counts()
    inward = Inward(card, end, counts)
    for step in range(round(10 / STEP)):
        card.until(step * STEP)
        inward.step(step * STEP, STEP)
    assert end.queued < 0.25 * end.rate
    assert counts.skipped > 9
    assert inward.drift.clocks == 0.0


def test_a_speaker_that_stood_still_goes_on_with_what_is_new() -> None:
    card, end, counts = Speaker(), rings(), Counts()
    worker, outward = Worker(end), Outward(card, end, counts)
    heard = sine(12, end.rate)
    for step in range(round(6 / STEP)):
        now = step * STEP
        worker.until(now, heard)
        outward.step(now, STEP)
        if not 2 < now < 4:
            card.until(now)
        elif card.next_at < now:
            card.next_at = now
    assert counts.skipped > 1.5
    assert outward.waiting < 0.3


def test_a_speaker_that_ran_dry_is_filled_again() -> None:
    card, end, counts = Speaker(), rings(), Counts()
    worker, outward = Worker(end), Outward(card, end, counts)
    heard = sine(12, end.rate)
    for step in range(round(6 / STEP)):
        now = step * STEP
        if not 2 < now < 3:
            worker.until(now, heard)
            outward.step(now, STEP)
        elif worker.next_at < now:
            worker.next_at = now
        card.until(now)
    dry = card.dry
    assert dry > 50
    assert counts.silent > 0
    for step in range(round(6 / STEP), round(8 / STEP)):
        worker.until(step * STEP, heard)
        outward.step(step * STEP, STEP)
        card.until(step * STEP)
    assert card.dry == dry


@pytest.mark.parametrize("inwards", [True, False])
def test_a_device_that_moves_nothing_is_gone(inwards: bool) -> None:
    end = rings()
    if inwards:
        conduit: Inward | Outward = Inward(Microphone(sine(1, 48000)), end, Counts())
    else:
        speaker = Speaker()
        conduit = Outward(speaker, end, Counts())
    assert conduit.step(100.0, STEP)
    assert conduit.step(100.0 + STALLED / 2, STEP)
    assert not conduit.step(100.0 + 2 * STALLED, STEP)
