import msgspec
import pytest

from signaling.sip.errors import LocalError
from signaling.sip.flow import Flow
from signaling.sip.message import Request, every, first
from signaling.sip.parse import parse_message
from signaling.transactions.layer import (
    SLACK,
    AckReceived,
    CancelReceived,
    NewRequest,
    Out,
    ResponseReceived,
    StrayResponse,
    Transactions,
    Transmit,
    cancel_for,
)
from signaling.transactions.machine import State
from tests.signaling.transactions.drive import (
    EMPTY,
    TCP,
    UDP,
    Forgetful,
    answer,
    named,
    request,
)

DOUBLING = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
DOUBLING_TO_T2 = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def new_key(outs: list[Out]) -> str:
    """The key of the only new request in there."""
    (key,) = [out.key for out in outs if isinstance(out, NewRequest)]
    return key


def sent(outs: list[Out]) -> list[bytes]:
    return [out.datagram for out in outs if isinstance(out, Transmit)]


# ------------------------------------------------------------------------------ INVITE client


def test_an_unanswered_invite_is_sent_seven_times_and_fails_after_64_t1() -> None:
    layer = Forgetful()
    layer.send(request())
    assert layer.run() == [*((at, "INVITE") for at in DOUBLING), (32.0, "ClientFailed timeout")]
    assert layer.state == EMPTY


def test_over_tcp_it_is_sent_once_and_fails_as_late() -> None:
    layer = Forgetful()
    layer.send(request(), TCP)
    assert layer.run() == [(0.0, "INVITE"), (32.0, "ClientFailed timeout")]


def test_t1_is_a_setting() -> None:
    layer = Forgetful(t1=0.1)
    layer.send(request())
    layer.run()
    assert layer.times("INVITE") == pytest.approx([at / 5 for at in DOUBLING])
    assert layer.times("ClientFailed timeout") == pytest.approx([6.4])


def test_a_provisional_ends_retransmission_for_good() -> None:
    layer, invite = Forgetful(), request()
    key = layer.send(invite)
    assert not layer.state.invite_proceeding(key)
    layer.now = 0.1
    assert layer.hear(answer(invite, 180)) == [ResponseReceived(key, answer(invite, 180))]
    assert layer.state.invite_proceeding(key)
    assert layer.state.deadline() is None


def test_each_copy_of_a_failure_is_acknowledged_and_the_first_delivered() -> None:
    layer, invite = Forgetful(), request(headers=(("Route", "<sip:p1;lr>"), ("Route", "<sip:p2>")))
    layer.send(invite)
    layer.now = 0.1
    assert [named(out) for out in layer.hear(answer(invite, 486))] == [
        "ACK",
        "ResponseReceived 486",
    ]
    for at in (0.6, 1.6, 32.0):
        layer.now = at
        assert [named(out) for out in layer.hear(answer(invite, 486))] == ["ACK"]
    layer.run()
    assert layer.now == 32.1
    assert layer.state == EMPTY


def test_the_ack_of_a_failure_is_of_the_same_hop() -> None:
    layer, invite = Forgetful(), request(headers=(("Route", "<sip:p1;lr>"), ("Route", "<sip:p2>")))
    layer.send(invite)
    ack = parse_message(sent(layer.hear(answer(invite, 486, "b7")))[0])
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, ack.body) == ("ACK", invite.uri, b"")
    for name in ("Via", "Route", "From", "Call-ID"):
        assert every(ack, name) == every(invite, name)
    assert first(ack, "To") == "<sip:bob@192.0.2.1>;tag=b7"
    assert first(ack, "CSeq") == "1 ACK"


def test_over_tcp_a_failed_invite_is_over_at_once() -> None:
    layer, invite = Forgetful(), request()
    layer.send(invite, TCP)
    layer.hear(answer(invite, 486))
    assert layer.state == EMPTY
    assert layer.hear(answer(invite, 486)) == [StrayResponse(answer(invite, 486))]


