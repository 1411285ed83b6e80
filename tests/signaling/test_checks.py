"""What is looked at before a command is applied."""

import pytest

from bus.errors import BadRequestError
from bus.ids import StreamId
from bus.sources import Leg, Silence
from signaling.checks import check_headers, check_source, check_text, check_uri


@pytest.mark.parametrize("name", ["Via", "v", "FROM", "t", "Contact", "Authorization"])
def test_headers_of_the_stack_cannot_be_set(name: str) -> None:
    with pytest.raises(BadRequestError, match="headers"):
        check_headers(((name, "x"),))


@pytest.mark.parametrize("header", [("X-A", "b\r\nVia: c"), ("X A", "b"), ("", "b")])
def test_nothing_can_be_smuggled_in(header: tuple[str, str]) -> None:
    with pytest.raises(BadRequestError, match="headers"):
        check_headers((header,))


def test_others_can() -> None:
    check_headers((("X-Account", "17"), ("Subject", "hello")))


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(BadRequestError, match="uri"):
        check_uri("uri", "no uri")
    with pytest.raises(BadRequestError, match="reason"):
        check_text("reason", "a\nb")
    with pytest.raises(BadRequestError, match="play"):
        check_source(Leg(stream=StreamId(1)))
    check_source(Silence())
