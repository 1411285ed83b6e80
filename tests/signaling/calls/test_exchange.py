"""The table of our offers, cell by cell, and the pause after glare."""

import pytest

from signaling.calls.exchange import TABLE, Act, Cue, Stage, pause_after_glare
from signaling.calls.offering import DO

WORKED = {
    (Stage.IDLE, Cue.READY): (Stage.SENT, [Act.SEND]),
    (Stage.SENT, Cue.ACCEPTED): (Stage.IDLE, [Act.SETTLE]),
    (Stage.SENT, Cue.REFUSED): (Stage.IDLE, [Act.WITHDRAW, Act.TELL]),
    (Stage.SENT, Cue.LATER): (Stage.PAUSING, [Act.WITHDRAW, Act.PAUSE]),
    (Stage.SENT, Cue.DUE): (Stage.CANCELLED, [Act.CANCEL]),
    (Stage.CANCELLED, Cue.ACCEPTED): (Stage.IDLE, [Act.SETTLE]),
    (Stage.CANCELLED, Cue.REFUSED): (Stage.IDLE, [Act.WITHDRAW, Act.TELL]),
    (Stage.CANCELLED, Cue.LATER): (Stage.PAUSING, [Act.WITHDRAW, Act.PAUSE]),
    (Stage.PAUSING, Cue.DUE): (Stage.IDLE, [Act.AGAIN]),
}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("cue", Cue)
def test_each_cell(stage: Stage, cue: Cue) -> None:
    cell = TABLE[stage].get(cue)
    assert (cell and (cell[0], list(cell[1]))) == WORKED.get((stage, cue))


def test_every_act_is_done_by_a_function() -> None:
    assert set(DO) == set(Act)


@pytest.mark.parametrize(
    ("fraction", "owner", "other"), [(0.0, 2.1, 0.0), (0.5, 3.05, 1.0), (0.9999999, 4.0, 2.0)]
)
def test_the_pause_after_glare(fraction: float, owner: float, other: float) -> None:
    """RFC 3261 14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other."""
    assert pause_after_glare(fraction, owns_call_id=True) == owner
    assert pause_after_glare(fraction, owns_call_id=False) == other


def test_the_pause_is_in_steps_of_ten_milliseconds() -> None:
    pauses = {pause_after_glare(n / 5000, owns_call_id=True) for n in range(5000)}
    assert pauses == {n / 100 for n in range(210, 401)}
