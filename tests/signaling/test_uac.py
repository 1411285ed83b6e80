"""Responses to our requests, and requests that get none (RFC 3261 8.1.3, 13.2.2)."""

import pytest

from bus.calls import Answered, Outcome
from tests.harness.arena import CAROL, TO_CAROL, Arena
from tests.signaling.carol import MEDIA, answering


def test_an_answer_that_we_cannot_use_is_acknowledged_and_ended(arena: Arena) -> None:
    carol = answering(arena, 200, body=b"v=0\r\n")
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    assert [request.method for request in carol.requests] == ["INVITE", "ACK", "BYE"]
    assert arena.alice.ended().outcome is Outcome.MEDIA_NOT_ACCEPTABLE
    assert not arena.alice.heard(Answered)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Outcome.REJECTED),
        (480, Outcome.NO_ANSWER),
        (486, Outcome.BUSY),
        (488, Outcome.MEDIA_NOT_ACCEPTABLE),
        (699, Outcome.REJECTED),
    ],
)
def test_a_refusal(arena: Arena, status: int, outcome: Outcome) -> None:
    answering(arena, status)
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    ended = arena.alice.ended()
    assert (ended.outcome, ended.status, ended.by) == (outcome, status, "remote")


def test_nobody_is_there(arena: Arena) -> None:
    arena.alice.dial("sip:nobody@192.0.2.99")
    arena.network.run(seconds=40.0)
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.UNREACHABLE, 408)


@pytest.mark.parametrize(
    "contact",
    [
        "*",
        "<tel:+123>",
        "<mailto:a@b>",
        "<sip:nowhere.example.com>",
        f"<sip:{'x' * 64}.example.com>",
        f"<sip:carol@{CAROL};transport=ws>",
    ],
)
def test_a_contact_that_leads_nowhere_still_gets_ack_and_bye(arena: Arena, contact: str) -> None:
    """They go to where the peer was last heard."""
    carol = answering(arena, 200, headers=[("Contact", contact)], body=MEDIA)
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert [request.method for request in carol.requests] == ["INVITE", "ACK", "BYE"]
    assert arena.alice.ended().outcome is Outcome.COMPLETED


def test_the_next_contact_of_a_3xx_when_one_is_silent(arena: Arena) -> None:
    contacts = ["<sip:nobody@192.0.2.99>;q=1.0", f"<sip:again@{CAROL}>;q=0.5"]
    carol = answering(arena, 302, headers=[("Contact", contact) for contact in contacts])
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=40.0)
    assert [request.uri for request in carol.of("INVITE")] == [TO_CAROL, f"sip:again@{CAROL}"]
