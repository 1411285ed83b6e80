"""When an offer of ours is made, and what its final response means."""

import pytest

from signaling.calls import offering
from signaling.calls.call import Call
from signaling.calls.exchange import MOST_TRIES, Stage
from signaling.calls.states import State
from signaling.calls.verdicts import Happening
from signaling.core import Core
from signaling.sip.message import Header, Response
from tests.harness.arena import Arena
from tests.signaling.alone import alone


def answered(core: Core, call: Call, status: int, *headers: Header) -> None:
    ((key, sent),) = call.sent.items()
    del call.sent[key]
    said = [("CSeq", "2 INVITE"), *headers]
    response = Response(status=status, reason="Test", headers=said, body=b"")
    offering.answered(
        core, call, sent, key, Happening(status=status, reason="Test", response=response)
    )


@pytest.fixture
def up(arena: Arena) -> tuple[Core, Call]:
    """Return a core, and a call that is up."""
    mine, _ = arena.call()
    core, call = alone(arena.alice, mine)
    arena.alice.hang_up_all()
    return core, call


@pytest.mark.parametrize(
    ("status", "headers", "stage"),
    [
        (491, (), Stage.PAUSING),
        (500, (("Retry-After", "2 (soon)"),), Stage.PAUSING),
        (500, (), Stage.IDLE),
        (500, (("Retry-After", "33"),), Stage.IDLE),
        (503, (("Retry-After", "2"),), Stage.IDLE),
        (422, (("Min-SE", "3600"),), Stage.PAUSING),
        (422, (("Min-SE", "90"),), Stage.IDLE),
        (488, (), Stage.IDLE),
        (603, (), Stage.IDLE),
    ],
)
def test_what_a_refusal_means(
    up: tuple[Core, Call], status: int, headers: tuple[Header, ...], stage: Stage
) -> None:
    core, call = up
    offering.offer(core, call, "refresh")
    assert call.sent
    answered(core, call, status, *headers)
    assert call.exchange.stage is stage
    assert not call.negotiation.open
    assert call.exchange.tries == (stage is Stage.PAUSING)
    assert (offering.TIMER in call.timers) == (stage is Stage.PAUSING)


def test_a_pause_is_followed_by_the_same_offer(up: tuple[Core, Call]) -> None:
    core, call = up
    offering.offer(core, call, "refresh")
    ((_, before),) = call.sent.items()
    for _ in range(MOST_TRIES - 1):
        answered(core, call, 491)
        offering.due(core, call)
        assert call.exchange.stage is Stage.SENT
    ((_, after),) = call.sent.items()
    assert before.request.body == after.request.body
    answered(core, call, 491)
    assert call.exchange.stage is Stage.IDLE


def test_one_at_a_time_and_each_asker_once(up: tuple[Core, Call]) -> None:
    core, call = up
    for asker in ("refresh", "hold", "hold", "refresh"):
        offering.offer(core, call, asker)
    assert len(call.sent) == 1
    assert (call.exchange.asker, call.exchange.wanted) == ("refresh", ["hold", "refresh"])
    answered(core, call, 488)
    assert (call.exchange.asker, call.exchange.wanted) == ("hold", ["refresh"])


@pytest.mark.parametrize("obstacle", ["the peer's re-INVITE", "its offer", "the end"])
def test_it_waits_for_others(up: tuple[Core, Call], obstacle: str) -> None:
    core, call = up
    match obstacle:
        case "the peer's re-INVITE":
            call.reinvite_key = "a key"
        case "its offer":
            call.negotiation.open = True
        case _:
            call.state = State.CLOSING
    offering.offer(core, call, "refresh")
    assert not call.sent
    call.reinvite_key, call.negotiation.open, call.state = "", False, State.UP
    offering.go_on(core, call)
    assert len(call.sent) == 1


def test_a_2xx_after_the_end_is_acknowledged_and_no_more(up: tuple[Core, Call]) -> None:
    core, call = up
    offering.offer(core, call, "refresh")
    call.state = State.CLOSING
    answered(core, call, 200)
    assert call.reack is not None
    assert call.exchange.stage is Stage.SENT
    assert call.state is State.CLOSING
