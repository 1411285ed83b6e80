"""Scenario 29: keys in SDP (RFC 4568), kept over re-INVITEs, changed, refused."""

from base64 import b64encode

import pytest

from bus.calls import (
    Answer,
    Answered,
    Calls,
    Ended,
    IncomingCall,
    ListCalls,
    MediaChanged,
    Outcome,
    Ring,
)
from bus.errors import BadRequestError, WrongStateError
from bus.holding import Hold, Resume
from bus.settings import MediaSettings, Settings
from bus.sources import Tone
from bus.srtp import SUITES, Crypto
from signaling.sdp.parse import parse_sdp
from signaling.sip.message import first
from tests.harness.arena import ALICE, BOB, CAROL, Arena
from tests.harness.puppet import Caller
from tests.harness.station import Station
from tests.harness.worker import Stream
from tests.signaling.carol import caller, heard
from tests.signaling.sdp.bodies import audio

CM = "AES_CM_128_HMAC_SHA1_80"
SHORT = "AES_CM_128_HMAC_SHA1_32"
SAVP = "RTP/SAVP"


def line(fill: int = 7, suite: str = CM, tag: int = 1) -> str:
    text = b64encode(bytes([fill]) * SUITES[suite]).decode()
    return f"crypto:{tag} {suite} inline:{text}"


def theirs(fill: int = 7) -> bytes:
    return bytes([fill]) * SUITES[CM]


def media(*lines: str, protocol: str = "RTP/AVP", version: int = 1) -> bytes:
    return audio("0 101", *lines, address=CAROL, protocol=protocol, version=version)


def setting(arena: Arena, *, alice: str = "off", bob: str = "off") -> None:
    """Let Alice's and Bob's engines have such settings."""
    for name, host, policy in (("alice", ALICE, alice), ("bob", BOB, bob)):
        settings = Settings(media=MediaSettings(srtp=policy))
        setattr(arena, name, arena.station(name, host, settings=settings))


def stream_of(station: Station) -> Stream:
    (stream,) = station.worker.open_streams
    return stream


def keys_of(station: Station) -> Crypto | None:
    return stream_of(station).remotes[-1].crypto


def secrets_of(station: Station) -> list[str]:
    """Return its keys as they would look in a text."""
    crypto = keys_of(station)
    assert crypto is not None
    return [b64encode(key).decode() for key in (crypto.ours, crypto.theirs)]


def agree(arena: Arena, suite: str) -> None:
    """Both streams are protected, with the same keys the other way round."""
    mine, bobs = keys_of(arena.alice), keys_of(arena.bob)
    assert mine is not None
    assert bobs is not None
    assert (mine.suite, bobs.suite) == (suite, suite)
    assert (mine.ours, mine.theirs) == (bobs.theirs, bobs.ours)
    assert mine.ours != mine.theirs
    assert all(answer.srtp == suite for answer in arena.alice.heard(Answered))
    assert all(answer.srtp == suite for answer in arena.bob.heard(Answered))


@pytest.mark.parametrize(
    ("alice", "bob", "suite"),
    [
        ("off", "off", ""),
        ("off", "offer", ""),
        ("offer", "off", ""),
        ("offer", "offer", next(iter(SUITES))),
        ("offer", "require", next(iter(SUITES))),
        ("require", "offer", next(iter(SUITES))),
        ("require", "require", next(iter(SUITES))),
    ],
)
def test_two_of_us(arena: Arena, alice: str, bob: str, suite: str) -> None:
    setting(arena, alice=alice, bob=bob)
    arena.call()
    if suite:
        agree(arena, suite)
    else:
        assert keys_of(arena.alice) is keys_of(arena.bob) is None
    listed = arena.alice.ask(ListCalls())
    assert isinstance(listed, Calls)
    assert [info.srtp for info in listed.calls] == [suite]
    protocol = "RTP/SAVP" if alice == "require" else "RTP/AVP"
    assert parse_sdp(arena.bob.requests("INVITE")[0].body).media[0].protocol == protocol
    arena.alice.hang_up_all()


