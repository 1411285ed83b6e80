"""Which challenges are answered within a call, and which are not (digest leak)."""

from bus.calls import Ended
from bus.registrations import Register
from signaling.sip.message import Request, first
from signaling.sip.verify import Nonces, challenge, new_nonce
from tests.harness.arena import CAROL, Arena
from tests.harness.network import Path
from tests.harness.puppet import Puppet
from tests.signaling.carol import connected

NONCES = Nonces(key="ab" * 32)


def asks_who_it_is(puppet: Puppet, request: Request, _: Path) -> None:
    """Challenge everything that has no credentials, in a realm of its own."""
    if first(request, "Authorization") is not None:
        puppet.answer(request, 200)
        return
    header = challenge(
        "WWW-Authenticate",
        realm=puppet.name,
        nonce=new_nonce(NONCES, 1.0, "00"),
        algorithm="MD5",
        stale=False,
    )
    puppet.answer(request, 401, headers=[header])


def bye_of_a_call_from_carol(arena: Arena) -> list[str | None]:
    """Let Carol call Bob, and Bob hang up; return the credentials of his BYEs."""
    carol = connected(arena).puppet
    carol.handler = asks_who_it_is
    arena.bob.hang_up_all()
    arena.network.run(until=lambda: bool(arena.bob.heard(Ended)), seconds=5.0)
    arena.network.run(seconds=1.0)
    return [first(bye, "Authorization") for bye in carol.of("BYE")]


def register_at(arena: Arena, name: str, host: str) -> None:
    arena.puppet(name, host, asks_who_it_is)
    arena.bob.ask(Register(aor=f"sip:bob@{name}", registrar=f"sip:{host}", password="x"))
    arena.network.run(seconds=1.0)


def forget_registrations(arena: Arena) -> None:
    arena.bob.owner_silent = True
    arena.network.run(seconds=40.0)


def test_a_stranger_who_calls_learns_no_digest(arena: Arena) -> None:
    assert bye_of_a_call_from_carol(arena) == [None]


def test_nor_does_one_whose_realm_is_not_that_of_our_registrar(arena: Arena) -> None:
    register_at(arena, "dave", "192.0.2.4")
    assert bye_of_a_call_from_carol(arena) == [None]
    forget_registrations(arena)


def test_a_realm_that_we_registered_with_is_answered(arena: Arena) -> None:
    register_at(arena, "carol", CAROL)
    without, answered = bye_of_a_call_from_carol(arena)
    assert without is None
    assert answered is not None
    assert 'realm="carol"' in answered
    forget_registrations(arena)
