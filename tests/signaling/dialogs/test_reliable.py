"""The sender of reliable provisional responses, alone (RFC 3262 3)."""

import pytest

from signaling.dialogs.reliable import (
    FIRST_END,
    Provisionals,
    acknowledges,
    due,
    following,
    holds_back_2xx,
    stop,
    submit,
)
from signaling.sip.headers import CSeq, RAck
from signaling.sip.message import Response, every, first

T1 = 0.5


def response(status: int, body: bytes = b"") -> Response:
    return Response(status=status, reason="", headers=[("Via", "v")], body=body)


def begun(*statuses: int, fraction: float = 0.0) -> tuple[Provisionals, list[Response]]:
    state, sent = Provisionals(), list[Response]()
    for status in statuses:
        sent += submit(state, response(status), now=0.0, t1=T1, fraction=fraction)
    return state, sent


def rack(number: int, cseq: int = 1, method: str = "INVITE") -> RAck:
    return RAck(number, CSeq(cseq, method))


@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.9999999999])
def test_the_first_number_is_any_below_2_31(fraction: float) -> None:
    _, (sent,) = begun(183, fraction=fraction)
    assert 1 <= int(first(sent, "RSeq") or "") < FIRST_END
    assert every(sent, "Require") == ["100rel"]
    assert first(sent, "Via") == "v"


def test_one_is_under_way_and_the_others_wait_in_their_order() -> None:
    state, sent = begun(183, 180, 181)
    assert [(r.status, first(r, "RSeq")) for r in sent] == [(183, "1")]
    assert not acknowledges(state, rack(2), 1)
    assert acknowledges(state, rack(1), 1)
    (second,) = following(state, now=1.0, t1=T1)
    assert (second.status, first(second, "RSeq")) == (180, "2")
    assert not acknowledges(state, rack(1), 1)
    assert acknowledges(state, rack(2), 1)
    (third,) = following(state, now=2.0, t1=T1)
    assert (third.status, first(third, "RSeq")) == (181, "3")
    assert not following(state, now=3.0, t1=T1)
    assert state.deadline is None


@pytest.mark.parametrize("wrong", [rack(2), rack(1, cseq=2), rack(1, method="UPDATE")])
def test_a_prack_of_something_else(wrong: RAck) -> None:
    state, _ = begun(183)
    assert acknowledges(state, rack(1), 1)
    assert not acknowledges(state, wrong, 1)


def test_copies_come_at_t1_doubling_until_64_t1() -> None:
    state, _ = begun(183)
    times: list[float] = []
    while state.deadline is not None:
        now = state.deadline
        if due(state, now=now) is not None:
            times.append(now)
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert state.give_up_at == 32.0


def test_after_a_final_response_only_the_prack_is_known() -> None:
    state, _ = begun(183, 180)
    stop(state)
    assert state.deadline is None
    assert acknowledges(state, rack(1), 1)
    assert not following(state, now=1.0, t1=T1)
    assert not acknowledges(state, rack(1), 1)


def test_a_description_holds_the_2xx_back() -> None:
    state, _ = begun(183)
    assert not holds_back_2xx(state)
    assert not submit(state, response(183, b"v=0"), now=0.0, t1=T1, fraction=0.0)
    assert holds_back_2xx(state)
    following(state, now=1.0, t1=T1)
    assert holds_back_2xx(state)
    following(state, now=2.0, t1=T1)
    assert not holds_back_2xx(state)
