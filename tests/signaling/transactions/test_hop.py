from signaling.sip.message import every, first
from signaling.sip.render import render
from signaling.transactions.hop import ack_for, ack_template, cancel_for
from tests.signaling.transactions.drive import answer, request

ROUTED = request(
    headers=(
        ("Route", "<sip:p1.test;lr>"),
        ("Route", "<sip:p2.test>"),
        ("Contact", "<sip:alice@192.0.2.2>"),
        ("Require", "100rel"),
        ("Proxy-Require", "x"),
    )
)
ROUTED.headers.insert(1, ("Via", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKlower"))


def test_cancel_is_the_invites_own_but_for_the_method() -> None:
    cancel = cancel_for(ROUTED)
    assert (cancel.method, cancel.uri, cancel.body) == ("CANCEL", ROUTED.uri, b"")
    for name in ("Route", "From", "To", "Call-ID"):
        assert every(cancel, name) == every(ROUTED, name)
    assert first(cancel, "CSeq") == "1 CANCEL"
    assert every(cancel, "Via") == every(ROUTED, "Via")[:1]


def test_cancel_requires_nothing_and_has_no_contact() -> None:
    names = {name for name, _ in cancel_for(ROUTED).headers}
    assert not names & {"Require", "Proxy-Require", "Contact"}
    assert b"Max-Forwards: 70\r\n" in render(cancel_for(ROUTED))


def test_ack_takes_its_to_from_the_response() -> None:
    template = ack_template(ROUTED)
    for tag in ("b1", "b2"):
        ack = ack_for(template, answer(ROUTED, 486, tag))
        assert every(ack, "To") == [f"<sip:bob@192.0.2.1>;tag={tag}"]
    assert first(template, "To") is None
