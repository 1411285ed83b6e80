"""Scenarios 11 to 14: hold and resume, by us, by the peer, by both, refused, fifty times over."""

import pytest

from bus.calls import Ended, MediaChanged, Ok
from bus.codec import decode_body
from bus.envelope import Done, Refused
from bus.holding import Hold, HoldChanged, Resume
from bus.ids import CallId
from bus.protocol import Reply
from bus.sources import Music, Tone
from signaling.sdp.parse import parse_sdp
from signaling.sip.message import Request, first
from tests.harness.arena import Arena
from tests.harness.station import Station


def asked(arena: Arena, station: Station, command: Hold | Resume) -> Done | Refused:
    """Ask, and wait for the reply."""
    number = station.send(command)
    arena.network.run(until=lambda: number in station.replies)
    arena.network.run(seconds=0.1)
    return station.replies[number]


def direction(request: Request) -> str:
    """Return what an SDP says of its only medium."""
    (media,) = parse_sdp(request.body).media
    return media.attributes[-1].name


def states(station: Station) -> list[tuple[bool, bool]]:
    return [(event.local, event.remote) for event in station.heard(HoldChanged)]


def test_hold_and_resume(arena: Arena) -> None:
    mine, theirs = arena.call()
    assert isinstance(asked(arena, arena.alice, Hold(call=mine)), Done)
    (stream,) = arena.alice.worker.open_streams
    assert stream.music == Music()
    assert (stream.remotes[-1].send, stream.remotes[-1].receive) == (True, False)
    invite, again = arena.bob.requests("INVITE")
    assert direction(again) == "sendonly"
    before, now = parse_sdp(invite.body).origin, parse_sdp(again.body).origin
    assert (now.session_id, int(now.version)) == (before.session_id, int(before.version) + 1)
    assert parse_sdp(invite.body).media[0].port == parse_sdp(again.body).media[0].port
    assert first(again, "CSeq") == "2 INVITE"
    assert (states(arena.alice), states(arena.bob)) == ([(True, False)], [(False, True)])
    assert isinstance(asked(arena, arena.alice, Resume(call=mine)), Done)
    assert stream.music is None
    assert (stream.remotes[-1].send, stream.remotes[-1].receive) == (True, True)
    assert (states(arena.alice)[-1], states(arena.bob)[-1]) == ((False, False), (False, False))
    arena.alice.hang_up_all()
