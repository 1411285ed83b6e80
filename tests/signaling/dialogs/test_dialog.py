import msgspec
import pytest

from signaling.dialogs.dialog import (
    Dialog,
    ack_for_2xx,
    check_in_dialog,
    confirm,
    dialog_key,
    matches,
    next_request,
    uac_dialog,
    uas_dialog,
    update_target,
)
from signaling.sip.errors import LocalError, SipError
from signaling.sip.headers import CSEQ_END
from signaling.sip.message import Header, Request, Response, every, first
from signaling.sip.parse import parse_message
from signaling.sip.render import render, respond

ALICE, BOB = "<sip:alice@192.0.2.2:5060>", "<sip:bob@192.0.2.4:5080>"
OUR_VIA = "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKnext;rport"
RECORD_ROUTE: tuple[Header, ...] = (
    ("Record-Route", "<sip:p2.test;lr>"),
    ("Record-Route", "<sip:p1.test;lr>"),
)


def invite(*, cseq: int = 7, headers: tuple[Header, ...] = (), from_tag: str = "a1") -> Request:
    return Request(
        method="INVITE",
        uri="sip:bob@b.test",
        headers=[
            ("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKinvite"),
            ("From", '"A. Lice" <sip:alice@a.test>' + (f";tag={from_tag}" if from_tag else "")),
            ("To", "<sip:bob@b.test>;x=y"),
            ("Call-ID", "call-1"),
            ("CSeq", f"{cseq} INVITE"),
            ("Contact", ALICE),
            *headers,
        ],
    )


def answer(
    status: int = 200,
    *,
    given: Request | None = None,
    to_tag: str = "b1",
    contact: str = BOB,
) -> Response:
    headers = [("Contact", contact)] if contact else []
    routed = given or invite(headers=RECORD_ROUTE)
    return respond(routed, status, to_tag=to_tag, headers=headers)


def caller() -> Dialog:
    """The caller's side of a dialog over two proxies."""
    return uac_dialog(invite(), answer())


def from_peer(method: str, cseq: int, *headers: Header) -> Request:
    """What the callee sends to the caller."""
    return Request(
        method=method,
        uri="sip:alice@192.0.2.2:5060",
        headers=[
            ("From", "<sip:bob@b.test>;tag=b1"),
            ("To", "<sip:alice@a.test>;tag=a1"),
            ("Call-ID", "call-1"),
            ("CSeq", f"{cseq} {method}"),
            *headers,
        ],
    )


# ------------------------------------------------------------------------------------ making


def test_the_callee_keeps_the_record_route_in_its_order() -> None:
    dialog = uas_dialog(invite(headers=RECORD_ROUTE), "b1", listener="udp:192.0.2.4:5080")
    assert dialog == Dialog(
        call_id="call-1",
        local_tag="b1",
        remote_tag="a1",
        local_uri="<sip:bob@b.test>;x=y",
        remote_uri='"A. Lice" <sip:alice@a.test>',
        remote_target="sip:alice@192.0.2.2:5060",
        route_set=["<sip:p2.test;lr>", "<sip:p1.test;lr>"],
        local_cseq=0,
        remote_cseq=7,
        confirmed=False,
        listener="udp:192.0.2.4:5080",
    )


def test_the_caller_turns_the_record_route_around() -> None:
    assert caller() == Dialog(
        call_id="call-1",
        local_tag="a1",
        remote_tag="b1",
        local_uri='"A. Lice" <sip:alice@a.test>',
        remote_uri="<sip:bob@b.test>;x=y",
        remote_target="sip:bob@192.0.2.4:5080",
        route_set=["<sip:p1.test;lr>", "<sip:p2.test;lr>"],
        local_cseq=7,
        remote_cseq=-1,
        confirmed=True,
    )


@pytest.mark.parametrize(("status", "confirmed"), [(180, False), (183, False), (200, True)])
def test_a_provisional_makes_an_early_dialog(status: int, confirmed: bool) -> None:
    assert uac_dialog(invite(), answer(status)).confirmed is confirmed


def test_each_to_tag_of_a_fork_is_a_dialog_of_its_own() -> None:
    forks = [uac_dialog(invite(), answer(180, to_tag=tag)) for tag in ("b1", "b2", "b3")]
    assert len({fork.key for fork in forks}) == 3


def test_the_two_ends_have_the_same_dialog_turned_around() -> None:
    there = uas_dialog(invite(headers=RECORD_ROUTE), "b1")
    assert there.key == dialog_key("call-1", "b1", "a1")
    assert caller().key == dialog_key("call-1", "a1", "b1")
    assert caller().route_set == there.route_set[::-1]


def test_tags_that_rfc_2543_lacks_are_empty() -> None:
    old = invite(from_tag="")
    assert uas_dialog(old, "b1").remote_tag == ""
    assert uac_dialog(invite(), answer(to_tag="")).remote_tag == ""
    assert matches(uas_dialog(old, "b1"), respond(from_b_to_a(), 200)) is False


def from_b_to_a() -> Request:
    return from_peer("BYE", 1)


