import pytest

from bus.calls import Outcome
from signaling.calls.states import INCOMING, OUTGOING, Act, Cue
from signaling.calls.verdicts import Happening, verdict

ENDING = {
    cue
    for table in (OUTGOING, INCOMING)
    for row in table.values()
    for cue, (_, acts) in row.items()
    if Act.FINISH in acts
}


@pytest.mark.parametrize("cue", sorted(ENDING))
@pytest.mark.parametrize("answered", [False, True])
def test_every_cue_that_ends_a_call_has_a_verdict(cue: Cue, answered: bool) -> None:
    found = verdict(cue, Happening(status=500), answered=answered)
    assert found.by in ("local", "remote", "engine")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, Outcome.BUSY),
        (600, Outcome.BUSY),
        (408, Outcome.NO_ANSWER),
        (480, Outcome.NO_ANSWER),
        (488, Outcome.MEDIA_NOT_ACCEPTABLE),
        (404, Outcome.REJECTED),
        (603, Outcome.REJECTED),
        (503, Outcome.REJECTED),
    ],
)
def test_a_refusal_is_named_after_its_status(status: int, outcome: Outcome) -> None:
    found = verdict(Cue.FAILURE, Happening(status=status, reason="So"), answered=False)
    assert (found.outcome, found.status, found.reason, found.by) == (
        outcome,
        status,
        "So",
        "remote",
    )


@pytest.mark.parametrize(("cue", "by"), [(Cue.HANG_UP, "local"), (Cue.BYE, "remote")])
def test_hanging_up_completes_only_an_answered_call(cue: Cue, by: str) -> None:
    assert verdict(cue, Happening(), answered=True).outcome is Outcome.COMPLETED
    assert verdict(cue, Happening(), answered=False).outcome is Outcome.CANCELLED
    assert verdict(cue, Happening(), answered=True).by == by
