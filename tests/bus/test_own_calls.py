import asyncio

import pytest

from bus import calls as verbs
from bus.call import CallState
from bus.calls import OnOwnerLost, Outcome
from bus.ids import CallId, PeerId
from bus.incoming_call import IncomingCall
from bus.outcomes import Completed, Failed
from bus.own_calls import OwnCalls
from bus.transfers import Replaced
from tests.bus.test_call import ANSWERED, ID, Desk, ended, outgoing, run

NEW = CallId("c2")
REPLACED = Replaced(call=ID, by=NEW, remote="sip:c@host")


def own(desk: Desk) -> OwnCalls:
    """One call, which is up."""
    calls = OwnCalls(desk, PeerId("me"))
    calls.add(outgoing(desk))
    calls.apply(ID, ANSWERED, 1.0)
    return calls


def test_a_call_that_ended_is_not_kept() -> None:
    calls = own(Desk())
    [call] = calls.living
    calls.apply(ID, ended(Outcome.COMPLETED), 2.0)
    calls.apply(ID, ANSWERED, 3.0)
    assert calls.living == ()
    assert isinstance(call.outcome, Completed)


def test_the_call_that_takes_anothers_place_is_ours_before_its_events_come() -> None:
    calls = own(Desk())
    [old] = calls.living
    calls.replaced(REPLACED, 2.0)
    calls.apply(ID, ended(Outcome.COMPLETED), 3.0)
    calls.apply(NEW, ANSWERED, 3.0)
    new = old.replaced_by
    assert isinstance(new, IncomingCall)
    assert calls.living == (new,)
    assert (new.id, new.state, new.from_uri) == (NEW, CallState.UP, "sip:c@host")
    assert new.on_owner_lost is old.on_owner_lost


def test_one_that_replaces_what_nobody_knows_is_hung_up() -> None:
    desk = Desk()
    calls = OwnCalls(desk, PeerId("me"))
    calls.replaced(REPLACED, 1.0)
    assert desk.told == [verbs.HangUp(call=NEW)]


def test_losing_the_engine_ends_all() -> None:
    calls = own(Desk())
    [call] = calls.living
    calls.lose("engine lost")
    assert isinstance(call.outcome, Failed)
    assert calls.living == ()


@pytest.mark.parametrize(
    ("policy", "asked"), [(OnOwnerLost.HANG_UP, [verbs.HangUp(call=ID)]), (OnOwnerLost.KEEP, [])]
)
def test_those_that_shall_outlive_us_are_left_alone(
    policy: OnOwnerLost, asked: list[verbs.HangUp]
) -> None:
    async def scenario() -> None:
        desk = Desk()
        calls = OwnCalls(desk, PeerId("me"))
        desk.answer = verbs.Dialled(call=ID)
        dialling = calls.dial(verbs.Dial(uri="sip:b@host"), "sip:b@host", "", policy)
        call = await asyncio.wait_for(dialling, 5)
        desk.answer = verbs.Ok()
        desk.before_reply = lambda _: call.apply(ended(Outcome.CANCELLED), 1.0)
        await calls.hang_up_all()
        assert desk.asked[1:] == asked

    run(scenario)
