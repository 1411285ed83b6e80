import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.places import Listener, parse_listener, parse_nameserver


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("udp:127.0.0.1:5060", Listener("udp", "127.0.0.1", 5060)),
        ("tcp:example.com:0", Listener("tcp", "example.com", 0)),
        ("udp:[::1]:65535", Listener("udp", "::1", 65535)),
        ("tls:0.0.0.0:5061/203.0.113.5", Listener("tls", "0.0.0.0", 5061, "203.0.113.5")),
        ("wss:h:443/[2001:db8::1]:8443", Listener("wss", "h", 443, "2001:db8::1", 8443)),
    ],
)
def test_listeners_are_read(text: str, listener: Listener) -> None:
    assert parse_listener(text) == listener


@pytest.mark.parametrize(
    "text",
    [
        *("", "udp", "udp:", "udp:5060", "udp::5060", "udp:h:", "udp:h:x", "udp:h:65536"),
        *("udp:h:1/", "udp:h:1/a:x", "udp:h:1/:2", "udp:h/a:2"),
        *(
            "udp:h:-1",
            "udp:::1:5060",
            "udp:[::1:5060",
            "udp:[]:5060",
            "sctp:h:5061",
            "udp:h:\u0661",
        ),
    ],
)
def test_other_texts_are_not_listeners(text: str) -> None:
    with pytest.raises(ValueError, match=r"udp|sctp"):
        parse_listener(text)


@given(st.text())
def test_no_text_does_worse_than_a_value_error(text: str) -> None:
    try:
        parse_listener(text)
    except ValueError as error:
        assert str(error)


def test_a_name_server_is_an_address_and_maybe_a_port() -> None:
    assert parse_nameserver("192.0.2.53") == ("192.0.2.53", 53)
    assert parse_nameserver("[::1]:5353") == ("::1", 5353)
