"""Scenario 27: sessions are refreshed, and end where they are not (RFC 4028)."""

import pytest

from bus.calls import Ended, Outcome
from bus.holding import Hold, HoldChanged, Resume
from bus.settings import Settings, SipSettings
from signaling.sdp.parse import parse_sdp
from signaling.sip.message import Header, Request, Response, every, first
from tests.harness.arena import ALICE, BOB, Arena
from tests.harness.network import drop, starts
from tests.harness.station import Station
from tests.signaling.callee import MEDIA, Callee, Says, media
from tests.signaling.carol import caller, connected, heard

SUPPORTED = ("Supported", "timer")


def settings(interval: int, least: int = 90) -> Settings:
    return Settings(sip=SipSettings(session_expires=interval, min_session_expires=least))


def with_timer(arena: Arena, alice: int | None = None, bob: int | None = None, **bobs: int) -> None:
    """Put engines with other settings in the place of those that are there."""
    if alice is not None:
        arena.alice = arena.station("alice", ALICE, settings=settings(alice))
    if bob is not None:
        arena.bob = arena.station("bob", BOB, settings=settings(bob, **bobs))


def expires(*more: str, seconds: int = 90) -> Header:
    return ("Session-Expires", ";".join((str(seconds), *more)))


def instants(arena: Arena, source: str, method: bytes) -> list[float]:
    rungs = arena.network.ladder.rungs
    return [r.at for r in rungs if r.source == source and r.datagram.startswith(method + b" ")]


def said(message: Request | Response) -> tuple[str | None, bool]:
    """Return what it says of the interval, and whether it requires the extension."""
    return first(message, "Session-Expires"), "timer" in every(message, "Require")


def last_2xx(arena: Arena, station: Station) -> bytes:
    rungs = arena.network.ladder.rungs
    found = [r for r in rungs if r.source == station.name and b"SIP/2.0 200" in r.datagram[:12]]
    return found[-1].datagram


# --------------------------------------------------------------------- between two of us


def test_the_caller_refreshes_at_half(arena: Arena) -> None:
    with_timer(arena, alice=90)
    arena.call()
    (invite,) = arena.bob.requests("INVITE")
    assert said(invite) == ("90", False)
    assert "timer" in every(invite, "Supported")
    answer = last_2xx(arena, arena.bob)
    assert b"\r\nSession-Expires: 90;refresher=uac\r\n" in answer
    assert b"\r\nRequire: timer\r\n" in answer
    up = arena.network.elapsed
    arena.network.run(seconds=1000.0)
    refreshes = instants(arena, "alice", b"UPDATE")
    assert len(refreshes) == 22
    assert [round(b - a) for a, b in zip([up, *refreshes], refreshes, strict=False)] == [45] * 22
    update = arena.bob.requests("UPDATE")[-1]
    assert said(update) == ("90;refresher=uac", False)
    assert not update.body
    assert not instants(arena, "bob", b"UPDATE")
    assert not arena.alice.heard(Ended)
    arena.alice.hang_up_all()


@pytest.mark.parametrize("lossy", [False, True])
def test_refreshes_live_through_loss(arena: Arena, lossy: bool) -> None:
    with_timer(arena, alice=120, bob=120)
    arena.call()
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.jitter, link.reorder = 0.1, 0.2
        if lossy:
            link.rules.append(drop(lambda _: arena.network.chance.random() < 0.3))
    arena.network.run(seconds=1200.0)
    assert not arena.alice.heard(Ended)
    assert not arena.bob.heard(Ended)
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.rules.clear()
    arena.alice.hang_up_all()


def test_a_peer_that_went_away_is_found_out_by_both(arena: Arena) -> None:
    """The refresher by its refresh, the other before the interval is over."""
    with_timer(arena, alice=180)
    arena.call()
    up = arena.network.elapsed
    arena.link("alice", "bob").down = arena.link("bob", "alice").down = True
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert 121.5 < arena.network.elapsed - up < 122.5
    arena.network.run(until=lambda: bool(instants(arena, "bob", b"BYE")))
    assert 147.5 < arena.network.elapsed - up < 148.5
    arena.network.run(seconds=40.0)
    for station in (arena.alice, arena.bob):
        assert station.ended().outcome is Outcome.FAILED
    assert arena.bob.ended().reason == "the session was not refreshed in time"