def test_each_copy_of_a_2xx_and_each_fork_is_delivered_until_timer_m() -> None:
    layer, invite = Forgetful(), request()
    key = layer.send(invite)
    layer.now = 1.0
    layer.hear(answer(invite, 200))
    for at, tag in ((1.5, "b1"), (20.0, "b2"), (32.9, "b1")):
        layer.now = at
        assert layer.hear(answer(invite, 200, tag)) == [
            ResponseReceived(key, answer(invite, 200, tag))
        ]
    assert layer.hear(answer(invite, 180)) == []
    layer.run(until=33.0)
    assert layer.state == EMPTY


def test_a_cancelled_invite_is_given_64_t1_to_end() -> None:
    layer, invite = Forgetful(), request()
    layer.send(invite)
    layer.hear(answer(invite, 180))
    layer.now = 1.0
    cancel = cancel_for(invite)
    key = layer.send(cancel)
    assert layer.hear(answer(cancel, 200)) == [ResponseReceived(key, answer(cancel, 200))]
    layer.now = 2.0
    layer.hear(answer(invite, 183))
    layer.run()
    assert layer.events[-1] == (33.0, "ClientFailed timeout")
    assert layer.state == EMPTY


def test_a_cancelled_invite_ends_with_its_487() -> None:
    layer, invite = Forgetful(), request()
    layer.send(invite)
    layer.hear(answer(invite, 180))
    layer.send(cancel_for(invite))
    layer.hear(answer(cancel_for(invite), 200))
    assert [named(out) for out in layer.hear(answer(invite, 487))] == [
        "ACK",
        "ResponseReceived 487",
    ]
    layer.run()
    assert not layer.times("ClientFailed timeout")
    assert layer.state == EMPTY


# -------------------------------------------------------------------------- non-INVITE client


def test_other_requests_are_repeated_up_to_every_t2() -> None:
    layer = Forgetful()
    layer.send(request("BYE"))
    timed_out = (32.0, "ClientFailed timeout")
    assert layer.run() == [*((at, "BYE") for at in DOUBLING_TO_T2), timed_out]
    assert layer.state == EMPTY


def test_after_a_provisional_they_are_repeated_every_t2() -> None:
    layer, bye = Forgetful(), request("BYE")
    layer.send(bye)
    layer.now = 0.1
    layer.hear(answer(bye, 100))
    layer.run()
    assert layer.times("BYE") == [0.0, *(0.5 + 4 * n for n in range(8))]
    assert layer.events[-1] == (32.0, "ClientFailed timeout")


def test_copies_of_the_final_response_are_absorbed_for_t4() -> None:
    layer, bye = Forgetful(), request("BYE")
    key = layer.send(bye)
    layer.now = 1.0
    assert layer.hear(answer(bye, 200)) == [ResponseReceived(key, answer(bye, 200))]
    layer.now = 5.9
    assert layer.hear(answer(bye, 200)) == []
    layer.run(until=6.0)
    assert layer.state == EMPTY


def test_over_tcp_a_request_is_over_with_its_answer() -> None:
    layer, bye = Forgetful(), request("BYE")
    layer.send(bye, TCP)
    layer.hear(answer(bye, 200))
    assert layer.state == EMPTY


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_a_branch_in_use_is_refused(method: str) -> None:
    layer = Forgetful()
    layer.send(request(method))
    with pytest.raises(LocalError):
        layer.state.client_request(request(method), UDP, 0.0)


def test_an_ack_begins_no_transaction() -> None:
    with pytest.raises(LocalError):
        Transactions().client_request(request("ACK"), UDP, 0.0)


def test_a_message_that_cannot_be_sent_leaves_no_transaction() -> None:
    state = Transactions()
    with pytest.raises(LocalError):
        state.client_request(request(headers=(("Subject", "a\r\nb"),)), UDP, 0.0)
    assert state == EMPTY


def test_responses_to_nothing_are_strays() -> None:
    layer, invite = Forgetful(), request()
    layer.send(invite)
    for other in (request(branch="z9hG4bKb"), request("BYE")):
        assert layer.hear(answer(other, 200)) == [StrayResponse(answer(other, 200))]
    unreadable = answer(invite, 200)
    unreadable.headers.clear()
    assert layer.hear(unreadable) == [StrayResponse(unreadable)]


