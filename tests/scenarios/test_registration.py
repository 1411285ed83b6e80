"""Scenario 33: we register; the registrar asks for more, is late, forgets us, or is dead."""

import re

import msgspec

from bus.calls import Ended
from bus.registrations import (
    ListRegistrations,
    Register,
    RegistrationChanged,
    Registrations,
    Unregister,
)
from bus.settings import AuthSettings, RegistrarSettings, Settings
from signaling.effects import TransportFailed
from signaling.sip.flow import Flow
from signaling.sip.headers import parse_cseq
from signaling.sip.message import Header, Request, first
from signaling.sip.render import respond
from tests.harness.arena import BOB, CAROL, Arena
from tests.harness.network import Path, Uniform
from tests.harness.puppet import Puppet
from tests.harness.station import Station

AOR = "sip:alice@example.com"
AT_BOB, AT_CAROL = f"sip:{BOB}", f"sip:{CAROL}"
REGISTRAR = Settings(
    auth=AuthSettings(accounts=("alice:wonder",)), registrar=RegistrarSettings(enabled=True)
)


class Registrar:
    """A registrar worked by hand: answers from a list, then 200."""

    def __init__(self, *answers: tuple[int, list[Header]], expires: int = 100) -> None:
        self.answers = list(answers)
        self.expires = expires
        self.silent = False

    def __call__(self, puppet: Puppet, request: Request, path: Path) -> None:
        if self.silent or request.method != "REGISTER":
            return
        status, headers = self.answers.pop(0) if self.answers else (200, [])
        if status == 200 and (contact := first(request, "Contact")):
            uri = contact.partition(";expires")[0]
            gone = first(request, "Expires") == "0"
            headers = [*headers, *([] if gone else [("Contact", f"{uri};expires={self.expires}")])]
        puppet.send(respond(request, status, to_tag="r", headers=headers), path.remote)


def states(station: Station) -> list[str]:
    return [event.registration.state for event in station.heard(RegistrationChanged)]


def register(arena: Arena, registrar: str = AT_CAROL, expires: float = 3600.0) -> None:
    command = Register(aor=AOR, registrar=registrar, password="wonder", expires=expires)
    arena.alice.ask(command)


def unregister(arena: Arena) -> None:
    arena.alice.ask(Unregister(aor=AOR))
    arena.network.run(until=lambda: states(arena.alice)[-1] == "ended", seconds=40.0)
    assert arena.alice.state.registrations == {}


def numbers(requests: list[Request]) -> list[int]:
    return [parse_cseq(first(request, "CSeq") or "").number for request in requests]


def test_registered_refreshed_and_removed(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, Registrar())
    register(arena, expires=100)
    arena.network.run(seconds=350.0)
    requests = carol.of("REGISTER")
    assert 4 <= len(requests) <= 5, "refreshed between 75 and 90 of each 100 s"
    assert {first(request, "Call-ID") for request in requests} == {first(requests[0], "Call-ID")}
    assert numbers(requests) == list(range(1, len(requests) + 1))
    assert states(arena.alice) == ["registered"], "a refresh is no news"
    listed = arena.alice.ask(ListRegistrations())
    assert isinstance(listed, Registrations)
    assert [info.state for info in listed.registrations] == ["registered"]
    unregister(arena)
    assert first(carol.of("REGISTER")[-1], "Expires") == "0"
    before = len(carol.of("REGISTER"))
    arena.network.run(seconds=400.0)
    assert len(carol.of("REGISTER")) == before