def test_a_422_is_followed(arena: Arena) -> None:
    with_timer(arena, alice=90, bob=600, least=300)
    arena.call()
    first_try, second = arena.bob.requests("INVITE")
    assert (said(first_try)[0], first(first_try, "Min-SE")) == ("90", None)
    assert (said(second)[0], first(second, "Min-SE")) == ("300", "300")
    assert first(first_try, "Call-ID") == first(second, "Call-ID")
    refused = next(r for r in arena.network.ladder.rungs if b"SIP/2.0 422" in r.datagram[:12])
    assert b"\r\nMin-SE: 300\r\n" in refused.datagram
    assert b"\r\nSession-Expires: 300;refresher=uac\r\n" in last_2xx(arena, arena.bob)
    arena.alice.hang_up_all()


def test_off_means_only_if_the_peer_asks(arena: Arena) -> None:
    with_timer(arena, alice=0, bob=0)
    arena.call()
    (invite,) = arena.bob.requests("INVITE")
    assert said(invite)[0] is None
    assert b"Session-Expires" not in last_2xx(arena, arena.bob)
    arena.network.run(seconds=4000.0)
    assert not instants(arena, "alice", b"UPDATE")
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=MEDIA, headers=(SUPPORTED, expires("refresher=uas"))))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    assert said(heard(carol, 1)[-1])[0] == "90;refresher=uas"
    carol.learn(heard(carol, 1)[-1])
    carol.acknowledge(1)
    arena.network.run(seconds=0.5)
    arena.bob.hang_up_all()


# ----------------------------------------------------------------------- as it is asked of us


@pytest.mark.parametrize(
    ("headers", "answer", "required"),
    [
        ((), "1800;refresher=uas", False),
        ((SUPPORTED,), "1800;refresher=uac", True),
        ((SUPPORTED, expires()), "90;refresher=uac", True),
        ((SUPPORTED, expires("refresher=uac")), "90;refresher=uac", True),
        ((SUPPORTED, expires("refresher=uas")), "90;refresher=uas", False),
        ((expires(seconds=60),), "60;refresher=uas", False),
        ((SUPPORTED, expires(seconds=7200)), "1800;refresher=uac", True),
        ((SUPPORTED, expires(seconds=7200), ("Min-SE", "3600")), "3600;refresher=uac", True),
        ((SUPPORTED, ("Min-SE", "3600")), "3600;refresher=uac", True),
    ],
)
def test_what_we_grant(
    arena: Arena, headers: tuple[Header, ...], answer: str, required: bool
) -> None:
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    carol.send(carol.request("INVITE", body=MEDIA, headers=headers))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    assert said(heard(carol, 1)[-1]) == (answer, required)
    carol.learn(heard(carol, 1)[-1])
    carol.acknowledge(1)
    arena.network.run(seconds=0.1)
    arena.bob.hang_up_all()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_too_brief_an_interval_is_refused(arena: Arena, method: str) -> None:
    carol = connected(arena)
    headers = (SUPPORTED, expires(seconds=60))
    carol.send(carol.request(method, body=media("sendonly"), headers=headers))
    arena.network.run(until=lambda: bool(heard(carol, 2, method)))
    (response,) = heard(carol, 2, method)
    assert (response.status, first(response, "Min-SE")) == (422, "90")
    assert not arena.bob.heard(Ended)
    arena.bob.hang_up_all()


