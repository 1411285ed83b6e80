import msgspec
import pytest

from signaling.sip.errors import SipError
from signaling.sip.headers import Via
from signaling.sip.message import Request
from signaling.transactions.matching import (
    client_key,
    identity_of,
    invite_keys_of_ack,
    response_flow,
    server_key,
    tag_of,
)
from tests.signaling.transactions.drive import TCP, UDP, answer, request


def with_via(value: str) -> Request:
    given = request()
    given.headers[0] = ("Via", value)
    return given


def test_a_response_finds_its_request_by_branch_and_method() -> None:
    invite = request()
    assert client_key(answer(invite, 200)) == client_key(invite)
    assert client_key(invite, "CANCEL") == client_key(request("CANCEL"))
    assert client_key(request(branch="z9hG4bKb")) != client_key(invite)


def test_the_key_of_an_invite_ends_with_its_method() -> None:
    assert client_key(request()).split()[-1] == "INVITE"


def test_client_and_server_keys_never_meet() -> None:
    for branch in ("z9hG4bKa", "z9hG4bK", ""):
        assert server_key(request(branch=branch)) != client_key(request(branch=branch))


@pytest.mark.parametrize(
    ("branch", "unique"),
    [("z9hG4bKa", True), ("Z9HG4BKa", True), ("z9hG4bK", False), ("a", False), (None, False)],
)
def test_a_branch_is_unique_if_it_has_more_than_the_cookie(
    branch: str | None, unique: bool
) -> None:
    parameters = () if branch is None else (("branch", branch),)
    via = Via(transport="UDP", host="a", port=None, parameters=parameters)
    assert via.identifies is unique


def test_sent_by_and_method_tell_server_transactions_apart() -> None:
    keys = {
        server_key(request()),
        server_key(request("OPTIONS")),
        server_key(request(sent_by="192.0.2.3:5060")),
        server_key(request(sent_by="192.0.2.2:5062")),
        server_key(request(branch="z9hG4bKb")),
    }
    assert len(keys) == 5


def test_the_default_port_and_case_of_sent_by_do_not() -> None:
    assert server_key(request(sent_by="Host.test")) == server_key(request(sent_by="host.test:5060"))


@pytest.mark.parametrize("branch", ["z9hG4bKa", ""])
def test_ack_and_cancel_find_their_invite(branch: str) -> None:
    invite = request(branch=branch)
    assert server_key(request("CANCEL", branch=branch), "INVITE") == server_key(invite)
    ack = request("ACK", branch=branch, to_tag="b1")
    assert invite_keys_of_ack(ack)[0] == server_key(invite)


def test_rfc_2543_compares_all_that_identifies() -> None:
    def changed(name: str, value: str) -> Request:
        given = request(branch="")
        given.headers = [(name, value) if key == name else (key, old) for key, old in given.headers]
        return given

    others = [
        changed("From", "<sip:alice@192.0.2.2>;tag=a2"),
        changed("To", "<sip:bob@192.0.2.1>;tag=b1"),
        changed("Call-ID", "call-2"),
        changed("CSeq", "2 INVITE"),
        changed("Via", "SIP/2.0/UDP 192.0.2.3"),
        changed("Via", "SIP/2.0/TCP 192.0.2.2:5060"),
        msgspec.structs.replace(request(branch=""), uri="sip:carol@192.0.2.1"),
    ]
    assert len({server_key(given) for given in [request(branch=""), *others]}) == 8


def test_what_we_stamped_on_the_via_does_not_identify() -> None:
    plain = "SIP/2.0/UDP 192.0.2.2;rport"
    stamped = [f"{plain}={port};received=192.0.2.9" for port in (5060, 40000)]
    assert len({server_key(with_via(value)) for value in (plain, *stamped)}) == 1


def test_what_cannot_be_read_has_no_key() -> None:
    for via in ("", "SIP/2.0/UDP"):
        with pytest.raises(SipError):
            server_key(with_via(via))


def test_requests_in_a_dialog_have_no_identity() -> None:
    assert identity_of(request(to_tag="b1")) == ""
    assert identity_of(request()) == identity_of(request(branch="z9hG4bKb", sent_by="other"))
    assert identity_of(request()) != identity_of(request("OPTIONS"))


@pytest.mark.parametrize(
    ("via", "port"),
    [
        ("SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKa", 5070),
        ("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa", 5060),
        ("SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKa;rport=40000", 40000),
        ("SIP/2.0/UDP 192.0.2.2:5070;rport;branch=z9hG4bKa", 40000),
        ("SIP/2.0/UDP 192.0.2.2:5070;branch=z9hG4bKa;maddr=198.51.100.1", 5070),
    ],
)
def test_responses_go_to_the_source_address_and_the_port_asked_for(via: str, port: int) -> None:
    source = msgspec.structs.replace(UDP, port=40000)
    assert response_flow(with_via(via), source) == msgspec.structs.replace(UDP, port=port)


def test_responses_use_the_connection_again() -> None:
    assert response_flow(with_via("SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKa"), TCP) == TCP


def test_the_connection_after_it_is_opened_to_sent_by() -> None:
    """RFC 3261 18.2.2; rport is about datagrams."""
    source = msgspec.structs.replace(TCP, port=40000, connection="7")
    for via, port in (("SIP/2.0/TCP h:5070;rport", 5070), ("SIP/2.0/TLS h;rport", 5061)):
        there = msgspec.structs.replace(source, port=port)
        assert response_flow(with_via(f"{via};branch=z9hG4bKa"), source) == there


def test_a_missing_tag_is_empty() -> None:
    assert (tag_of(request(), "To"), tag_of(request(), "From")) == ("", "a1")
    assert tag_of(Request(method="INVITE", uri="sip:b", headers=[]), "To") == ""