# ---------------------------------------------------------------------------- transport errors


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_a_failed_flow_fails_what_was_sent_over_it(method: str) -> None:
    layer = Forgetful()
    layer.send(request(method))
    layer.send(request(method, branch="z9hG4bKb"), msgspec.structs.replace(UDP, port=5062))
    assert [named(out) for out in layer.fail(UDP)] == ["ClientFailed transport"]
    assert layer.fail(UDP) == []
    layer.run()
    assert layer.state == EMPTY


def test_a_connection_still_to_be_opened_has_no_name_yet() -> None:
    layer = Forgetful()
    layer.send(request("BYE"), msgspec.structs.replace(TCP, connection=""))
    layer.send(request("BYE", branch="z9hG4bKb"), msgspec.structs.replace(TCP, connection="c2"))
    assert len(layer.fail(TCP)) == 1


def test_an_invite_that_was_heard_outlives_its_connection() -> None:
    layer, invite = Forgetful(), request()
    key = layer.send(invite, TCP)
    layer.hear(answer(invite, 180))
    assert layer.fail(TCP) == []
    assert layer.hear(answer(invite, 200)) == [ResponseReceived(key, answer(invite, 200))]


def test_server_transactions_go_on() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    assert layer.fail(UDP) == []
    assert len(sent(layer.answer(key, answer(invite, 200)))) == 1


# ------------------------------------------------------------------------------ INVITE server


def test_a_copy_of_an_invite_gets_the_latest_provisional_if_there_is_one() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    assert layer.hear(invite) == []
    layer.answer(key, answer(invite, 100))
    assert [named(out) for out in layer.hear(invite)] == ["100"]
    layer.answer(key, answer(invite, 180))
    assert [named(out) for out in layer.hear(invite)] == ["180"]


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_a_2xx_is_repeated_until_its_ack_is_given_up(flow: Flow) -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite, flow))
    layer.answer(key, answer(invite, 200))
    layer.run()
    assert layer.times("200") == DOUBLING_TO_T2
    assert layer.events[-1] == (32.0, "AckMissing")
    assert layer.state == EMPTY


def test_the_ack_ends_the_copies_and_the_transaction_lasts_to_timer_l() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    layer.now = 1.0
    layer.answer(key, answer(invite, 200))
    layer.run(until=2.0)
    assert layer.times("200") == [1.0, 1.5]
    ack = request("ACK", branch="z9hG4bKb", to_tag="b1")
    assert layer.hear(ack) == [AckReceived(ack, UDP)]
    layer.stop_2xx(key)
    assert layer.hear(invite) == []
    layer.run(until=32.9)
    assert key in layer.state.invite_servers
    layer.run()
    assert (layer.now, layer.state) == (33.0, EMPTY)
    assert layer.times("200") == [1.0, 1.5]
    assert not layer.times("AckMissing")


def test_an_ack_with_the_branch_of_its_invite_is_delivered_too() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    layer.answer(key, answer(invite, 200))
    ack = request("ACK", to_tag="b1")
    assert layer.hear(ack) == [AckReceived(ack, UDP)]
    layer.stop_2xx(key)
    assert layer.hear(ack) == [AckReceived(ack, UDP)]
    layer.run()
    assert layer.times("200") == [0.0]
    assert not layer.times("AckMissing")


def test_a_failure_is_repeated_until_timer_h() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    layer.answer(key, answer(invite, 486))
    layer.run()
    assert layer.times("486") == DOUBLING_TO_T2
    assert layer.now == 32.0
    assert layer.state == EMPTY


def test_the_ack_of_a_failure_is_absorbed_and_its_copies_for_t4() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    layer.answer(key, answer(invite, 486))
    assert [named(out) for out in layer.hear(invite)] == ["486"]
    layer.now = 0.2
    for at in (0.2, 1.0, 5.1):
        layer.now = at
        assert layer.hear(request("ACK", to_tag="b1")) == []
        assert layer.hear(invite) == []
    layer.run()
    assert layer.now == 5.2
    assert layer.state == EMPTY


