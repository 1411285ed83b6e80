"""Scenario 26: UPDATE (RFC 3311), with an offer, without one, too early, and crossing others."""

import pytest

from bus.calls import Answered, Ended, IncomingCall, MediaChanged
from bus.holding import Hold, HoldChanged
from signaling.sip.message import every, first
from tests.harness.arena import CAROL, Arena
from tests.signaling.callee import Callee, Says, media
from tests.signaling.carol import MEDIA, MOVED, caller, connected, heard


def test_an_offer_is_answered_and_the_stream_follows(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("UPDATE", body=MOVED))
    arena.network.run(seconds=0.1)
    (response,) = heard(carol, 2, "UPDATE")
    assert response.status == 200
    assert first(response, "Contact")
    assert "UPDATE" in every(response, "Allow")
    assert b"\r\na=sendrecv\r\n" in response.body
    (changed,) = arena.bob.heard(MediaChanged)
    assert changed.remote_media == f"{CAROL}:49180"
    arena.bob.hang_up_all()


def test_without_an_offer_it_refreshes_the_target_only(arena: Arena) -> None:
    carol = connected(arena)
    update = carol.request("UPDATE")
    moved = ("Contact", f"<sip:carol@{CAROL}:5070>")
    update.headers[:] = [moved if name == "Contact" else (name, v) for name, v in update.headers]
    carol.send(update)
    arena.network.run(seconds=0.1)
    (response,) = heard(carol, 2, "UPDATE")
    assert (response.status, response.body) == (200, b"")
    assert not arena.bob.heard(MediaChanged)
    arena.bob.hang_up_all()
    arena.network.run(seconds=0.1)
    byes = [r.datagram for r in arena.network.ladder.rungs if r.datagram.startswith(b"BYE ")]
    assert byes[0].startswith(f"BYE sip:carol@{CAROL}:5070 ".encode())


def test_an_offer_that_cannot_be_used_changes_nothing(arena: Arena) -> None:
    carol = connected(arena)
    carol.send(carol.request("UPDATE", body=MOVED.replace(b"m=audio", b"m=video")))
    arena.network.run(seconds=0.1)
    assert [response.status for response in heard(carol, 2, "UPDATE")] == [488]
    assert not arena.bob.heard(MediaChanged)
    assert not arena.bob.heard(Ended)
    arena.bob.hang_up_all()


def test_an_offer_before_the_answer_has_to_wait(arena: Arena) -> None:
    """RFC 3311 5.2: the offer in the INVITE has no answer yet."""
    carol = caller(arena)
    arena.bob_answers(ring=0.0, after=1.0)
    carol.send(carol.request("INVITE", body=MEDIA))
    arena.network.run(until=lambda: any(r.status == 180 for r in carol.puppet.responses))
    carol.learn(carol.puppet.responses[-1])
    carol.send(carol.request("UPDATE", body=MOVED))
    arena.network.run(until=lambda: bool(heard(carol, 2, "UPDATE")))
    (response,) = heard(carol, 2, "UPDATE")
    assert response.status == 500
    assert 0 <= int(first(response, "Retry-After") or "-1") <= 10
    carol.send(carol.request("UPDATE"))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    assert [r.status for r in heard(carol, 3, "UPDATE")] == [200]
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    assert len(arena.bob.heard(IncomingCall)) == 1
    arena.bob.hang_up_all()


def test_while_an_offer_of_ours_in_a_2xx_is_open_it_is_glare(arena: Arena) -> None:
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    carol.send(carol.request("INVITE"))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(heard(carol, 1)[-1])
    carol.send(carol.request("UPDATE", body=MOVED))
    arena.network.run(until=lambda: bool(heard(carol, 2, "UPDATE")))
    assert [r.status for r in heard(carol, 2, "UPDATE")] == [491]
    carol.acknowledge(1, body=MEDIA)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    assert arena.bob.heard(Answered)[0].remote_media == f"{CAROL}:49170"
    arena.bob.hang_up_all()


def test_after_the_answer_and_before_the_ack_it_is_taken(arena: Arena) -> None:
    """The owner hears nothing of it: to it the call is answered with what was agreed last."""
    carol = caller(arena)
    arena.bob_answers(ring=None, after=0.1)
    carol.send(carol.request("INVITE", body=MEDIA))
    arena.network.run(until=lambda: bool(heard(carol, 1)))
    carol.learn(heard(carol, 1)[-1])
    carol.send(carol.request("UPDATE", body=MOVED))
    arena.network.run(until=lambda: bool(heard(carol, 2, "UPDATE")))
    assert [r.status for r in heard(carol, 2, "UPDATE")] == [200]
    carol.acknowledge(1)
    arena.network.run(until=lambda: bool(arena.bob.heard(Answered)))
    assert arena.bob.heard(Answered)[0].remote_media == f"{CAROL}:49180"
    assert not arena.bob.heard(MediaChanged)
    arena.bob.hang_up_all()


def test_after_the_end_there_is_no_dialog(arena: Arena) -> None:
    carol = connected(arena)
    carol.puppet.handler = None  # the BYE goes unanswered
    arena.bob.hang_up_all()
    carol.send(carol.request("UPDATE"))
    arena.network.run(until=lambda: bool(heard(carol, 2, "UPDATE")))
    assert [r.status for r in heard(carol, 2, "UPDATE")] == [481]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_leaves_what_the_peers_update_agreed(arena: Arena, when: str) -> None:
    """Our hold and the peer's UPDATE cross: one is glare, the other stands."""
    carol = Callee(arena, Says(200, media("recvonly", version=5), after=0.5))
    moved = MOVED.replace(b"49180", b"49190")
    if when == "before":
        carol.request("UPDATE", body=moved)
        arena.network.run(until=lambda: bool(carol.statuses(1, "UPDATE")))
    number = arena.alice.send(Hold(call=carol.call))
    arena.network.run(until=lambda: len(carol.asked) == 1)
    if when == "after":
        arena.network.run(seconds=0.52)
        carol.request("UPDATE", body=moved)
    arena.network.run(until=lambda: number in arena.alice.replies)
    arena.network.run(seconds=0.2)
    assert carol.statuses(1, "UPDATE") == [200]
    (stream,) = arena.alice.worker.open_streams
    assert stream.remotes[-1].port == (49170 if when == "before" else 49190)
    assert not stream.remotes[-1].receive
    assert [(e.local, e.remote) for e in arena.alice.heard(HoldChanged)] == [(True, False)]
    arena.alice.hang_up_all()
