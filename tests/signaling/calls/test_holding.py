"""The tables of hold, cell by cell."""

import pytest

from signaling.calls.hold import DO
from signaling.calls.holding import ASKED, SAID, TABLE, Act, Cue, Stage

WORKED = {
    (Stage.IDLE, Cue.HOLD): (Stage.STARTING, [Act.START_MUSIC]),
    (Stage.IDLE, Cue.RESUME): (Stage.OFFERING, [Act.OFFER]),
    (Stage.IDLE, Cue.CHANGE_MUSIC): (Stage.CHANGING, [Act.START_MUSIC]),
    (Stage.IDLE, Cue.NOTHING_TO_DO): (Stage.IDLE, [Act.GRANT]),
    (Stage.STARTING, Cue.PLAYING): (Stage.OFFERING, [Act.OFFER]),
    (Stage.STARTING, Cue.NOT_PLAYING): (Stage.IDLE, [Act.STOP_MUSIC, Act.REFUSE]),
    (Stage.CHANGING, Cue.PLAYING): (Stage.IDLE, [Act.GRANT]),
    (Stage.CHANGING, Cue.NOT_PLAYING): (Stage.IDLE, [Act.REFUSE]),
    (Stage.OFFERING, Cue.AGREED): (Stage.IDLE, [Act.SETTLE, Act.GRANT]),
    (Stage.OFFERING, Cue.REFUSED): (Stage.IDLE, [Act.STOP_MUSIC, Act.REFUSE]),
}


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("cue", Cue)
def test_each_cell(stage: Stage, cue: Cue) -> None:
    cell = TABLE[stage].get(cue)
    assert (cell and (cell[0], list(cell[1]))) == WORKED.get((stage, cue))


def test_every_act_is_done_by_a_function() -> None:
    assert set(DO) == set(Act)


def test_a_wish_is_answered_on_every_way_back_to_idle() -> None:
    for row in TABLE.values():
        for stage, acts in row.values():
            assert (stage is Stage.IDLE) == bool({Act.GRANT, Act.REFUSE} & set(acts))


def test_what_is_said_follows_from_who_holds() -> None:
    """RFC 3264 8.4: sendonly while we hold, inactive if the peer holds us too."""
    assert SAID == {
        (False, False): "sendrecv",
        (False, True): "sendrecv",
        (True, False): "sendonly",
        (True, True): "inactive",
    }
    assert set(ASKED) == set(SAID)