def test_too_brief_a_new_call_is_refused(arena: Arena) -> None:
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=MEDIA, headers=(SUPPORTED, expires(seconds=60))))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    (response,) = heard(carol, 1)
    assert (response.status, first(response, "Min-SE")) == (422, "90")
    assert not arena.bob.state.calls


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_the_peers_refreshes_keep_the_call(arena: Arena, method: str) -> None:
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    refresh = (SUPPORTED, expires("refresher=uac"))
    carol.send(carol.request("INVITE", body=MEDIA, headers=refresh))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(heard(carol, 1)[-1])
    carol.acknowledge(1)
    for number in range(2, 12):
        arena.network.run(seconds=50.0)
        body = MEDIA if method == "INVITE" else b""
        carol.send(carol.request(method, headers=refresh, body=body))
        arena.network.run(until=lambda: bool(heard(carol, carol.number, method)))
        assert said(heard(carol, number, method)[0]) == ("90;refresher=uac", True)
        if method == "INVITE":
            carol.acknowledge(number)
    assert not arena.bob.heard(Ended)
    last = arena.network.elapsed
    arena.network.run(until=lambda: bool(arena.bob.heard(Ended)))
    assert 59.5 < arena.network.elapsed - last < 60.5  # 90 s less a third
    assert arena.bob.ended().outcome is Outcome.FAILED


# ------------------------------------------------------------------------- as we ask for it

ALLOW = ("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")


def test_the_peer_refreshes_and_we_wait(arena: Arena) -> None:
    with_timer(arena, alice=90)
    carol = Callee(arena, headers=(expires("refresher=uas"), ALLOW))
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert 59.5 < arena.network.elapsed < 60.5
    assert not carol.asked


def test_without_update_we_refresh_by_reinvite(arena: Arena) -> None:
    """Nothing has changed in it, the version neither, and so it tells nobody anything."""
    with_timer(arena, alice=90)
    again = Says(200, MEDIA, (expires("refresher=uac"),))
    carol = Callee(arena, *(again for _ in range(3)), headers=(expires("refresher=uac"),))
    arena.network.run(until=lambda: len(carol.asked) == 3)
    assert [request.method for request in carol.asked] == ["INVITE"] * 3
    assert {request.body for request in carol.asked} == {carol.invite.body}
    assert said(carol.asked[0])[0] == "90;refresher=uac"
    arena.network.run(seconds=1.0)
    assert len(carol.acks(4)) == 1
    arena.alice.hang_up_all()


