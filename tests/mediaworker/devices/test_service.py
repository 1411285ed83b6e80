import numpy as np

from bus.columns import Column
from bus.devices import (
    MICROPHONE,
    RINGER,
    SPEAKER,
    DeviceError,
    DeviceReport,
    Lost,
    Opened,
    Pulse,
)
from mediaworker.devices.cards import Card
from mediaworker.devices.conduit import STALLED
from mediaworker.devices.service import AGAIN, Service
from tests.mediaworker.devices.virtual import Microphone, Speaker, VirtualCard, rings

STEP = 0.004


class Shop:
    """Cards that are plugged in, by name."""

    def __init__(self, **cards: VirtualCard) -> None:
        self.cards: dict[str, VirtualCard] = cards
        self.opened: list[tuple[str, bool, bool]] = []

    def open(self, wanted: str, *, output: bool, afresh: bool) -> Card:
        self.opened.append((wanted, output, afresh))
        if wanted not in self.cards:
            raise DeviceError(f"no device {wanted}")
        return self.cards[wanted]


def silence(seconds: float) -> Column[np.int16]:
    return np.zeros(round(seconds * 48000), np.int16)


class Run:
    def __init__(self, part: str, wanted: str, shop: Shop) -> None:
        self.said: list[DeviceReport] = []
        self.service = Service(part, wanted, rings(), self.said.append, opening=shop.open)
        self.now = 0.0

    def run(self, seconds: float, card: Microphone | Speaker | None = None) -> list[DeviceReport]:
        """Let time pass; return what was said meanwhile."""
        before = len(self.said)
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            if card is not None:
                card.until(self.now)
            self.service.step(self.now, STEP)
        return self.said[before:]


def test_a_device_is_opened_and_serves() -> None:
    card = Microphone(silence(4))
    shop = Shop(mic=card)
    run = Run(MICROPHONE, "mic", shop)
    assert run.run(2, card) == [Opened("virtual", 48000)]
    assert shop.opened == [("mic", False, False)]
    assert run.service.ring is not None
    assert run.service.ring.queued > 0
    pulse = run.service.pulse()
    assert isinstance(pulse, Pulse)
    assert pulse.waiting_ms > 0


def test_a_device_that_goes_away_is_told_once_and_opened_when_it_is_back() -> None:
    card = Microphone(silence(4))
    shop = Shop(mic=card)
    run = Run(MICROPHONE, "mic", shop)
    run.run(1, card)
    card.gone = True
    del shop.cards["mic"]
    assert run.run(5) == [Lost("virtual", "virtual: unplugged")]
    assert card.closed
    attempts = len(shop.opened)
    assert 4 <= attempts <= 1 + 5 / AGAIN + 1
    shop.cards["mic"] = Microphone(silence(1))
    assert run.run(2) == [Opened("virtual", 48000)]
    assert shop.opened[-1] == ("mic", False, True), "it must look for devices again"


def test_a_device_that_stands_still_is_opened_again() -> None:
    run = Run(MICROPHONE, "mic", Shop(mic=Microphone(silence(1))))
    said = run.run(STALLED + 1.5)
    assert said[0] == Opened("virtual", 48000)
    assert said[1] == Lost("virtual", "it does not move")


def test_another_device_is_used_from_now_on() -> None:
    first, second = Speaker(), Speaker()
    shop = Shop(one=first, two=second)
    run = Run(SPEAKER, "one", shop)
    run.run(1, first)
    run.service.use("two")
    assert first.closed
    assert run.run(1, second) == [Opened("virtual", 48000)]
    assert shop.opened[-1][:2] == ("two", True)
    run.service.use("three")
    assert run.run(3) == [Lost("three", "no device three")]


def test_a_ringer_needs_no_call() -> None:
    card = Speaker()
    said: list[DeviceReport] = []
    service = Service(RINGER, "one", None, said.append, opening=Shop(one=card).open)
    for step in range(500):
        card.until(step * STEP)
        service.step(step * STEP, STEP)
    played: Column[np.int16] = np.concatenate(card.played)
    assert int(played.max()) > 7000
    assert service.pulse() == Pulse()