def test_over_tcp_a_failure_is_sent_once_and_its_ack_ends_it() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite, TCP))
    layer.answer(key, answer(invite, 486))
    layer.run(until=20.0)
    assert layer.times("486") == [0.0]
    assert layer.hear(request("ACK", to_tag="b1"), TCP) == []
    assert layer.state == EMPTY


def test_a_later_final_response_changes_nothing() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    layer.answer(key, answer(invite, 486))
    assert layer.answer(key, answer(invite, 200)) == []
    assert layer.answer(key, answer(invite, 180)) == []
    assert [named(out) for out in layer.hear(invite)] == ["486"]


def test_cancel_finds_its_invite_whatever_was_answered() -> None:
    layer, invite = Forgetful(), request()
    key = new_key(layer.hear(invite))
    (found,) = layer.hear(cancel_for(invite))
    assert isinstance(found, CancelReceived)
    assert (found.invite_key, found.request) == (key, cancel_for(invite))
    assert layer.hear(cancel_for(invite)) == []
    assert [named(o) for o in layer.answer(found.key, answer(cancel_for(invite), 200))] == ["200"]
    assert [named(o) for o in layer.hear(cancel_for(invite))] == ["200"]


def test_cancel_of_nothing_is_a_new_request() -> None:
    layer = Forgetful()
    layer.hear(request(branch="z9hG4bKb"))
    layer.hear(request(sent_by="192.0.2.3:5060"))
    assert [named(out) for out in layer.hear(request("CANCEL"))] == ["NewRequest"]


def test_an_ack_of_nothing_is_reported() -> None:
    assert [named(out) for out in Forgetful().hear(request("ACK"))] == ["AckReceived"]


# -------------------------------------------------------------------------- non-INVITE server


def test_a_copy_of_another_request_gets_the_latest_response_if_there_is_one() -> None:
    layer, bye = Forgetful(), request("BYE")
    key = new_key(layer.hear(bye))
    assert layer.hear(bye) == []
    layer.answer(key, answer(bye, 100))
    assert [named(out) for out in layer.hear(bye)] == ["100"]
    layer.now = 1.0
    layer.answer(key, answer(bye, 200))
    assert layer.answer(key, answer(bye, 500)) == []
    layer.now = 32.9
    assert [named(out) for out in layer.hear(bye)] == ["200"]
    layer.run(until=33.0)
    assert layer.state == EMPTY


def test_over_tcp_its_answer_ends_it() -> None:
    layer, bye = Forgetful(), request("BYE")
    layer.answer(new_key(layer.hear(bye, TCP)), answer(bye, 200))
    assert layer.state == EMPTY


def test_an_answer_that_comes_too_late_goes_nowhere() -> None:
    assert Forgetful().answer("z9hG4bKx 192.0.2.2:5060 BYE", answer(request("BYE"), 200)) == []


def test_responses_go_back_where_the_request_came_from() -> None:
    layer, bye = Forgetful(), request("BYE")
    behind_nat = msgspec.structs.replace(UDP, port=40000)
    (out,) = layer.answer(new_key(layer.hear(bye, behind_nat)), answer(bye, 200))
    assert isinstance(out, Transmit)
    assert out.flow == behind_nat


# ----------------------------------------------------------------------------------- RFC 2543


@pytest.mark.parametrize("branch", ["", "z9hG4bK", "1"])
def test_without_a_unique_branch_the_header_fields_identify(branch: str) -> None:
    layer, invite = Forgetful(), request(branch=branch)
    key = new_key(layer.hear(invite))
    assert layer.hear(invite) == []
    assert [named(o) for o in layer.hear(request(branch=branch, cseq=2))] == ["NewRequest"]
    (cancel,) = layer.hear(request("CANCEL", branch=branch))
    assert isinstance(cancel, CancelReceived)
    assert cancel.invite_key == key


def test_its_ack_must_have_the_tag_of_our_failure() -> None:
    layer, invite = Forgetful(), request(branch="")
    key = new_key(layer.hear(invite))
    layer.answer(key, answer(invite, 486))
    stranger = request("ACK", branch="", to_tag="b9")
    assert layer.hear(stranger) == [AckReceived(stranger, UDP)]
    assert layer.hear(request("ACK", branch="", to_tag="b1")) == []
    assert layer.state.invite_servers[key].state is State.CONFIRMED