def test_a_refresh_says_what_was_agreed_and_leaves_the_hold(arena: Arena) -> None:
    """Also after an offer that was refused, which took a version number."""
    with_timer(arena, alice=90)
    uac = (expires("refresher=uac"),)
    again = (Says(200, media("recvonly"), uac), Says(488), Says(200, media("recvonly"), uac))
    carol = Callee(arena, *again, headers=uac)
    arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 1)
    arena.network.run(seconds=1.0)
    arena.alice.send(Resume(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 3)
    arena.network.run(seconds=0.1)
    held, _, refresh = (parse_sdp(request.body) for request in carol.asked)
    assert refresh.media == held.media
    assert [int(s.origin.version) for s in (held, refresh)] == [2, 4]
    assert len(arena.alice.heard(HoldChanged)) == 1
    arena.alice.hang_up_all()


def test_a_refresh_repeats_our_answer(arena: Arena) -> None:
    """A peer that holds us is not asked to take us back, nor for another codec."""
    with_timer(arena, alice=90)
    carol = Callee(arena, Says(200, media("sendonly")))
    carol.request("INVITE", body=media("sendonly"))
    arena.network.run(until=lambda: bool(carol.statuses(1, "INVITE")))
    answer = carol.puppet.responses[-1].body
    carol.request("ACK", number=1)
    arena.network.run(until=lambda: len(carol.asked) == 1)
    assert carol.asked[0].body == answer
    arena.network.run(seconds=0.1)
    assert len(arena.alice.heard(HoldChanged)) == 1
    arena.alice.hang_up_all()


def test_an_update_that_the_peer_does_not_know_becomes_a_reinvite(arena: Arena) -> None:
    with_timer(arena, alice=90)
    said_so = (expires("refresher=uac"), ALLOW)
    carol = Callee(arena, Says(501), Says(200, MEDIA, said_so[:1]), headers=said_so)
    arena.network.run(until=lambda: len(carol.asked) == 2)
    assert [request.method for request in carol.asked] == ["UPDATE", "INVITE"]
    arena.network.run(seconds=0.1)
    arena.alice.hang_up_all()


def test_a_refresh_that_is_refused_is_tried_again(arena: Arena) -> None:
    """And again, nearer and nearer to the end; then the call is over."""
    with_timer(arena, alice=90)
    said_so = (expires("refresher=uac"), ALLOW)
    carol = Callee(arena, *(Says(503) for _ in range(9)), headers=said_so)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert 59.5 < arena.network.elapsed < 60.5
    assert 2 <= len(carol.asked) <= 4
    assert arena.alice.ended().outcome is Outcome.FAILED


@pytest.mark.parametrize("status", [408, 481])
def test_a_refresh_can_end_the_call(arena: Arena, status: int) -> None:
    with_timer(arena, alice=90)
    Callee(arena, Says(status), headers=(expires("refresher=uac"), ALLOW))
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert 44.5 < arena.network.elapsed < 46.5


def test_a_422_to_a_refresh_is_followed(arena: Arena) -> None:
    with_timer(arena, alice=90)
    said_so = (expires("refresher=uac"), ALLOW)
    carol = Callee(
        arena,
        Says(422, headers=(("Min-SE", "240"),)),
        Says(200, headers=(expires("refresher=uac", seconds=240),)),
        headers=said_so,
    )
    arena.network.run(until=lambda: len(carol.asked) == 2)
    assert said(carol.asked[1])[0] == "240;refresher=uac"
    assert first(carol.asked[1], "Min-SE") == "240"
    arena.network.run(seconds=119.0)
    assert len(carol.asked) == 2
    assert not arena.alice.heard(Ended)
    arena.alice.hang_up_all()


def test_a_peer_without_timers_is_refreshed_alone(arena: Arena) -> None:
    """A refusal shows that it lives: the call goes on."""
    with_timer(arena, alice=90)
    carol = Callee(arena, Says(200, MEDIA), Says(488), Says(481))
    arena.network.run(seconds=125.0)
    assert [said(request)[0] for request in carol.asked] == ["90", "90"]
    assert not arena.alice.heard(Ended)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert 134.0 < arena.network.elapsed < 137.0


def test_a_hold_is_a_refresh_too(arena: Arena) -> None:
    """And does not change who refreshes."""
    with_timer(arena, alice=90)
    uas = (expires("refresher=uas"),)
    carol = Callee(arena, Says(200, media("recvonly"), uas), headers=uas)
    arena.network.run(seconds=40.0)
    arena.alice.send(Hold(call=carol.call))
    arena.network.run(seconds=40.0)
    assert said(carol.asked[0])[0] == "90;refresher=uas"
    assert not arena.alice.heard(Ended)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert 99.0 < arena.network.elapsed < 101.5


def test_422s_are_not_followed_for_ever(arena: Arena) -> None:
    growing = [Says(422, headers=(("Min-SE", str(2000 + n)),)) for n in range(9)]
    carol = caller(arena).puppet
    invites: list[Request] = []

    def refuse(_: object, request: Request, __: object) -> None:
        if request.method == "INVITE":
            invites.append(request)
            carol.answer(request, 422, headers=growing[len(invites) - 1].headers)

    carol.handler = refuse
    arena.alice.dial("sip:carol@192.0.2.3")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert arena.alice.ended().status == 422
    assert len(invites) == 6


def test_the_last_copy_of_a_refresh_comes_in_time(arena: Arena) -> None:
    with_timer(arena, alice=90)
    arena.call()
    arena.link("alice", "bob").rules.append(drop(starts(b"UPDATE"), *range(1, 5)))
    arena.network.run(seconds=70.0)
    assert len(arena.bob.requests("UPDATE")) == 1
    assert not arena.bob.heard(Ended)
    arena.alice.hang_up_all()
