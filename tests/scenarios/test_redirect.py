"""Following 3xx as a caller (RFC 3261 8.1.3.4)."""

from collections.abc import Callable, Sequence

from bus.calls import Ended, Outcome
from signaling.sip.message import Header, Request, first
from tests.harness.arena import TO_BOB, TO_CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet


def moved(*contacts: str, status: int = 302) -> Callable[[Puppet, Request, Path], None]:
    """Answer every INVITE with these contacts."""
    headers: Sequence[Header] = [("Contact", contact) for contact in contacts]

    def handler(puppet: Puppet, request: Request, _: Path) -> None:
        if request.method == "INVITE":
            puppet.answer(request, status, headers=headers)

    return handler


def test_a_redirection_is_followed(arena: Arena) -> None:
    carol = arena.puppet("carol", "192.0.2.3", moved(f"<{TO_BOB}>"))
    mine, _ = arena.call(TO_CAROL, redirect_any_domain=True)
    (asked,) = carol.of("INVITE")
    followed = arena.bob.requests("INVITE")[0]
    assert first(asked, "Call-ID") == first(followed, "Call-ID")
    assert first(asked, "From") == first(followed, "From")
    assert first(asked, "To") == first(followed, "To")
    assert first(followed, "CSeq") == "2 INVITE"
    assert followed.uri == TO_BOB
    assert len(carol.of("ACK")) == 1
    assert len(arena.alice.worker.streams) == 1
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().call == mine


def test_another_domain_needs_a_word(arena: Arena) -> None:
    """Toll fraud: a 3xx spends our money as a REFER does."""
    carol = arena.puppet("carol", "192.0.2.3", moved(f"<{TO_BOB}>"))
    arena.bob_answers()
    arena.alice.dial(TO_CAROL)
    arena.network.run(seconds=3.0)
    assert len(carol.of("INVITE")) == 1
    assert not arena.bob.requests("INVITE")
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.REJECTED, 302)


def test_the_best_contact_is_tried_first(arena: Arena) -> None:
    dave = arena.puppet(
        "dave", "192.0.2.4", lambda d, r, _: d.answer(r, 486) if r.method == "INVITE" else None
    )
    arena.puppet("carol", "192.0.2.3", moved(f"<{TO_BOB}>;q=0.2", "<sip:dave@192.0.2.4>;q=0.9"))
    arena.bob_answers()
    arena.alice.dial(TO_CAROL, redirect_any_domain=True)
    arena.network.run(seconds=3.0)
    assert len(dave.of("INVITE")) == 1
    assert len(arena.bob.requests("INVITE")) <= 1
    arena.alice.hang_up_all()


def test_a_loop_ends(arena: Arena) -> None:
    carol = arena.puppet("carol", "192.0.2.3", moved("<sip:dave@192.0.2.4>"))
    dave = arena.puppet("dave", "192.0.2.4", moved(f"<{TO_CAROL}>"))
    arena.alice.dial(TO_CAROL, redirect_any_domain=True)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert (len(carol.of("INVITE")), len(dave.of("INVITE"))) == (1, 1)
    assert (arena.alice.ended().outcome, arena.alice.ended().status) == (Outcome.REJECTED, 302)


def test_an_endless_chain_is_left(arena: Arena) -> None:
    count = 0

    def further(puppet: Puppet, request: Request, _: Path) -> None:
        nonlocal count
        if request.method == "INVITE":
            count += 1
            contact = ("Contact", f"<sip:carol{count}@192.0.2.3>")
            puppet.answer(request, 302, headers=[contact])

    arena.puppet("carol", "192.0.2.3", further)
    arena.alice.dial(TO_CAROL, max_redirects=3)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)))
    assert count == 4
    assert arena.alice.ended().status == 302


def test_a_redirection_without_or_with_foreign_contacts(arena: Arena) -> None:
    contacts: list[Header] = []
    arena.puppet(
        "carol",
        "192.0.2.3",
        lambda carol, r, _: (
            carol.answer(r, 300, headers=contacts) if r.method == "INVITE" else None
        ),
    )
    for uri in ("", "tel:+15551234", "sips:bob@192.0.2.2", "mailto:bob@example.com"):
        contacts[:] = [("Contact", f"<{uri}>")] if uri else []
        arena.alice.dial(TO_CAROL, redirect_any_domain=True)
        arena.network.run(seconds=3.0)
    ends = arena.alice.heard(Ended)
    assert len(ends) == 4
    assert {end.outcome for end in ends} <= {Outcome.REJECTED, Outcome.UNREACHABLE}


def test_a_contact_that_leads_nowhere_gives_way_to_the_next(arena: Arena) -> None:
    """One name does not exist, one scheme is not ours: the third is called."""
    nowhere = ("<sip:x@no.such.host>;q=0.9", "<tel:+49301234>;q=0.8", f"<{TO_BOB}>;q=0.1")
    arena.puppet("carol", "192.0.2.3", moved(*nowhere))
    arena.call(TO_CAROL, redirect_any_domain=True)
    assert len(arena.bob.requests("INVITE")) == 1
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