@pytest.mark.parametrize(("alice", "bob"), [("require", "off"), ("off", "require")])
def test_who_insists_is_refused_by_who_does_not(arena: Arena, alice: str, bob: str) -> None:
    setting(arena, alice=alice, bob=bob)
    arena.alice.dial("sip:bob@192.0.2.2")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    ended = arena.alice.ended()
    assert (ended.outcome, ended.status) == (Outcome.MEDIA_NOT_ACCEPTABLE, 488)
    assert not arena.bob.heard(IncomingCall)


def test_savp_while_srtp_is_off_says_why(arena: Arena) -> None:
    carol = Caller(arena.puppet("carol", CAROL), BOB)
    carol.send(carol.request("INVITE", body=media(line(), protocol=SAVP)))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    response = carol.puppet.responses[-1]
    assert response.status == 488
    assert "SRTP is off" in (first(response, "Warning") or "")
    assert "Bwc" not in (first(response, "Warning") or "")


def test_a_call_may_differ_from_the_setting(arena: Arena) -> None:
    setting(arena, bob="offer")
    arena.call(srtp="require")
    agree(arena, next(iter(SUITES)))
    arena.alice.hang_up_all()


def test_holding_keeps_the_keys(arena: Arena) -> None:
    setting(arena, alice="offer", bob="offer")
    mine, bobs = arena.call()
    before = keys_of(arena.alice), keys_of(arena.bob)
    for command in (Hold(call=mine), Hold(call=bobs), Resume(call=mine), Resume(call=bobs)):
        station = arena.alice if command.call == mine else arena.bob
        station.send(command)
        arena.network.run(seconds=0.5)
        assert (keys_of(arena.alice), keys_of(arena.bob)) == before
    for station in (arena.alice, arena.bob):
        assert {remote.crypto for remote in stream_of(station).remotes} == {keys_of(station)}
        assert all(event.srtp for event in station.heard(MediaChanged))
    arena.alice.hang_up_all()


def test_the_stream_is_never_open_without_keys(arena: Arena) -> None:
    """From its first packet on: what was considered is what is answered."""
    setting(arena, bob="offer")
    arena.bob_answers(after=0.1)
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=media(line(), protocol=SAVP)))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    response = carol.puppet.responses[-1]
    carol.learn(response)
    carol.acknowledge(1)
    arena.network.run(seconds=0.1)
    (remote,) = stream_of(arena.bob).remotes
    assert remote.crypto is not None
    assert remote.crypto.theirs == theirs()
    (medium,) = parse_sdp(response.body).media
    assert medium.protocol == SAVP
    assert b64encode(remote.crypto.ours).decode() in (medium.attributes[0].value or "")
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.1)


def secured(arena: Arena, *lines: str) -> Caller:
    """Carol, a puppet, calls Bob, who answers at once."""
    setting(arena, bob="offer")
    arena.bob_answers(ring=None, after=0.1)
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=media(*lines)))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(carol.puppet.responses[-1])
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    return carol


def reinvite(arena: Arena, carol: Caller, body: bytes) -> int:
    carol.send(carol.request("INVITE", body=body))
    arena.network.run(until=lambda: bool(heard(carol, carol.number)))
    carol.acknowledge(carol.number)
    arena.network.run(seconds=0.1)
    return carol.puppet.responses[-1].status


def test_keys_that_a_reinvite_changes(arena: Arena) -> None:
    carol = secured(arena, line())
    found = [keys_of(arena.bob)]
    for version, lines in enumerate(
        ([line()], [line(8)], [line(8, SHORT), line(8)], [line(8, SHORT)], [line()], [], [line()]),
        2,
    ):
        assert reinvite(arena, carol, media(*lines, version=version)) == 200
        found.append(keys_of(arena.bob))
    same, stays, new, kept, short, back, none, again = found
    assert same == stays
    assert same and new and kept and short and back and again
    assert (new.ours, new.theirs) == (same.ours, theirs(8))
    assert kept == new
    assert short.suite == SHORT
    assert none is None
    assert len({each.ours for each in (same, short, back, again)}) == 4
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.1)


