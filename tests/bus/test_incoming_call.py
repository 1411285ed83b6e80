import asyncio

import pytest

from bus import calls as verbs
from bus.call import CallState
from bus.calls import Outcome
from bus.errors import NotFoundError
from bus.outcomes import Cancelled
from bus.sources import Tone
from tests.bus.test_call import ANSWERED, ID, Desk, ended, incoming, run


def test_a_header_is_found_in_any_case() -> None:
    assert incoming().header("x-one") == "1"
    assert incoming().header("X-Two") == ""


def test_early_media_goes_with_183() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = incoming(desk)
        await call.ring(play=Tone(425), headers={"X-Two": "2"})
        await call.ring(182, "Queued", play=Tone(425))
        assert desk.asked == [
            verbs.Ring(call=ID, status=183, play=Tone(425), headers=(("X-Two", "2"),)),
            verbs.Ring(call=ID, status=182, reason="Queued", play=Tone(425)),
        ]

    run(scenario)


def test_an_incoming_call_is_answered_once_the_caller_confirmed_it() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = incoming(desk)
        assert (call.uri, call.from_uri) == ("sip:b@host", "sip:a@host")
        await call.ring()
        answering = asyncio.create_task(call.answer(play=Tone(440), headers={"X-Two": "2"}))
        for _ in range(3):
            await asyncio.sleep(0)
        assert call.state is CallState.ANSWERING
        assert not answering.done()
        call.apply(ANSWERED, 2.0)
        assert await answering == ANSWERED
        assert desk.asked == [
            verbs.Ring(call=ID),
            verbs.Answer(call=ID, play=Tone(440), headers=(("X-Two", "2"),)),
        ]

    run(scenario)


def test_answering_what_the_caller_has_given_up_raises_cancelled() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = incoming(desk)
        desk.refusal = NotFoundError("no such call")
        desk.before_reply = lambda _: call.apply(ended(Outcome.CANCELLED, 487), 1.0)
        with pytest.raises(Cancelled):
            await call.answer()
        with pytest.raises(Cancelled):
            await call.reject()

    run(scenario)


def test_rejecting_and_redirecting_wait_for_the_end() -> None:
    async def scenario() -> None:
        desk = Desk()
        call = incoming(desk)
        desk.before_reply = lambda _: call.apply(ended(Outcome.REJECTED, 603), 1.0)
        await call.reject(603, "Decline")
        other = incoming(desk)
        desk.before_reply = lambda _: other.apply(ended(Outcome.REDIRECTED, 302), 1.0)
        await other.redirect("sip:c@host", "sip:d@host")
        assert desk.asked == [
            verbs.Reject(call=ID, status=603, reason="Decline"),
            verbs.Redirect(call=ID, contacts=("sip:c@host", "sip:d@host")),
        ]

    run(scenario)
