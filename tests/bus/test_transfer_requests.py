import asyncio
import gc

import pytest

from bus.call import Call
from bus.errors import ForbiddenError
from bus.ids import CallId
from bus.protocol import Command
from bus.transfer_requests import TransferDesk, TransferRequest
from bus.transfers import AcceptTransfer, DeclineTransfer, TransferAsked
from tests.bus.test_call import ID, Desk, outgoing, run


def request(name: str = "t1", desk: Desk | None = None) -> TransferRequest:
    """A request whose acceptance is asked of the desk and makes an outgoing call."""
    engine = desk or Desk()
    asked = TransferAsked(transfer=name, call=ID, uri="sip:c@host", referred_by="sip:b@host")

    async def follow(accept: AcceptTransfer, uri: str) -> Call:
        engine.asked.append(accept)
        if engine.refusal is not None:
            raise engine.refusal
        return Call(engine, CallId("c2"), uri=uri, from_uri="", state=outgoing().state)

    return TransferRequest(engine, asked, outgoing(), follow)


def test_accepting_dials_what_was_asked_or_something_else() -> None:
    async def scenario() -> None:
        desk = Desk()
        assert (await request(desk=desk).accept()).uri == "sip:c@host"
        call = await request(desk=desk).accept("sip:d@host", any_domain=True)
        assert call.uri == "sip:d@host"
        assert desk.asked == [
            AcceptTransfer(transfer="t1"),
            AcceptTransfer(transfer="t1", uri="sip:d@host", any_domain=True),
        ]

    run(scenario)


def test_what_a_policy_forbids_is_raised() -> None:
    async def scenario() -> None:
        desk = Desk()
        desk.refusal = ForbiddenError("another domain")
        with pytest.raises(ForbiddenError):
            await request(desk=desk).accept()

    run(scenario)


def test_declining() -> None:
    async def scenario() -> None:
        desk = Desk()
        await request(desk=desk).decline(480, "Not now")
        assert desk.asked == [DeclineTransfer(transfer="t1", status=480, reason="Not now")]

    run(scenario)


def test_a_request_for_which_nobody_waits_is_declined() -> None:
    told = list[Command]()
    TransferDesk(told.append).asked(request())
    assert told == [DeclineTransfer(transfer="t1")]


def test_requests_are_given_in_order_and_those_left_over_are_declined() -> None:
    async def scenario() -> None:
        told = list[Command]()
        desk = TransferDesk(told.append)
        async with desk.requests() as requests:
            for name in ("t1", "t2", "t3"):
                desk.asked(request(name))
            first, second = [await anext(requests) for _ in range(2)]
            assert (first.event.transfer, second.event.transfer) == ("t1", "t2")
            assert told == []
        assert told == [DeclineTransfer(transfer="t3")]
        assert [each async for each in requests] == []

    run(scenario)


def test_a_loop_that_was_left_listens_no_more() -> None:
    async def scenario() -> None:
        told = list[Command]()
        desk = TransferDesk(told.append)
        desk_requests = desk.requests()
        desk.asked(request("t0"))
        waiting = asyncio.create_task(anext(desk_requests))
        await asyncio.sleep(0)
        desk.asked(request("t1"))
        assert (await waiting).event.transfer == "t1"
        del desk_requests, waiting
        gc.collect()
        desk.asked(request("t2"))
        assert told == [DeclineTransfer(transfer="t0"), DeclineTransfer(transfer="t2")]

    run(scenario)


def test_the_latest_loop_is_the_one_that_listens() -> None:
    async def scenario() -> None:
        desk = TransferDesk(list[Command]().append)
        async with desk.requests() as old, desk.requests() as new:
            desk.asked(request("t1"))
            assert (await anext(new)).event.transfer == "t1"
            assert [each async for each in old] == []

    run(scenario)
