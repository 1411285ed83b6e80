"""Scenarios 11 to 14: hold and resume, by us, by the peer, by both, refused, fifty times over."""

from collections.abc import Sized

import msgspec
import pytest

from bus.calls import Ended, HangUp, Outcome
from bus.envelope import Done, Refused
from bus.errors import WrongStateError
from bus.holding import Hold, HoldChanged, Resume
from bus.sources import Music, Tone, Wave
from signaling.sdp.parse import parse_sdp
from signaling.sip.message import Request, first
from tests.harness.arena import Arena
from tests.harness.network import drop, starts
from tests.harness.station import Station
from tests.harness.worker import Stream
from tests.signaling.callee import Callee, Says, media
from tests.signaling.carol import caller, connected, heard

CHALLENGE = ("WWW-Authenticate", 'Digest realm="r", nonce="n1", qop="auth", algorithm=SHA-256')


def ask(arena: Arena, station: Station, command: Hold | Resume) -> Done | Refused:
    """Ask, and wait for the reply, and a moment."""
    number = station.send(command)
    arena.network.run(until=lambda: number in station.replies)
    arena.network.run(seconds=0.1)
    return station.replies[number]


def granted(reply: Done | Refused) -> bool:
    return isinstance(reply, Done)


def direction(request: Request) -> str:
    """Return what an SDP says of its only medium."""
    (medium,) = parse_sdp(request.body).media
    return medium.attributes[-1].name


def version(request: Request) -> int:
    return int(parse_sdp(request.body).origin.version)


def told(station: Station) -> list[tuple[bool, bool]]:
    """Return who holds whom, as the owner was told: (we, the peer)."""
    return [(event.local, event.remote) for event in station.heard(HoldChanged)]


def stream_of(station: Station) -> Stream:
    (stream,) = station.worker.open_streams
    return stream


def flow(station: Station) -> tuple[bool, bool]:
    """Return whether a station sends and receives."""
    remote = stream_of(station).remotes[-1]
    return remote.send, remote.receive


# ------------------------------------------------------------------------- we hold (11, 12)


def test_hold_and_resume(arena: Arena) -> None:
    mine, _ = arena.call()
    assert granted(ask(arena, arena.alice, Hold(call=mine)))
    assert stream_of(arena.alice).music == Music()
    assert (flow(arena.alice), flow(arena.bob)) == ((True, False), (False, True))
    invite, again = arena.bob.requests("INVITE")
    assert direction(again) == "sendonly"
    assert parse_sdp(invite.body).origin.session_id == parse_sdp(again.body).origin.session_id
    assert version(again) == version(invite) + 1
    assert parse_sdp(invite.body).media[0].port == parse_sdp(again.body).media[0].port
    assert first(again, "CSeq") == "2 INVITE"
    assert (told(arena.alice), told(arena.bob)) == ([(True, False)], [(False, True)])
    assert granted(ask(arena, arena.alice, Resume(call=mine)))
    assert stream_of(arena.alice).music is None
    assert (flow(arena.alice), flow(arena.bob)) == ((True, True), (True, True))
    assert (told(arena.alice)[-1], told(arena.bob)[-1]) == ((False, False), (False, False))
    arena.alice.hang_up_all()


def test_hold_is_done_when_the_ack_was_sent(arena: Arena) -> None:
    """And the events that follow from it come after the reply."""
    carol = Callee(arena, Says(200, media("recvonly"), after=3.0))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 1)
    arena.network.run(seconds=2.9)
    assert number not in arena.alice.replies
    assert not told(arena.alice)
    arena.network.run(until=lambda: number in arena.alice.replies)
    assert told(arena.alice) == [(True, False)]
    arena.network.run(seconds=0.1)
    (ack,) = carol.acks(2)
    assert not ack.body
    arena.alice.hang_up_all()


def test_hold_again_is_other_music(arena: Arena) -> None:
    mine, _ = arena.call()
    assert granted(ask(arena, arena.alice, Hold(call=mine)))
    assert granted(ask(arena, arena.alice, Hold(call=mine, music=Tone())))
    assert stream_of(arena.alice).music == Tone()
    assert len(arena.bob.requests("INVITE")) == 2
    arena.alice.hang_up_all()


