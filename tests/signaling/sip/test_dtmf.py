import pytest

from signaling.sip.dtmf import DIGITS, PLAIN, RELAY, Press, parse_press, render_press
from signaling.sip.errors import ParseError


@pytest.mark.parametrize("digit", DIGITS)
def test_what_is_written_is_read_again(digit: str) -> None:
    relay = render_press(Press(digit, 160), RELAY)
    assert relay == f"Signal={digit}\r\nDuration=160\r\n".encode()
    assert parse_press(RELAY, relay) == Press(digit, 160)
    plain = render_press(Press(digit, 160), PLAIN)
    assert plain == digit.encode()
    assert parse_press(PLAIN, plain) == Press(digit, 100)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"Signal= 5\r\nDuration= 160", Press("5", 160)),
        (b"signal=5\nduration=90\n", Press("5", 90)),
        (b"Duration=90\r\nSignal=a\r\n", Press("A", 90)),
        (b"Signal=10\r\n", Press("*", 100)),
        (b"Signal=11\r\n", Press("#", 100)),
        (b"Signal=15", Press("D", 100)),
    ],
)
def test_how_phones_write_it(body: bytes, expected: Press) -> None:
    assert parse_press("Application/DTMF-Relay;charset=utf-8", body) == expected


@pytest.mark.parametrize(("body", "digit"), [(b"5\r\n", "5"), (b" # ", "#"), (b"Signal=7", "7")])
def test_a_plain_digit(body: bytes, digit: str) -> None:
    assert parse_press("application/dtmf", body) == Press(digit, 100)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"5",
        b"Signal=",
        b"Signal=16",
        b"Signal=x",
        b"Signal=**",
        b"Signal=5\r\nDuration=long",
        b"Signal=5\r\nDuration=",
        b"Signal=5\r\nDuration=100000",
        b"Signal=\xff",
        b"NoSignal=5",
    ],
)
def test_what_is_no_digit(body: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        parse_press(RELAY, body)
    assert caught.value.status == 400


@pytest.mark.parametrize("body", [b"", b"55x", b"E", b"5 5", b"99"])
def test_what_is_no_plain_digit(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse_press(PLAIN, body)
