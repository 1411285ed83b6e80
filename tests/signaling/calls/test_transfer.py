"""The table of the transferor: whatever happens, it ends once."""

import pytest

from signaling.calls.transfer import TRANSFEROR, Act, Cue, Stage
from signaling.calls.transferor import DO

ENDS = {Act.TELL_OK, Act.TELL_FAILED}


def test_every_act_is_built() -> None:
    assert set(DO) == set(Act)


@pytest.mark.parametrize("stage", sorted(set(Stage) - {Stage.OVER}))
def test_an_end_is_told_exactly_when_it_is_over(stage: Stage) -> None:
    for cue, (target, acts) in TRANSFEROR[stage].items():
        assert (target is Stage.OVER) == (len(ENDS & set(acts)) == 1), cue


@pytest.mark.parametrize("stage", sorted(set(Stage) - {Stage.OVER}))
def test_it_can_always_be_cancelled_and_always_times_out(stage: Stage) -> None:
    for cue in (Cue.CANCEL, Cue.TIMEOUT):
        assert TRANSFEROR[stage][cue][0] is Stage.OVER


@pytest.mark.parametrize("stage", sorted(set(Stage) - {Stage.OVER, Stage.LATE}))
def test_the_end_of_the_call_is_heard_everywhere(stage: Stage) -> None:
    """In LATE the call has ended already."""
    assert {Cue.HUNG_UP, Cue.GONE} <= set(TRANSFEROR[stage])


def test_who_was_held_is_taken_back_when_it_fails() -> None:
    for stage, row in TRANSFEROR.items():
        for target, acts in row.values():
            if target is Stage.OVER and Act.TELL_FAILED in acts and stage is not Stage.WAITING:
                assert Act.RESUME in acts


def test_over_is_over() -> None:
    assert not TRANSFEROR[Stage.OVER]
    assert set(TRANSFEROR) == set(Stage)