def test_digest_at_a_registrar_of_ours_and_a_wrong_password(arena: Arena) -> None:
    arena.bob = arena.station("bob", BOB, settings=REGISTRAR)
    register(arena, AT_BOB)
    arena.network.run(until=lambda: states(arena.alice) == ["registered"], seconds=5.0)
    bindings = arena.bob.state.location.of("alice", arena.network.now)
    assert [each.contact for each in bindings] == ["sip:alice@192.0.2.1:5060"]
    assert arena.network.ladder.labels("alice") == ["REGISTER 1", "REGISTER 2"]
    assert arena.network.ladder.labels("bob") == ["401 REGISTER 1", "200 REGISTER 2"]
    unregister(arena)
    assert arena.bob.state.location.bindings == {}
    arena.alice.ask(Register(aor=AOR, registrar=AT_BOB, password="tea"))
    arena.network.run(until=lambda: states(arena.alice)[-1] == "rejected", seconds=5.0)
    assert arena.alice.heard(RegistrationChanged)[-1].registration.status == 401
    assert arena.bob.state.location.bindings == {}
    unregister(arena)


def test_too_brief_is_asked_again_with_the_time_named(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, Registrar((423, [("Min-Expires", "600")])))
    register(arena, expires=60)
    arena.network.run(until=lambda: bool(states(arena.alice)), seconds=5.0)
    assert [first(request, "Expires") for request in carol.of("REGISTER")] == ["60", "600"]
    assert states(arena.alice) == ["registered"]
    unregister(arena)


def test_a_dead_registrar_is_tried_less_and_less_and_found_again(arena: Arena) -> None:
    registrar = Registrar()
    carol = arena.puppet("carol", CAROL, registrar)
    register(arena)
    arena.network.run(until=lambda: bool(states(arena.alice)), seconds=5.0)
    registrar.silent = True
    arena.network.run(until=lambda: states(arena.alice)[-1] == "failing", seconds=150.0)
    arena.network.run(seconds=60.0)
    registrar.silent = False
    arena.network.run(until=lambda: states(arena.alice)[-1] == "registered", seconds=60.0)
    assert len({first(request, "Call-ID") for request in carol.of("REGISTER")}) == 1
    tried = sorted(set(numbers(carol.of("REGISTER"))))
    assert tried == list(range(1, len(tried) + 1))
    unregister(arena)


def test_retry_after_is_waited_for(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, Registrar((503, [("Retry-After", "30 (busy)")])))
    register(arena)
    arena.network.run(seconds=29.0)
    assert (len(carol.of("REGISTER")), states(arena.alice)) == (1, ["failing"])
    arena.network.run(seconds=3.0)
    assert states(arena.alice)[-1] == "registered"
    unregister(arena)


def test_a_refused_one_is_left_alone(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, Registrar((403, [])))
    register(arena)
    arena.network.run(seconds=600.0)
    assert (len(carol.of("REGISTER")), states(arena.alice)) == (1, ["rejected"])
    unregister(arena)
    assert len(carol.of("REGISTER")) == 1, "there is nothing to remove"


def test_the_address_that_the_registrar_saw_is_registered(arena: Arena) -> None:
    def behind_nat(puppet: Puppet, request: Request, path: Path) -> None:
        via = first(request, "Via") or ""
        seen = via.replace(";rport", ";rport=40000;received=198.51.100.7")
        headers = [(n, seen if n == "Via" else v) for n, v in request.headers]
        changed = msgspec.structs.replace(request, headers=headers)
        Registrar()(puppet, changed, path)

    carol = arena.puppet("carol", CAROL, behind_nat)
    register(arena)
    arena.network.run(seconds=3.0)
    (_, second) = carol.of("REGISTER")
    contacts = [value for name, value in second.headers if name == "Contact"]
    assert re.fullmatch(r"<sip:alice@192\.0\.2\.1:5060>;expires=0", contacts[0])
    assert re.fullmatch(r"<sip:alice@198\.51\.100\.7:40000>;expires=3600", contacts[1])
    unregister(arena)


def test_who_goes_away_is_removed(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, Registrar())
    register(arena)
    arena.network.run(until=lambda: bool(states(arena.alice)), seconds=5.0)
    arena.alice.owner_silent = True
    arena.network.run(seconds=10.0)
    assert first(carol.of("REGISTER")[-1], "Expires") == "0"
    assert arena.alice.state.registrations == {}
    assert arena.alice.heard(Ended) == []