def test_without_contact_the_other_end_is_its_address() -> None:
    bare = invite()
    bare.headers = [header for header in bare.headers if header[0] != "Contact"]
    assert uas_dialog(bare, "b1").remote_target == "sip:alice@a.test"
    assert uac_dialog(invite(), answer(contact="")).remote_target == "sip:bob@b.test"


def test_what_cannot_be_read_makes_no_dialog() -> None:
    broken = invite()
    broken.headers = [header for header in broken.headers if header[0] != "From"]
    with pytest.raises(SipError):
        uas_dialog(broken, "b1")


def test_a_dialog_survives_being_encoded() -> None:
    frame = msgspec.msgpack.encode(caller())
    assert msgspec.msgpack.decode(frame, type=Dialog) == caller()


# -------------------------------------------------------------------------------- confirming


def test_confirming_computes_the_route_again_and_keeps_the_numbers() -> None:
    dialog = uac_dialog(invite(), answer(180, given=invite()))
    assert dialog.route_set == []
    next_request(dialog, "UPDATE", via=OUR_VIA)
    dialog.remote_cseq = 3
    confirm(dialog, answer(200, contact="<sip:bob@192.0.2.5>"))
    assert dialog.confirmed
    assert dialog.route_set == ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]
    assert dialog.remote_target == "sip:bob@192.0.2.5"
    assert (dialog.local_cseq, dialog.remote_cseq) == (8, 3)


def test_a_confirmed_route_set_never_changes() -> None:
    dialog = caller()
    confirm(dialog, answer(200, given=invite()))
    assert dialog.route_set == caller().route_set


# ---------------------------------------------------------------------------------- matching


def test_requests_and_responses_of_the_peer_match_by_all_three() -> None:
    dialog = caller()
    assert matches(dialog, from_peer("BYE", 1))
    assert matches(dialog, answer())
    assert not matches(dialog, answer(to_tag="b2"))
    for name, value in (
        ("Call-ID", "call-2"),
        ("From", "<sip:bob@b.test>;tag=b2"),
        ("From", "<sip:bob@b.test>"),
        ("To", "<sip:alice@a.test>;tag=a2"),
    ):
        other = from_peer("BYE", 1)
        other.headers = [(n, value if n == name else v) for n, v in other.headers]
        assert not matches(dialog, other)


def test_an_rfc_2543_peer_matches_without_its_tag() -> None:
    dialog, bye = uas_dialog(invite(from_tag=""), "b1"), from_peer("BYE", 8)
    bye.headers[0] = ("From", "<sip:alice@a.test>")
    bye.headers[1] = ("To", "<sip:bob@b.test>;tag=b1")
    assert matches(dialog, bye)


# ------------------------------------------------------------------------------- remote CSeq


def test_numbers_go_up_with_gaps_and_lower_ones_are_refused() -> None:
    dialog = uas_dialog(invite(), "b1")
    assert check_in_dialog(dialog, from_peer("INFO", 8)) is None
    assert check_in_dialog(dialog, from_peer("INFO", 20)) is None
    refusal = check_in_dialog(dialog, from_peer("INFO", 19))
    assert refusal is not None
    assert refusal.status == 500
    assert dialog.remote_cseq == 20
    assert check_in_dialog(dialog, from_peer("BYE", 20)) is None


def test_the_first_request_of_the_callee_may_have_any_number() -> None:
    dialog = caller()
    assert check_in_dialog(dialog, from_peer("BYE", 0)) is None
    assert dialog.remote_cseq == 0


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_are_exempt(method: str) -> None:
    dialog = uas_dialog(invite(), "b1")
    assert check_in_dialog(dialog, from_peer("INFO", 9)) is None
    assert check_in_dialog(dialog, from_peer(method, 7)) is None
    assert dialog.remote_cseq == 9


@pytest.mark.parametrize("number", [CSEQ_END, CSEQ_END + 1, 1 << 32])
def test_numbers_from_2_to_the_31_are_refused(number: int) -> None:
    dialog = uas_dialog(invite(), "b1")
    refusal = check_in_dialog(dialog, from_peer("BYE", number))
    assert refusal is not None
    assert refusal.status == 400
    assert dialog.remote_cseq == 7
    assert check_in_dialog(dialog, from_peer("BYE", CSEQ_END - 1)) is None


# ---------------------------------------------------------------------------- target refresh


@pytest.mark.parametrize("method", ["INVITE", "UPDATE", "REFER", "SUBSCRIBE", "NOTIFY"])
def test_a_target_refresh_moves_the_target_and_nothing_else(method: str) -> None:
    dialog, before = caller(), caller()
    contact = ("Contact", "<sip:bob@192.0.2.9>")
    update_target(dialog, from_peer(method, 1, contact, *RECORD_ROUTE[:1]))
    assert dialog == msgspec.structs.replace(before, remote_target="sip:bob@192.0.2.9")


