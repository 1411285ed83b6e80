"""Seconds in header fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.intervals import (
    LONGEST,
    delta_seconds,
    render_session_expires,
    session_expires,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("18000;duration=3600", 18000),
        ("120 (I'm in a meeting)", 120),
        ("0", 0),
        (" 7 ", 7),
        ("", -1),
        ("soon", -1),
        ("-3", -1),
        ("1.5", -1),
        ("٣", -1),
        ("9999999999", LONGEST),
        ("99999999999", -1),
    ],
)
def test_delta_seconds(text: str, seconds: int) -> None:
    assert delta_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("3600", (3600, "")),
        ("3600;refresher=uac", (3600, "uac")),
        ("3600 ; Refresher = UAS ;x=y", (3600, "uas")),
        ("3600;refresher=proxy", (3600, "")),
        ("3600;refresher", (3600, "")),
        ("never;refresher=uac", (0, "uac")),
        ("", (0, "")),
        ("90" + ";x" * 1000, (90, "")),
    ],
)
def test_session_expires(text: str, read: tuple[int, str]) -> None:
    assert session_expires(text) == read


@given(st.integers(0, LONGEST), st.sampled_from(["", "uac", "uas"]))
def test_what_is_written_is_read(seconds: int, refresher: str) -> None:
    assert session_expires(render_session_expires(seconds, refresher)) == (seconds, refresher)


@given(st.text(max_size=40))
def test_nothing_breaks_it(text: str) -> None:
    assert -1 <= delta_seconds(text) <= LONGEST
    assert session_expires(text)[0] >= 0
