import pytest

from bus.calls import Ended, Outcome, Quality
from bus.errors import OffhookError
from bus.ids import CallId
from bus.outcomes import (
    BY_OUTCOME,
    Busy,
    CallEndedError,
    CallFailed,
    CallOutcome,
    Completed,
    Rejected,
    TransferFailedError,
    Transferred,
    outcome_of,
    transfer_outcome,
)
from bus.transfers import TransferEnded


def ended(outcome: Outcome, status: int = 0, reason: str = "") -> Ended:
    return Ended(
        call=CallId("c"),
        outcome=outcome,
        status=status,
        reason=reason,
        by="remote",
        duration=1.5,
        quality=Quality(packets_sent=7),
        record="/r.wav",
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_has_a_type_and_each_its_own(outcome: Outcome) -> None:
    made = outcome_of(ended(outcome))
    assert isinstance(made, CallOutcome)
    assert isinstance(made, CallFailed) == (outcome is not Outcome.COMPLETED)
    assert len(set(BY_OUTCOME.values())) == len(Outcome)


def test_an_outcome_knows_what_the_event_said() -> None:
    made = outcome_of(ended(Outcome.COMPLETED))
    assert isinstance(made, Completed)
    assert (made.by, made.duration, made.record) == ("remote", 1.5, "/r.wav")
    assert made.quality is not None
    assert made.quality.packets_sent == 7


def test_a_failure_can_be_raised_and_caught_as_ours() -> None:
    made = outcome_of(ended(Outcome.BUSY, 486, "Busy Here"))
    assert isinstance(made, CallFailed)
    with pytest.raises(OffhookError) as caught:
        raise made
    assert isinstance(caught.value, Busy)
    assert str(caught.value) == "busy: 486 Busy Here"


def test_it_matches_by_its_status() -> None:
    match outcome_of(ended(Outcome.REJECTED, 403, "Forbidden")):
        case Rejected(status=403) as refused:
            assert repr(refused) == "<Rejected rejected: 403 Forbidden>"
        case other:
            pytest.fail(f"{other!r}")


def test_what_a_dead_call_was_asked_names_its_end() -> None:
    over = CallEndedError("sending digits", outcome_of(ended(Outcome.COMPLETED)))
    assert str(over) == "sending digits: the call is over (completed)"


def test_a_transfer_returns_or_raises() -> None:
    done = TransferEnded(call=CallId("c"), ok=True, status=200, reason="OK")
    assert transfer_outcome(done) == Transferred(200, "OK")
    with pytest.raises(TransferFailedError, match=r"^transfer failed: 603 Decline$"):
        transfer_outcome(TransferEnded(call=CallId("c"), ok=False, status=603, reason="Decline"))
    with pytest.raises(TransferFailedError, match=r"^transfer failed$"):
        transfer_outcome(TransferEnded(call=CallId("c"), ok=False))
