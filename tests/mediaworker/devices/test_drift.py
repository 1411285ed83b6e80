import pytest

from mediaworker.devices.drift import CLOCKS, LONGEST, MOST, Drift

HOUR = 3600.0
STEP = 0.005
PACKET = 0.02


class Run:
    """Blocks come by one clock and packets go by another; only what waits is counted."""

    def __init__(self, ppm: float, burst: int, waiting: float = 0.03) -> None:
        self.drift = Drift(0.006)
        self.block = PACKET * burst
        self.every = self.block / (1 + ppm * 1e-6)
        self.waiting = waiting
        self.dry = 0
        self.most = 0.0
        self.ratios = (1.0, 1.0)
        self.now = self.block_at = self.packet_at = 0.0

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            went = self.now >= self.packet_at
            if went:
                self.packet_at += PACKET
                self.dry += self.waiting < PACKET - 1e-9
                self.waiting = max(0.0, self.waiting - PACKET)
            came = self.now >= self.block_at
            self.drift.note(self.waiting, STEP, came=came, went=went)
            if came:
                self.block_at += self.every
                self.waiting += self.block * self.drift.ratio
            self.most = max(self.most, self.waiting)
            low, high = self.ratios
            self.ratios = min(low, self.drift.ratio), max(high, self.drift.ratio)


@pytest.mark.parametrize(("ppm", "burst"), [(200, 1), (-200, 3)])
def test_an_hour_of_drift_neither_runs_dry_nor_piles_up(ppm: float, burst: int) -> None:
    run = Run(ppm, burst)
    run.run(60)
    run.dry, run.most, run.ratios = 0, 0.0, (1.0, 1.0)
    run.run(HOUR)
    assert run.dry == 0
    assert run.most < 0.07 + 0.02 * burst
    assert run.drift.clocks * 1e6 == pytest.approx(-ppm, abs=30)
    assert max(abs(ratio - 1) for ratio in run.ratios) < 0.0008


def test_what_waits_too_long_is_worked_off_slowly() -> None:
    run = Run(0, 1, waiting=0.1)
    run.run(90)
    assert run.waiting < 0.06
    assert run.ratios[0] >= 1 - MOST


def test_longer_bursts_are_given_more_room() -> None:
    short, long = Run(0, 1), Run(0, 3)
    short.run(5)
    long.run(5)
    assert long.drift.target == pytest.approx(short.drift.target + PACKET, abs=0.006)


def test_a_pause_is_no_burst() -> None:
    drift = Drift(0.0)
    for _ in range(300):
        drift.note(0.0, STEP, came=False, went=False)
    drift.note(0.0, STEP, came=True, went=True)
    assert drift.target < LONGEST / 4


def test_a_window_that_was_disturbed_teaches_nothing() -> None:
    drift = Drift(0.0)
    for _ in range(1000):
        drift.note(5.0, STEP, came=True, went=True)
        drift.disturb()
    assert drift.clocks == 0.0
    assert drift.ratio == 1.0


def test_no_error_is_taken_for_a_clock_that_cannot_be() -> None:
    drift = Drift(0.0)
    for _ in range(10000):
        drift.note(5.0, STEP, came=True, went=True)
    assert drift.clocks == -CLOCKS
    assert drift.ratio == pytest.approx(1 - MOST)
