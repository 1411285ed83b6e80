"""SCENARIO 34 in virtual time: transports that fail while a call is on."""

from bus.calls import Answered, Outcome
from signaling.effects import TransportFailed
from signaling.sip.flow import Flow
from signaling.sip.message import first
from tests.harness.arena import ALICE, BOB, TO_BOB, Arena

TCP = f"tcp:{ALICE}:5060"
OPENED = Flow(TCP, BOB, 5060, f"tcp:{BOB}:5060")
TO_OPEN = Flow(TCP, BOB, 5060)


def test_a_long_request_goes_over_udp_where_tcp_is_refused(arena: Arena) -> None:
    """RFC 3261 18.1.1, and the CANCEL goes where the INVITE went (9.1)."""
    arena.link("alice", "bob").down = True
    arena.bob_answers(after=5.0)
    arena.alice.dial(TO_BOB, headers=[("X-Long", "x" * 1300)])
    arena.network.run(seconds=0.1)
    arena.link("alice", "bob").down = False
    arena.alice.feed(TransportFailed(TO_OPEN, "refused"))
    arena.network.run(seconds=1.0)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    for method in ("INVITE", "CANCEL", "ACK"):
        (request,) = arena.bob.requests(method)
        assert (first(request, "Via") or "").startswith("SIP/2.0/UDP "), method
    assert arena.bob.ended().outcome is Outcome.CANCELLED


def test_the_cancel_of_a_long_request_goes_over_tcp_too(arena: Arena) -> None:
    arena.bob_answers(after=5.0)
    arena.alice.dial(TO_BOB, headers=[("X-Long", "x" * 1300)])
    arena.network.run(seconds=1.0)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    for method in ("INVITE", "CANCEL", "ACK"):
        (request,) = arena.bob.requests(method)
        assert (first(request, "Via") or "").startswith("SIP/2.0/TCP "), method
    assert arena.alice.ended().outcome is Outcome.CANCELLED


def test_a_bye_that_a_reset_swallowed_goes_over_a_new_connection(arena: Arena) -> None:
    arena.call(f"{TO_BOB};transport=tcp")
    arena.link("alice", "bob").down = True
    arena.alice.hang_up_all()
    arena.network.run(seconds=0.1)
    arena.link("alice", "bob").down = False
    arena.alice.feed(TransportFailed(OPENED, "reset"))
    arena.network.run(seconds=1.0)
    assert len(arena.bob.requests("BYE")) == 1
    assert arena.bob.ended().outcome is Outcome.COMPLETED


def test_a_reset_while_it_rings_changes_nothing(arena: Arena) -> None:
    """The answer may come over another connection (RFC 3261 18.2.2)."""
    arena.bob_answers(ring=0.1, after=2.0)
    arena.alice.dial(f"{TO_BOB};transport=tcp")
    arena.network.run(seconds=1.0)
    arena.alice.feed(TransportFailed(OPENED, "reset"))
    arena.network.run(seconds=3.0)
    assert len(arena.alice.heard(Answered)) == 1
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_what_the_transport_said_is_told(arena: Arena) -> None:
    arena.alice.dial("sip:bob@192.0.2.99;transport=tcp")
    arena.network.run(seconds=0.1)
    arena.alice.feed(TransportFailed(Flow(TCP, "192.0.2.99", 5060), "bad certificate of x"))
    arena.network.run(seconds=1.0)
    ended = arena.alice.ended()
    assert (ended.outcome, ended.reason) == (Outcome.UNREACHABLE, "bad certificate of x")