def test_its_ack_inside_a_dialog_is_found() -> None:
    layer, invite = Forgetful(), request(branch="", to_tag="b1")
    key = new_key(layer.hear(invite))
    layer.answer(key, answer(invite, 488))
    assert layer.hear(request("ACK", branch="", to_tag="b1")) == []
    assert layer.state.invite_servers[key].state is State.CONFIRMED


# ----------------------------------------------------------------------------- merged requests


def test_a_request_that_came_over_another_path_is_merged() -> None:
    layer, direct = Forgetful(), request()
    detour = request(branch="z9hG4bKb", sent_by="192.0.2.9")
    key = new_key(layer.hear(direct))
    assert not layer.state.is_merged(key)
    detour_key = new_key(layer.hear(detour))
    assert layer.state.is_merged(detour_key)
    assert not layer.state.is_merged(key)
    layer.answer(detour_key, answer(detour, 482))
    layer.answer(key, answer(direct, 486))
    layer.run()
    assert layer.state == EMPTY


def test_inside_a_dialog_or_with_another_cseq_nothing_is_merged() -> None:
    layer = Forgetful()
    layer.hear(request())
    for other in (
        request(branch="z9hG4bKb", to_tag="b1"),
        request(branch="z9hG4bKc", to_tag="b1"),
        request(branch="z9hG4bKd", cseq=2),
        request("OPTIONS", branch="z9hG4bKe"),
    ):
        assert not layer.state.is_merged(new_key(layer.hear(other)))


def test_once_the_first_is_over_there_is_nothing_to_merge_with() -> None:
    layer, first_one = Forgetful(), request("OPTIONS")
    layer.answer(new_key(layer.hear(first_one, TCP)), answer(first_one, 200))
    second = request("OPTIONS", branch="z9hG4bKb")
    assert not layer.state.is_merged(new_key(layer.hear(second, TCP)))


# -------------------------------------------------------------------------------------- upkeep


def test_a_late_wake_fires_in_the_order_of_time() -> None:
    layer = Forgetful()
    layer.send(request("BYE", branch="z9hG4bKa"))
    layer.now = 0.2
    layer.send(request("OPTIONS", branch="z9hG4bKb"))
    layer.now = 0.3
    layer.send(request("INFO", branch="z9hG4bKc"))
    assert [named(out) for out in layer.wake(0.75)] == ["BYE", "OPTIONS"]
    assert [named(out) for out in layer.wake(0.8)] == ["INFO"]


def test_after_a_stall_each_request_is_sent_once_and_fails_if_it_is_too_late() -> None:
    layer = Forgetful()
    layer.send(request("BYE"))
    assert [named(out) for out in layer.wake(20.0)] == ["BYE"]
    assert [named(out) for out in layer.wake(50.0)] == ["BYE", "ClientFailed timeout"]
    assert layer.state == EMPTY


def test_the_heap_stays_bounded_behind_a_timer_that_is_still_to_come() -> None:
    layer, invite = Transactions(), request()
    layer.client_request(invite, UDP, 0.0)
    layer.receive_response(answer(invite, 200), 0.0)
    for number in range(500):
        bye = request("BYE", branch=f"z9hG4bK{number}")
        layer.client_request(bye, TCP, 1.0)
        layer.receive_response(answer(bye, 200), 1.0)
        assert len(layer.timers) <= 2 + SLACK
        assert layer.deadline() == 32.0
    layer.wake(1000.0)
    assert layer == EMPTY


def test_deadline_is_that_of_the_next_timer() -> None:
    layer, invite = Forgetful(), request()
    assert layer.state.deadline() is None
    layer.send(invite)
    assert layer.state.deadline() == 0.5
    layer.hear(answer(invite, 100))
    layer.now = 0.3
    layer.send(request("BYE", branch="z9hG4bKb"))
    assert layer.state.deadline() == 0.8
