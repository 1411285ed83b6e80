import numpy as np

from mediaworker.devices.ringing import EVERY, RINGS, Ringing, ring
from tests.mediaworker.devices.virtual import Speaker


def test_a_ring_is_sound_and_then_silence() -> None:
    sound = ring(8000)
    assert len(sound) == EVERY * 8000
    assert abs(sound[: round(RINGS * 8000)]).max() > 7000
    assert not sound[round(RINGS * 8000) :].any()
    assert abs(sound[:8]).max() < 1000  # no click


def test_it_goes_on_without_a_gap() -> None:
    card = Speaker()
    ringing = Ringing(card)
    for step in range(1000):
        assert ringing.step(step * 0.01, 0.01)
        card.until(step * 0.01)
    played = np.concatenate(card.played)
    assert card.dry == 0
    assert played.tolist() == np.resize(ring(48000), len(played)).tolist()
