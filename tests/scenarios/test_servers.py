"""RFC 3263: a name with several servers, and what happens when one of them is of no use."""

import pytest

from bus.calls import Answered, Outcome
from bus.registrations import Register, RegistrationChanged, Unregister
from bus.settings import Settings, SipSettings
from signaling.locating import Question, Record
from signaling.sip.message import Request, every, first
from tests.harness.arena import ALICE, BOB, CAROL, TO_BOB, Arena
from tests.harness.network import Path
from tests.harness.puppet import Handler, Puppet
from tests.signaling.carol import MEDIA, answering

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


def granting(puppet: Puppet, request: Request, path: Path) -> None:
    """Register whoever asks, and refuse every call."""
    if request.method == "REGISTER":
        expires = first(request, "Expires")
        contact = (first(request, "Contact") or "").partition(";")[0]
        bound = [("Contact", f"{contact};expires={expires}")] if expires != "0" else []
        puppet.answer(request, 200, headers=bound)
    elif request.method != "ACK":
        puppet.answer(request, 486)


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


def test_the_proxy_of_the_settings_is_the_way_of_all_that_begins(arena: Arena) -> None:
    """A call's own proxy goes before it."""
    settings = Settings(sip=SipSettings(proxy=f"sip:{CAROL}"))
    alice = arena.alice = arena.station("alice", ALICE, settings=settings)
    carol = arena.puppet("carol", CAROL, granting)
    alice.ask(Register(aor="sip:alice@example.com", registrar=TO_BOB, expires=60))
    alice.dial(TO_BOB)
    arena.bob_answers()
    arena.call(proxy=TO_BOB)
    arena.network.run(seconds=1.0)
    assert [(r.method, r.uri) for r in carol.requests] == [
        ("REGISTER", TO_BOB),
        ("INVITE", TO_BOB),
        ("ACK", TO_BOB),
    ]
    assert all(every(r, "Route") == [f"<sip:{CAROL};lr>"] for r in carol.requests)
    (to_bob,) = arena.bob.requests("INVITE")
    assert every(to_bob, "Route") == [f"<{TO_BOB};lr>"]
    alice.ask(Unregister(aor="sip:alice@example.com"))
    alice.hang_up_all()
    arena.network.run(seconds=1.0)


def test_a_registration_goes_to_the_next_server(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, granting)
    servers(arena, NOBODY, CAROL)
    alice = arena.alice
    alice.ask(Register(aor="sip:a@example.com", registrar="sip:example.com", expires=3600))
    arena.network.run(seconds=40.0)
    (changed,) = alice.heard(RegistrationChanged)
    assert changed.registration.state == "registered"
    assert len(carol.of("REGISTER")) == 1
    alice.ask(Unregister(aor="sip:a@example.com"))
    arena.network.run(seconds=40.0)


def test_a_strict_router_gets_its_own_uri(arena: Arena) -> None:
    """RFC 3261 12.2.1.1: the remote target is the last Route."""
    router = f"sip:router@{CAROL}"
    contact = f"sip:bob@{BOB}:5060"
    headers = [("Record-Route", f"<{router}>"), ("Contact", f"<{contact}>")]
    carol = answering(arena, 200, headers=headers, body=MEDIA)
    arena.alice.dial(f"sip:bob@{CAROL}")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)))
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    for method in ("ACK", "BYE"):
        (request,) = carol.of(method)
        assert (request.uri, every(request, "Route")) == (router, [f"<{contact}>"])


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
