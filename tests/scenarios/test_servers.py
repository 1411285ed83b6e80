"""RFC 3263: a name with several servers, and what happens when one of them is of no use."""

import pytest

from bus.calls import Answered, Outcome
from signaling.locating import Question, Record
from signaling.sip.message import Request, every, first
from tests.harness.arena import BOB, CAROL, TO_BOB, Arena
from tests.harness.network import Path
from tests.harness.puppet import Handler, Puppet

NOBODY = "192.0.2.99"


def servers(arena: Arena, *hosts: str, transport: str = "udp") -> None:
    """Let example.com have these servers, the first first."""
    name = f"_sip._{transport}.example.com"
    arena.alice.records = {
        Question("SRV", name): tuple(
            Record(target=f"s{place}.example.com", order=place, port=5060)
            for place, _ in enumerate(hosts)
        ),
        **{
            Question("A", f"s{place}.example.com"): (Record(target=host),)
            for place, host in enumerate(hosts)
        },
    }


def answering_503(puppet: Puppet, request: Request, path: Path) -> None:
    if request.method != "ACK":
        puppet.answer(request, 503)


def silent(puppet: Puppet, request: Request, path: Path) -> None:
    pass


@pytest.mark.parametrize("handler", [answering_503, silent])
def test_a_call_goes_to_the_next_server(arena: Arena, handler: Handler) -> None:
    carol = arena.puppet("carol", CAROL, handler)
    servers(arena, CAROL, BOB)
    mine, _ = arena.call("sip:bob@example.com")
    one, two = carol.of("INVITE")[-1], arena.bob.requests("INVITE")[-1]
    assert first(one, "Via") != first(two, "Via")
    for same in ("Call-ID", "CSeq", "From", "To"):
        assert first(one, same) == first(two, same)
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert arena.alice.ended().outcome is Outcome.COMPLETED
    assert arena.alice_is_up(mine)


def test_the_last_server_of_a_name_is_the_end_of_it(arena: Arena) -> None:
    arena.puppet("carol", CAROL, answering_503)
    servers(arena, CAROL, CAROL)
    arena.alice.dial("sip:bob@example.com")
    arena.network.run(seconds=5.0)
    assert (arena.alice.ended().status, arena.alice.ended().by) == (503, "remote")


def test_a_call_that_was_given_up_tries_no_other_server(arena: Arena) -> None:
    servers(arena, NOBODY, BOB)
    arena.alice.dial("sip:bob@example.com")
    arena.network.run(seconds=1.0)
    arena.alice.hang_up_all()
    arena.network.run(seconds=70.0)
    assert not arena.bob.requests("INVITE")


def test_a_refusal_is_final(arena: Arena) -> None:
    """A 486 is the callee's, not the server's."""
    arena.puppet("carol", CAROL, lambda puppet, request, _: puppet.answer(request, 486))
    servers(arena, CAROL, BOB)
    arena.alice.dial("sip:bob@example.com")
    arena.network.run(seconds=5.0)
    assert arena.alice.ended().outcome is Outcome.BUSY
    assert not arena.bob.requests("INVITE")


def test_a_proxy_is_a_route(arena: Arena) -> None:
    """RFC 3261 8.1.2: the Request-URI is the callee's, the way is the proxy's."""
    carol = arena.puppet("carol", CAROL, answering_503)
    arena.alice.dial(TO_BOB, proxy=f"sip:{CAROL}")
    arena.network.run(seconds=5.0)
    (invite,) = carol.of("INVITE")
    assert invite.uri == TO_BOB
    assert every(invite, "Route") == [f"<sip:{CAROL};lr>"]
    assert not arena.bob.requests("INVITE")


def test_a_long_request_goes_over_tcp(arena: Arena) -> None:
    """RFC 3261 18.1.1; Bob, who was called over TCP, is found there from then on."""
    arena.call(headers=[("X-Long", "x" * 1300)])
    (invite,) = arena.bob.requests("INVITE")
    assert (first(invite, "Via") or "").startswith("SIP/2.0/TCP ")
    (ack,) = arena.bob.requests("ACK")
    assert (first(ack, "Via") or "").startswith("SIP/2.0/TCP ")
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    assert len(arena.alice.heard(Answered)) == 1
