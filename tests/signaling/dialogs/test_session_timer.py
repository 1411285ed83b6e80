"""RFC 4028, without a network: each row of its tables, and two sides that always agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.dialogs.session_timer import (
    MOST_RAISES,
    REFRESHER,
    Role,
    SessionTimer,
    Wanted,
    ask,
    expires_after,
    grant,
    hear,
    raised,
    refresh_after,
    too_brief,
)
from signaling.sip.message import Header, Request, Response

USUAL = Wanted(1800, 90)
TIMER = ("Supported", "timer")


def request(*headers: Header) -> Request:
    return Request(method="INVITE", uri="sip:bob@192.0.2.2", headers=list(headers), body=b"")


def response(*headers: Header, status: int = 200) -> Response:
    return Response(status=status, reason="", headers=list(headers), body=b"")


@pytest.mark.parametrize(("supports", "asked"), REFRESHER)
def test_who_refreshes(supports: bool, asked: str) -> None:
    """RFC 4028 table 2; a UAC without timers that names itself is believed."""
    suffix = f";refresher={asked}" if asked else ""
    headers = [("Session-Expires", f"1800{suffix}"), *([TIMER] if supports else [])]
    timer = SessionTimer()
    answer = grant(timer, USUAL, request(*headers))
    expected = "uas" if asked == "uas" or not (supports or asked) else "uac"
    assert answer[0] == ("Session-Expires", f"1800;refresher={expected}")
    assert (("Require", "timer") in answer) == (expected == "uac")
    assert (timer.ours, timer.mutual) == (expected == "uas", supports)


@pytest.mark.parametrize(
    ("wanted", "asked", "least", "granted"),
    [
        (1800, 0, 0, 1800),
        (1800, 0, 3600, 3600),
        (1800, 600, 0, 600),
        (1800, 7200, 0, 1800),
        (1800, 7200, 3600, 3600),
        (0, 0, 0, 0),
        (0, 0, 3600, 0),
        (0, 7200, 0, 7200),
        (0, 60, 0, 60),
    ],
)
def test_how_long(wanted: int, asked: int, least: int, granted: int) -> None:
    """Never longer than asked, never below the Min-SE, else as the settings say."""
    headers = [TIMER]
    headers += [("Session-Expires", str(asked))] if asked else []
    headers += [("Min-SE", str(least))] if least else []
    timer = SessionTimer(interval=77)
    answer = grant(timer, Wanted(wanted, 90), request(*headers))
    assert timer.interval == granted
    assert bool(answer) == bool(granted)


@pytest.mark.parametrize(
    ("headers", "brief"),
    [
        ((TIMER, ("Session-Expires", "89")), True),
        ((TIMER, ("Session-Expires", "90")), False),
        ((("Session-Expires", "89"),), False),
        ((TIMER,), False),
        ((TIMER, ("Session-Expires", "nonsense")), False),
    ],
)
def test_too_brief(headers: tuple[Header, ...], brief: bool) -> None:
    """A 422 is only for who understands it (RFC 4028 9)."""
    assert too_brief(request(*headers), USUAL) == brief


@pytest.mark.parametrize(
    ("timer", "headers"),
    [
        (SessionTimer(), [("Session-Expires", "1800")]),
        (SessionTimer(interval=90), [("Session-Expires", "90;refresher=uac")]),
        (SessionTimer(interval=90, ours=False), [("Session-Expires", "90;refresher=uas")]),
        (SessionTimer(floor=3600), [("Session-Expires", "3600"), ("Min-SE", "3600")]),
    ],
)
def test_what_we_ask(timer: SessionTimer, headers: list[Header]) -> None:
    assert ask(timer, USUAL) == headers


def test_switched_off_we_ask_nothing() -> None:
    assert ask(SessionTimer(), Wanted(0, 90)) == []
    assert ask(SessionTimer(interval=90), Wanted(0, 90))


@pytest.mark.parametrize(
    ("value", "heard"),
    [
        ("90;refresher=uac", (90, True, True)),
        ("90;refresher=uas", (90, False, True)),
        ("90", (90, True, True)),
        ("", (0, True, False)),
    ],
)
def test_what_we_hear(value: str, heard: tuple[int, bool, bool]) -> None:
    timer = SessionTimer(interval=600, ours=False, mutual=True)
    hear(timer, response(("Session-Expires", value)) if value else response())
    assert (timer.interval, timer.ours, timer.mutual) == heard


def test_a_422_raises_by_steps_and_not_for_ever() -> None:
    timer = SessionTimer()
    assert not raised(timer, USUAL, response(status=422))
    assert not raised(timer, USUAL, response(("Min-SE", "1800"), status=422))
    for step in range(MOST_RAISES):
        assert raised(timer, USUAL, response(("Min-SE", str(1801 + step)), status=422))
        assert not raised(timer, USUAL, response(("Min-SE", str(1801 + step)), status=422))
    assert not raised(timer, USUAL, response(("Min-SE", "9999"), status=422))


@pytest.mark.parametrize(("interval", "ends"), [(90, 60.0), (96, 64.0), (1800, 1768.0)])
def test_the_end_comes_before_the_interval_is_over(interval: int, ends: float) -> None:
    """RFC 4028 10: by the smaller of 32 s and a third."""
    assert expires_after(SessionTimer(interval=interval, mutual=True)) == ends
    assert expires_after(SessionTimer(interval=interval, mutual=False)) == 0


@given(st.sampled_from([0, 90, 600, 1800]), st.sampled_from([0, 90, 600, 1800]), st.booleans())
def test_two_sides_agree(ours: int, theirs: int, first_is_refresher: bool) -> None:
    """On the length and on one refresher, who refreshes before either would end it."""
    caller, callee = Wanted(ours, 90), Wanted(theirs, 90)
    uac, uas = SessionTimer(), SessionTimer()
    for _ in range(2):
        hear(uac, response(*grant(uas, callee, request(TIMER, *ask(uac, caller)))))
        assert uac.interval == uas.interval
        if uac.interval:
            assert uac.ours != uas.ours
            refresher = uac if uac.ours else uas
            assert refresh_after(refresher, caller) < expires_after(uas)
        if first_is_refresher:
            uac, uas, caller, callee = uas, uac, callee, caller


def test_a_peer_cannot_make_us_refresh_all_the_time() -> None:
    assert refresh_after(SessionTimer(interval=1), USUAL) == 5.0


def test_roles() -> None:
    assert [str(role) for role in Role] == ["uac", "uas"]
