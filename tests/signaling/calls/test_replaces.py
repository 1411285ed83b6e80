"""Taking somebody's place; the whole of it is in tests/scenarios/test_replaces.py."""

import pytest

from signaling.calls.replaces import CONFIRMED, EARLY_OF_OURS, EARLY_OF_THEIRS, beside
from signaling.calls.states import State


@pytest.mark.parametrize(
    ("path", "following"),
    [
        ("", ""),
        ("/calls/one.wav", "/calls/one-2.wav"),
        ("/calls/one-2.wav", "/calls/one-3.wav"),
        ("/calls/one-9.wav", "/calls/one-10.wav"),
        ("/calls/2026-11-24.wav", "/calls/2026-11-25.wav"),
        ("/calls.d/one", "/calls.d/one-2"),
        ("one-x.wav", "one-x-2.wav"),
        ("-7", "-8"),
    ],
)
def test_the_next_recording_overwrites_none(path: str, following: str) -> None:
    assert beside(path) == following


def test_each_state_is_early_confirmed_or_over() -> None:
    groups = [*CONFIRMED, *EARLY_OF_OURS, *EARLY_OF_THEIRS]
    assert len(groups) == len(set(groups))
    assert set(State) - set(groups) == {
        State.PLACING,
        State.ABANDONED,
        State.CANCELLED,
        State.LEAVING,
        State.CLOSING,
    }