def test_a_refused_reinvite_changes_no_key(arena: Arena) -> None:
    carol = secured(arena, line())
    before = keys_of(arena.bob)
    assert reinvite(arena, carol, media(protocol=SAVP, version=2)) == 488
    assert keys_of(arena.bob) == before
    assert reinvite(arena, carol, media(line(), version=3)) == 200
    assert keys_of(arena.bob) == before
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.1)


def test_an_invite_without_an_offer(arena: Arena) -> None:
    setting(arena, bob="require")
    arena.bob_answers(ring=None, after=0.1)
    carol = caller(arena)
    carol.send(carol.request("INVITE"))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    response = carol.puppet.responses[-1]
    carol.learn(response)
    assert parse_sdp(response.body).media[0].protocol == SAVP
    carol.acknowledge(1, body=media(line(), protocol=SAVP))
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    assert arena.bob.heard(Answered)[0].srtp == CM
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.1)


def ringing(arena: Arena, body: bytes, bob: str) -> tuple[Caller, IncomingCall]:
    setting(arena, bob=bob)
    carol = caller(arena)
    carol.send(carol.request("INVITE", body=body))
    arena.network.run(until=lambda: bool(arena.bob.heard(IncomingCall)))
    return carol, arena.bob.heard(IncomingCall)[0]


@pytest.mark.parametrize(
    ("lines", "policy", "suite"), [([line()], "off", ""), ([line()], "require", CM)]
)
def test_the_owner_decides(arena: Arena, lines: list[str], policy: str, suite: str) -> None:
    carol, incoming = ringing(arena, media(*lines), "offer")
    arena.bob.send(Answer(call=incoming.call, srtp=policy))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(carol.puppet.responses[-1])
    carol.acknowledge(1)
    arena.network.run(seconds=0.1)
    assert arena.bob.heard(Answered)[0].srtp == suite
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.1)


def test_a_call_that_cannot_be_answered_so_rings_on(arena: Arena) -> None:
    carol, incoming = ringing(arena, media(), "offer")
    with pytest.raises(WrongStateError, match="no a=crypto line"):
        arena.bob.ask(Answer(call=incoming.call, srtp="require"))
    with pytest.raises(BadRequestError, match="srtp"):
        arena.bob.ask(Answer(call=incoming.call, srtp="perhaps"))
    arena.bob.send(Answer(call=incoming.call))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(carol.puppet.responses[-1])
    carol.acknowledge(1)
    arena.network.run(seconds=0.1)
    assert arena.bob.heard(Answered)[0].srtp == ""
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.1)


def test_early_media_has_the_keys_of_the_answer(arena: Arena) -> None:
    setting(arena, alice="offer", bob="offer")
    arena.bob.react(
        IncomingCall,
        lambda event: arena.bob.send(Ring(call=event.call, status=183, play=Tone(frequency=440))),
    )
    arena.alice.dial("sip:bob@192.0.2.2")
    arena.network.run(seconds=1.0)
    early = keys_of(arena.alice)
    assert early is not None
    (incoming,) = arena.bob.heard(IncomingCall)
    arena.bob.send(Answer(call=incoming.call))
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    agree(arena, next(iter(SUITES)))
    assert keys_of(arena.alice) == early
    arena.alice.hang_up_all()


def test_a_policy_that_is_none(arena: Arena) -> None:
    with pytest.raises(BadRequestError, match="srtp: 'always'"):
        arena.alice.dial("sip:bob@192.0.2.2", srtp="always")


def test_no_key_is_logged(arena: Arena) -> None:
    setting(arena, alice="offer", bob="offer")
    arena.call()
    for station in (arena.alice, arena.bob):
        said = "\n".join([*station.logs, *map(repr, station.events), repr(stream_of(station))])
        assert not [secret for secret in secrets_of(station) if secret in said]
    arena.alice.hang_up_all()