def test_resume_without_hold_is_done(arena: Arena) -> None:
    mine, _ = arena.call()
    assert granted(ask(arena, arena.alice, Resume(call=mine)))
    assert len(arena.bob.requests("INVITE")) == 1
    assert not told(arena.alice)
    arena.alice.hang_up_all()


def test_music_that_cannot_be_played_is_refused_before_the_peer_is_asked(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.alice.worker.refusal = "bad_source", "no such file"
    reply = ask(arena, arena.alice, Hold(call=mine, music=Wave("/nowhere.wav")))
    assert isinstance(reply, Refused)
    assert (reply.code, reply.reason) == ("bad_source", "no such file")
    assert len(arena.bob.requests("INVITE")) == 1
    arena.alice.worker.refusal = None
    assert granted(ask(arena, arena.alice, Hold(call=mine)))
    arena.alice.hang_up_all()


def test_music_that_comes_too_late_is_stopped(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.alice.worker.silent = True
    reply = arena.alice.send(Hold(call=mine))
    arena.network.run(seconds=1.9)
    assert reply not in arena.alice.replies
    arena.alice.worker.silent = False
    arena.network.run(seconds=0.5)
    refused = arena.alice.replies[reply]
    assert isinstance(refused, Refused)
    assert refused.code == "too_late"
    assert len(arena.bob.requests("INVITE")) == 1
    assert granted(ask(arena, arena.alice, Hold(call=mine)))
    arena.alice.hang_up_all()


def test_a_call_that_is_not_up_cannot_be_held(arena: Arena) -> None:
    arena.bob_answers(after=5.0)
    mine = arena.alice.dial("sip:bob@192.0.2.2")
    with pytest.raises(WrongStateError):
        arena.alice.ask(Hold(call=mine))
    arena.alice.hang_up_all()


def test_the_last_wish_wins(arena: Arena) -> None:
    """Hold, resume, hold in one breath: one re-INVITE, and the resume is told why not."""
    mine, _ = arena.call()
    numbers = [arena.alice.send(c) for c in (Hold(call=mine), Resume(call=mine), Hold(call=mine))]
    arena.network.run(seconds=1.0)
    replies = [arena.alice.replies[number] for number in numbers]
    assert [granted(reply) for reply in replies] == [True, False, True]
    assert len(arena.bob.requests("INVITE")) == 2
    assert told(arena.alice) == [(True, False)]
    arena.alice.hang_up_all()


def test_hold_then_resume_at_once(arena: Arena) -> None:
    """The wish that is being worked is finished first: two re-INVITEs, one after the other."""
    mine, _ = arena.call()
    numbers = [arena.alice.send(command) for command in (Hold(call=mine), Resume(call=mine))]
    arena.network.run(seconds=1.0)
    assert all(granted(arena.alice.replies[number]) for number in numbers)
    assert [direction(r) for r in arena.bob.requests("INVITE")[1:]] == ["sendonly", "sendrecv"]
    assert told(arena.alice) == [(True, False), (False, False)]
    arena.alice.hang_up_all()


def sizes(station: Station) -> dict[str, int]:
    """Return how much a core remembers, by the name of the table."""
    state = station.state
    tables: dict[str, object] = {name: getattr(state, name) for name in state.__struct_fields__}
    counted = {n: len(t) for n, t in tables.items() if isinstance(t, Sized)}
    del counted["asked"], counted["timers"]
    (call,) = state.calls.values()
    counted |= {f"call.{name}": len(getattr(call, name)) for name in ("sent", "transactions")}
    counted["transactions"] = sum(
        len(getattr(state.transactions, name))
        for name in ("invite_clients", "clients", "invite_servers", "servers")
    )
    return counted


@pytest.mark.parametrize("loss", ["clean", "lossy"])
def test_fifty_holds_leave_nothing_behind(arena: Arena, loss: str) -> None:
    mine, _ = arena.call()
    assert granted(ask(arena, arena.alice, Hold(call=mine)))
    assert granted(ask(arena, arena.alice, Resume(call=mine)))
    arena.network.run(seconds=70.0)
    before = [sizes(station) for station in arena.stations]
    if loss == "lossy":
        for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
            link.jitter, link.reorder, link.duplicate = 0.3, 0.2, 0.1
            link.rules.append(drop(lambda _: arena.network.chance.random() < 0.2))
    for _ in range(50):
        assert granted(ask(arena, arena.alice, Hold(call=mine)))
        assert flow(arena.alice) == (True, False)
        assert granted(ask(arena, arena.alice, Resume(call=mine)))
        assert flow(arena.alice) == (True, True)
    arena.network.run(seconds=70.0)
    assert [sizes(station) for station in arena.stations] == before
    assert max(len(station.state.timers) for station in arena.stations) < 100
    invites = {first(r, "CSeq"): r for r in arena.bob.requests("INVITE")}
    versions = [version(request) for request in invites.values()]
    assert sorted(set(versions)) == list(range(1, 104))
    if loss == "clean":  # else some are refused (500 before the ACK came) and sent again
        assert versions == sorted(set(versions))
    for link in (arena.link("alice", "bob"), arena.link("bob", "alice")):
        link.rules.clear()
    arena.alice.hang_up_all()


# -------------------------------------------------------------------- the peer holds us (13)


@pytest.mark.parametrize(
    ("said", "answered", "held"),
    [
        ("a=sendonly", "recvonly", True),
        ("a=inactive", "inactive", True),
        ("a=recvonly", "sendonly", False),
        ("c=IN IP4 0.0.0.0", "recvonly", True),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_every_spelling_of_a_hold(
    arena: Arena, method: str, said: str, answered: str, held: bool
) -> None:
    carol = connected(arena)
    body = media(said[2:]) if said.startswith("a=") else media()
    if said.startswith("c="):
        body = body.replace(b"c=IN IP4 192.0.2.3", said.encode())
    for number, offer, expected in ((2, body, answered), (3, media(version=3), "sendrecv")):
        carol.send(carol.request(method, body=offer))
        arena.network.run(until=lambda: bool(heard(carol, carol.number, method)))
        (response,) = heard(carol, number, method)
        assert f"\r\na={expected}\r\n".encode() in response.body
        if method == "INVITE":
            carol.acknowledge(number)
        arena.network.run(seconds=0.1)
    assert told(arena.bob) == ([(False, True), (False, False)] if held else [])
    assert not arena.bob.heard(Ended)
    arena.bob.hang_up_all()


@pytest.mark.parametrize(("said", "held"), [("recvonly", False), ("inactive", True)])
def test_an_answer_can_hold_us(arena: Arena, said: str, held: bool) -> None:
    carol = Callee(arena, Says(200, media("recvonly")), Says(200, media(said, version=3)))
    assert granted(ask(arena, arena.alice, Hold(call=carol.call)))
    assert granted(ask(arena, arena.alice, Resume(call=carol.call)))
    assert told(arena.alice)[1:] == [(False, held)]
    arena.alice.hang_up_all()


@pytest.mark.parametrize("first_back", ["alice", "bob"])
def test_both_hold_and_one_comes_back(arena: Arena, first_back: str) -> None:
    mine, theirs = arena.call()
    calls = {"alice": mine, "bob": theirs}
    stations = {"alice": arena.alice, "bob": arena.bob}
    for name in ("alice", "bob"):
        assert granted(ask(arena, stations[name], Hold(call=calls[name])))
    assert (flow(arena.alice), flow(arena.bob)) == ((False, False), (False, False))
    assert (told(arena.alice)[-1], told(arena.bob)[-1]) == ((True, True), (True, True))
    back, other = stations[first_back], stations["bob" if first_back == "alice" else "alice"]
    assert granted(ask(arena, back, Resume(call=calls[first_back])))
    assert (flow(back), flow(other)) == ((False, True), (True, False))
    assert (told(back)[-1], told(other)[-1]) == ((False, True), (True, False))
    assert granted(ask(arena, other, Resume(call=calls[other.name])))
    assert (flow(back), flow(other)) == ((True, True), (True, True))
    assert (told(back)[-1], told(other)[-1]) == ((False, False), (False, False))
    arena.alice.hang_up_all()


def test_an_offer_left_to_us_lets_the_peer_take_us_back(arena: Arena) -> None:
    """We are held, and the peer resumes with a re-INVITE without SDP."""
    carol = connected(arena)
    carol.send(carol.request("INVITE", body=media("inactive")))
    arena.network.run(until=lambda: bool(heard(carol, 2)))
    carol.acknowledge(2)
    carol.send(carol.request("INVITE"))
    arena.network.run(until=lambda: bool(heard(carol, 3)))
    assert b"\r\na=sendrecv\r\n" in heard(carol, 3)[0].body
    carol.acknowledge(3, body=media(version=3))
    arena.network.run(seconds=0.1)
    assert told(arena.bob) == [(False, True), (False, False)]
    arena.bob.hang_up_all()


def test_a_call_can_begin_with_a_hold(arena: Arena) -> None:
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    carol.send(carol.request("INVITE"))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(heard(carol, 1)[-1])
    carol.acknowledge(1, body=media("sendonly"))
    arena.network.run(seconds=0.5)
    assert told(arena.bob) == [(False, True)]
    assert [type(e).__name__ for e in arena.bob.events][1:] == ["Answered", "HoldChanged"]
    arena.bob.hang_up_all()


@pytest.mark.parametrize("said", ["sendrecv", "sendonly", "recvonly", "inactive", ""])
def test_while_we_hold_no_answer_says_sendrecv(arena: Arena, said: str) -> None:
    """And an offer that the peer leaves to us (no SDP) says that we hold."""
    carol = Callee(arena, Says(200, media("recvonly")))
    assert granted(ask(arena, arena.alice, Hold(call=carol.call)))
    carol.request("INVITE", body=media(said, version=3) if said else b"")
    arena.network.run(until=lambda: bool(carol.statuses(1, "INVITE")))
    body = carol.puppet.responses[-1].body
    expected = {"sendrecv": "sendonly", "recvonly": "sendonly", "": "sendonly"}.get(
        said, "inactive"
    )
    assert f"\r\na={expected}\r\n".encode() in body
    carol.request("ACK", body=b"" if said else media("recvonly", version=3), number=1)
    arena.network.run(seconds=0.1)
    assert flow(arena.alice) == (expected == "sendonly", False)
    arena.alice.hang_up_all()


# ------------------------------------------------------------------------------ refused (14)


@pytest.mark.parametrize("status", [488, 500, 603])
def test_a_refused_hold_is_rolled_back(arena: Arena, status: int) -> None:
    carol = Callee(arena, Says(status), Says(200, media("recvonly")))
    before = list(stream_of(arena.alice).remotes)
    reply = ask(arena, arena.alice, Hold(call=carol.call))
    assert isinstance(reply, Refused)
    assert (reply.code, reply.reason[:3]) == ("peer_refused", str(status))
    assert stream_of(arena.alice).music is None
    assert stream_of(arena.alice).remotes == before
    assert not told(arena.alice)
    assert not arena.alice.heard(Ended)
    assert granted(ask(arena, arena.alice, Hold(call=carol.call)))
    arena.alice.hang_up_all()


def test_a_refused_resume_leaves_the_hold(arena: Arena) -> None:
    carol = Callee(arena, Says(200, media("recvonly")), Says(488))
    assert granted(ask(arena, arena.alice, Hold(call=carol.call)))
    assert not granted(ask(arena, arena.alice, Resume(call=carol.call)))
    assert stream_of(arena.alice).music == Music()
    assert flow(arena.alice) == (True, False)
    assert told(arena.alice) == [(True, False)]
    arena.alice.hang_up_all()


@pytest.mark.parametrize("status", [408, 481])
def test_408_and_481_end_the_call(arena: Arena, status: int) -> None:
    carol = Callee(arena, Says(status))
    reply = ask(arena, arena.alice, Hold(call=carol.call))
    assert isinstance(reply, Refused)
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.FAILED
    assert len(carol.puppet.of("BYE")) == 1
    assert not told(arena.alice)


def test_a_hold_that_nobody_answers_ends_the_call(arena: Arena) -> None:
    carol = Callee(arena, None)
    reply = ask(arena, arena.alice, Hold(call=carol.call))
    assert isinstance(reply, Refused)
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.FAILED


def test_a_challenged_hold_is_sent_again_and_its_answer_applied(arena: Arena) -> None:
    carol = Callee(
        arena,
        Says(401, headers=(CHALLENGE,)),
        Says(200, media("recvonly")),
        user="alice",
        password="secret",
    )
    assert granted(ask(arena, arena.alice, Hold(call=carol.call)))
    without, with_credentials = carol.asked
    assert version(without) == version(with_credentials)
    credentials = first(with_credentials, "Authorization")
    assert credentials is not None
    assert first(with_credentials, "CSeq") == "3 INVITE"
    (ack,) = carol.acks(3)
    assert first(ack, "Authorization") == credentials
    assert flow(arena.alice) == (True, False)
    arena.alice.hang_up_all()


def test_a_2xx_without_answer_ends_the_call(arena: Arena) -> None:
    carol = Callee(arena, Says(200))
    reply = ask(arena, arena.alice, Hold(call=carol.call))
    assert isinstance(reply, Refused)
    arena.network.run(seconds=1.0)
    assert len(carol.acks(2)) == 1
    assert len(carol.puppet.of("BYE")) == 1
    assert arena.alice.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE


def test_hanging_up_while_the_peer_is_asked(arena: Arena) -> None:
    carol = Callee(arena, Says(200, media("recvonly"), after=2.0))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 1)
    arena.alice.ask(HangUp(call=carol.call))
    reply = arena.alice.replies[number]
    assert isinstance(reply, Refused)
    assert reply.code == "wrong_state"
    arena.network.run(seconds=5.0)
    assert len(carol.acks(2)) == 1
    assert not told(arena.alice)


@pytest.mark.parametrize("late", [487, 200, 0])
def test_the_peer_hangs_up_while_it_is_asked(arena: Arena, late: int) -> None:
    """Whatever it still says to the re-INVITE, or nothing: it is acknowledged, and all is over."""
    carol = Callee(arena, Says(100))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 1)
    arena.network.run(seconds=0.1)
    carol.request("BYE")
    arena.network.run(seconds=0.1)
    reply = arena.alice.replies[number]
    assert isinstance(reply, Refused)
    assert reply.code == "wrong_state"
    assert arena.alice.ended().outcome is Outcome.COMPLETED
    if late:
        carol.puppet.answer(carol.asked[0], late, body=media("recvonly") if late == 200 else b"")
        arena.network.run(seconds=1.0)
        assert len(carol.acks(2)) == 1
        assert not arena.alice.state.calls
    assert not told(arena.alice)


def test_a_hold_that_is_pondered_too_long_is_cancelled(arena: Arena) -> None:
    """After 48 T1 with 100 only; the 487 is a refusal like another."""
    carol = Callee(arena, Says(100))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: bool(carol.puppet.of("CANCEL")))
    assert 24.0 < arena.network.elapsed < 24.5
    carol.puppet.answer(carol.asked[-1], 487)
    arena.network.run(seconds=1.0)
    reply = arena.alice.replies[number]
    assert isinstance(reply, Refused)
    assert reply.reason.startswith("487")
    assert not arena.alice.heard(Ended)
    arena.alice.hang_up_all()


def test_a_peer_that_ignores_even_the_cancel_is_gone(arena: Arena) -> None:
    carol = Callee(arena, Says(100))
    reply = ask(arena, arena.alice, Hold(call=carol.call))
    assert isinstance(reply, Refused)
    assert arena.network.elapsed < 60.0  # what applications wait
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.FAILED


def test_each_copy_of_the_2xx_is_acknowledged(arena: Arena) -> None:
    mine, _ = arena.call()
    arena.link("alice", "bob").rules.append(drop(starts(b"ACK"), 1))
    assert granted(ask(arena, arena.alice, Hold(call=mine)))
    arena.network.run(seconds=2.0)
    assert len(arena.bob.requests("ACK")) == 2
    assert len(stream_of(arena.alice).remotes) == 2
    arena.alice.hang_up_all()


def test_the_state_of_a_held_call_is_shown(arena: Arena) -> None:
    mine, _ = arena.call()
    assert granted(ask(arena, arena.alice, Hold(call=mine)))
    (held,), (holding,) = arena.bob.state.live_calls(), arena.alice.state.live_calls()
    assert (
        msgspec.structs.asdict(holding).items()
        >= {"local_hold": True, "remote_hold": False}.items()
    )
    assert (
        msgspec.structs.asdict(held).items() >= {"local_hold": False, "remote_hold": True}.items()
    )
    arena.alice.hang_up_all()
