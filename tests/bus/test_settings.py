import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.settings import Listener, MediaSettings, Settings, SipSettings, parse_listener, problems


def test_the_defaults_have_no_problem() -> None:
    assert list(problems(Settings())) == []


def test_every_problem_is_found() -> None:
    settings = Settings(
        sip=SipSettings(listen=("udp:", "tcp:h:1", "x")),
        media=MediaSettings(port_first=7, port_last=6),
    )
    found = [key for key, _ in problems(settings)]
    assert found == ["sip.listen", "sip.listen", "media.port_first", "media.port_last"]


@pytest.mark.parametrize(
    ("text", "listener"),
    [
        ("udp:127.0.0.1:5060", Listener("udp", "127.0.0.1", 5060)),
        ("tcp:example.com:0", Listener("tcp", "example.com", 0)),
        ("udp:[::1]:65535", Listener("udp", "::1", 65535)),
    ],
)
def test_listeners_are_read(text: str, listener: Listener) -> None:
    assert parse_listener(text) == listener


@pytest.mark.parametrize(
    "text",
    [
        *("", "udp", "udp:", "udp:5060", "udp::5060", "udp:h:", "udp:h:x", "udp:h:65536"),
        *("udp:h:-1", "udp:::1:5060", "udp:[::1:5060", "udp:[]:5060", "tls:h:5061", "udp:h:\u0661"),
    ],
)
def test_other_texts_are_not_listeners(text: str) -> None:
    with pytest.raises(ValueError, match=r"udp|tcp"):
        parse_listener(text)


@given(st.text())
def test_no_text_does_worse_than_a_value_error(text: str) -> None:
    try:
        parse_listener(text)
    except ValueError as error:
        assert str(error)