@pytest.mark.parametrize("method", ["BYE", "INFO", "OPTIONS", "ACK", "MESSAGE"])
def test_other_requests_do_not(method: str) -> None:
    dialog = caller()
    update_target(dialog, from_peer(method, 1, ("Contact", "<sip:bob@192.0.2.9>")))
    assert dialog == caller()


def test_a_target_refresh_without_contact_changes_nothing() -> None:
    dialog = caller()
    update_target(dialog, from_peer("INVITE", 1))
    assert dialog == caller()


@pytest.mark.parametrize(("status", "moves"), [(200, True), (183, False), (488, False)])
def test_the_2xx_to_our_refresh_moves_the_target(status: int, moves: bool) -> None:
    dialog = caller()
    update_target(dialog, answer(status, contact="<sip:bob@192.0.2.9>"))
    assert (dialog.remote_target == "sip:bob@192.0.2.9") is moves


def test_the_2xx_to_a_bye_does_not() -> None:
    dialog, bye = caller(), from_peer("BYE", 1)
    headers = [("Contact", "<sip:bob@192.0.2.9>")]
    update_target(dialog, respond(bye, 200, headers=headers))
    assert dialog == caller()


# ---------------------------------------------------------------------------------- requests


def test_the_next_request_is_routed_numbered_and_tagged() -> None:
    dialog = caller()
    bye = next_request(dialog, "BYE", via=OUR_VIA, headers=[("Reason", "SIP;cause=200")])
    assert bye == Request(
        method="BYE",
        uri="sip:bob@192.0.2.4:5080",
        headers=[
            ("Via", OUR_VIA),
            ("Route", "<sip:p1.test;lr>"),
            ("Route", "<sip:p2.test;lr>"),
            ("Max-Forwards", "70"),
            ("From", '"A. Lice" <sip:alice@a.test>;tag=a1'),
            ("To", "<sip:bob@b.test>;x=y;tag=b1"),
            ("Call-ID", "call-1"),
            ("CSeq", "8 BYE"),
            ("Reason", "SIP;cause=200"),
        ],
    )
    assert first(next_request(dialog, "INFO", via=OUR_VIA), "CSeq") == "9 INFO"


def test_a_body_has_its_type_and_a_contact_its_place() -> None:
    again = next_request(
        caller(),
        "INVITE",
        via=OUR_VIA,
        contact=ALICE,
        body=b"v=0\r\n",
        content_type="application/sdp",
    )
    assert (first(again, "Contact"), first(again, "Content-Type")) == (ALICE, "application/sdp")
    parsed = parse_message(render(again))
    assert parsed == again


def test_the_first_request_of_the_callee_is_numbered_1() -> None:
    bye = next_request(uas_dialog(invite(), "b1"), "BYE", via=OUR_VIA)
    assert first(bye, "CSeq") == "1 BYE"
    assert first(bye, "From") == "<sip:bob@b.test>;x=y;tag=b1"
    assert first(bye, "To") == '"A. Lice" <sip:alice@a.test>;tag=a1'


def test_an_empty_tag_is_left_out() -> None:
    bye = next_request(uas_dialog(invite(from_tag=""), "b1"), "BYE", via=OUR_VIA)
    assert first(bye, "To") == '"A. Lice" <sip:alice@a.test>'


def test_a_strict_router_changes_request_uri_and_route() -> None:
    dialog = caller()
    dialog.route_set = ["<sip:strict.test>", "<sip:p2.test;lr>"]
    bye = next_request(dialog, "BYE", via=OUR_VIA)
    assert bye.uri == "sip:strict.test"
    assert every(bye, "Route") == ["<sip:p2.test;lr>", "<sip:bob@192.0.2.4:5080>"]


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_are_not_made_here(method: str) -> None:
    with pytest.raises(LocalError):
        next_request(caller(), method, via=OUR_VIA)


def test_numbers_are_not_used_beyond_the_limit() -> None:
    dialog = caller()
    dialog.local_cseq = CSEQ_END - 2
    assert first(next_request(dialog, "INFO", via=OUR_VIA), "CSeq") == f"{CSEQ_END - 1} INFO"
    with pytest.raises(LocalError):
        next_request(dialog, "BYE", via=OUR_VIA)


def test_the_ack_of_a_2xx_has_the_number_of_its_invite() -> None:
    dialog = caller()
    next_request(dialog, "INFO", via=OUR_VIA)
    before = msgspec.msgpack.encode(dialog)
    ack = ack_for_2xx(dialog, 7, via=OUR_VIA, headers=[("Authorization", "Digest x")])
    assert (first(ack, "CSeq"), ack.uri) == ("7 ACK", "sip:bob@192.0.2.4:5080")
    assert every(ack, "Route") == ["<sip:p1.test;lr>", "<sip:p2.test;lr>"]
    assert first(ack, "Authorization") == "Digest x"
    assert msgspec.msgpack.encode(dialog) == before


def test_an_answer_may_travel_in_the_ack() -> None:
    ack = ack_for_2xx(caller(), 7, via=OUR_VIA, body=b"v=0\r\n", content_type="application/sdp")
    assert (ack.body, first(ack, "Content-Type")) == (b"v=0\r\n", "application/sdp")
