"""Targets: how a 3xx is read, what is tried next, and when a challenge is answered."""

from bus.calls import Outcome
from signaling.calls.call import Outgoing
from signaling.calls.dialling import next_target, take_contacts, to_tag, user_of
from signaling.sip.message import Response
from tests.harness.arena import TO_CAROL, Arena
from tests.signaling.carol import answering

STALE = 'Digest realm="r", nonce="n", stale=true'
FRESH = 'Digest realm="r", nonce="n"'


def outgoing(*, redirects_left: int = 5, any_domain: bool = True) -> Outgoing:
    return Outgoing(
        target="sip:a@192.0.2.3",
        tried=["sip:a@192.0.2.3"],
        any_domain=any_domain,
        redirects_left=redirects_left,
        headers=(),
        ring_timeout=60.0,
        user="",
        password="",
    )


def moved(*contacts: str) -> Response:
    headers = [("Contact", contact) for contact in contacts]
    return Response(status=302, reason="Moved", headers=headers)


def test_the_best_contact_comes_first_and_none_twice() -> None:
    out = outgoing()
    take_contacts(out, moved("<sip:b@h>;q=0.1", "<sip:c@h>", "<sip:a@192.0.2.3>", "<sip:d@h>;q=x"))
    assert out.targets == ["sip:c@h", "sip:b@h"]
    take_contacts(out, moved("<sip:e@h>;q=0.1", "<sip:b@h>"))
    assert out.targets == ["sip:e@h", "sip:c@h", "sip:b@h"]


def test_contacts_in_other_domains_are_left_out_unless_they_are_allowed() -> None:
    """Toll fraud: the host alone decides, whatever the port or the user."""
    contacts = moved("<sip:b@192.0.2.3:5070>", "<sip:c@h>", "<tel:+49900>", "<sip:d@192.0.2.33>")
    out = outgoing(any_domain=False)
    take_contacts(out, contacts)
    assert out.targets == ["sip:b@192.0.2.3:5070"]
    out = outgoing()
    take_contacts(out, contacts)
    assert len(out.targets) == 4


def test_a_secure_call_stays_secure() -> None:
    out = outgoing()
    out.tried = ["sips:a@192.0.2.3"]
    take_contacts(out, moved("<sip:b@h>", "<sips:c@h>", "<tel:+49900>"))
    assert out.targets == ["sips:c@h"]


def test_redirections_are_counted() -> None:
    out = outgoing(redirects_left=1)
    take_contacts(out, moved("<sip:b@h>", "<sip:c@h>"))
    assert next_target(out)
    assert out.target == "sip:b@h"
    assert not next_target(out)


def test_reading_what_may_be_nothing() -> None:
    assert (user_of("sip:bob@h"), user_of("sip:h"), user_of("http://x y")) == ("bob", "", "")
    assert to_tag(Response(status=200, reason="", headers=[])) == ""
    assert to_tag(Response(status=200, reason="", headers=[("To", "<sip:h>;tag=7")])) == "7"


def test_a_challenge_is_answered_once_and_twice_if_it_was_stale(arena: Arena) -> None:
    for challenge, invites in ((FRESH, 2), (STALE, 3)):
        carol = answering(arena, 401, headers=[("WWW-Authenticate", challenge)])
        arena.alice.dial(TO_CAROL, user="a", password="b")
        arena.network.run(seconds=5.0)
        assert len(carol.of("INVITE")) == invites


def test_a_challenge_that_cannot_be_read_is_a_refusal(arena: Arena) -> None:
    carol = answering(arena, 407, headers=[("Proxy-Authenticate", "Digest realm=")])
    arena.alice.dial(TO_CAROL, user="a", password="b")
    arena.network.run(seconds=5.0)
    assert len(carol.of("INVITE")) == 1
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.REJECTED, 407)


def test_an_impossible_contact_of_a_3xx_ends_the_call(arena: Arena) -> None:
    answering(arena, 302, headers=[("Contact", f"<sip:x@{'x' * 64}.com>")])
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome in (Outcome.UNREACHABLE, Outcome.REJECTED)