def test_lost_packets_do_not_matter(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, Registrar(expires=60))
    arena.link("alice", "carol").loss = Uniform(0.4)
    arena.link("carol", "alice").loss = Uniform(0.4)
    register(arena, expires=60)
    arena.network.run(seconds=600.0)
    assert states(arena.alice)[-1] in ("registered", "failing")
    numbered = numbers(carol.of("REGISTER"))
    assert numbered == sorted(numbered)
    for one, other in (("alice", "carol"), ("carol", "alice")):
        arena.link(one, other).loss = Uniform(0.0)
    arena.network.run(until=lambda: states(arena.alice)[-1] == "registered", seconds=400.0)
    unregister(arena)


def test_a_registrar_that_sees_us_elsewhere_each_time(arena: Arena) -> None:
    ports = iter(range(10000, 20000))

    def wandering(puppet: Puppet, request: Request, path: Path) -> None:
        response = respond(request, 200, to_tag="r", headers=[("Expires", "100")])
        via = (
            "Via",
            re.sub("rport=?[0-9]*", f"rport={next(ports)}", dict(response.headers)["Via"]),
        )
        response.headers[:] = [via if n == "Via" else (n, v) for n, v in response.headers]
        puppet.send(response, path.remote)

    carol = arena.puppet("carol", CAROL, wandering)
    register(arena, expires=100)
    arena.network.run(seconds=300.0)
    assert len(carol.of("REGISTER")) <= 10, "twice a refresh at most"
    unregister(arena)


def test_nonsense_in_a_response_teaches_nothing(arena: Arena) -> None:
    nonsense = iter(("rport=99999", "rport=5060;received=x_y", f"rport={'9' * 5000}", "rport=0"))

    def strange(puppet: Puppet, request: Request, path: Path) -> None:
        response = respond(request, 200, to_tag="r", headers=[("Expires", "9" * 5000)])
        said = re.sub("rport=?[0-9]*", next(nonsense, "rport"), dict(response.headers)["Via"])
        response.headers[:] = [(n, said if n == "Via" else v) for n, v in response.headers]
        puppet.send(response, path.remote)

    carol = arena.puppet("carol", CAROL, strange)
    register(arena, expires=100)
    arena.network.run(seconds=500.0)
    (contact,) = {(first(each, "Contact") or "")[:30] for each in carol.of("REGISTER")}
    assert contact.startswith("<sip:alice@192.0.2.1:5060>"), contact
    unregister(arena)


def test_who_asks_for_ever_more_or_grants_nothing(arena: Arena) -> None:
    more = [(423, [("Min-Expires", str(seconds))]) for seconds in range(200, 300)]
    carol = arena.puppet("carol", CAROL, Registrar(*more))
    register(arena, expires=100)
    arena.network.run(seconds=10.0)
    assert len(carol.of("REGISTER")) == 4
    assert states(arena.alice)[-1] == "rejected"
    unregister(arena)
    nothing = arena.puppet("carol", CAROL, Registrar(expires=0))
    register(arena, expires=100)
    arena.network.run(seconds=10.0)
    assert len(nothing.of("REGISTER")) <= 11, "once a second at most"
    unregister(arena)


def test_a_connection_that_breaks_is_made_again(arena: Arena) -> None:
    carol = arena.puppet("carol", CAROL, Registrar())
    register(arena, f"{AT_CAROL};transport=tcp")
    arena.network.run(until=lambda: bool(states(arena.alice)), seconds=5.0)
    arena.network.run(seconds=5.0)
    assert len(carol.of("REGISTER")) == 1
    broken = Flow("tcp:192.0.2.1:5060", CAROL, 5060, f"tcp:{CAROL}:5060")
    arena.alice.feed(TransportFailed(broken, "reset"))
    arena.network.run(seconds=3.0)
    assert len(carol.of("REGISTER")) == 2
    unregister(arena)
