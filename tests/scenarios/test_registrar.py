"""A registrar of our own: phones register at Bob's engine and call each other through it."""

from collections.abc import Sequence

import pytest

from bus.calls import Answer, Answered, Ended, HangUp, IncomingCall, Outcome, Ring, Subscribe
from bus.registrations import ListRegistrations, Register, Registrations, Unregister
from bus.settings import AuthSettings, RegistrarSettings, Settings
from signaling.registrar import MOST
from signaling.sip.headers import parse_via
from signaling.sip.message import Header, Request, Response, every, first
from signaling.sip.render import respond
from tests.harness.arena import BOB, CAROL, Arena
from tests.harness.puppet import Caller
from tests.harness.station import Station
from tests.signaling.carol import heard

ACCOUNTS = ("alice:wonder", "carol:song")


def open_registrar(arena: Arena, *, accounts: Sequence[str] = ACCOUNTS, **limits: int) -> Station:
    """Let Bob be the registrar, and Carol a phone with an owner of her own."""
    settings = Settings(
        auth=AuthSettings(accounts=tuple(accounts)),
        registrar=RegistrarSettings(enabled=True, **limits),  # type: ignore[arg-type]
    )
    arena.bob = arena.station("bob", BOB, settings=settings)
    return arena.station("carol", CAROL)


def log_in(arena: Arena, station: Station, user: str, password: str, scheme: str = "") -> None:
    aor = f"sip:{user}@{BOB}{scheme}"
    station.ask(Register(aor=aor, password=password))
    arena.network.run(until=lambda: user in arena.bob.state.location.bindings, seconds=5.0)


def log_out(arena: Arena, *stations: Station) -> None:
    for station in stations:
        for aor in list(station.state.registrations):
            station.ask(Unregister(aor=aor))
    arena.network.run(seconds=1.0)
    assert arena.bob.state.location.bindings == {}


def answers(station: Station, *, ring: float = 0.1, after: float = 0.3) -> None:
    def incoming(event: IncomingCall) -> None:
        station.later(ring, lambda: station.send(Ring(call=event.call)))
        station.later(after, lambda: station.send(Answer(call=event.call)))

    station.react(IncomingCall, incoming)


@pytest.mark.parametrize("scheme", ["", ";transport=tcp"])
def test_two_phones_and_no_other_server(arena: Arena, scheme: str) -> None:
    carol = open_registrar(arena)
    log_in(arena, arena.alice, "alice", "wonder", scheme)
    log_in(arena, carol, "carol", "song")
    answers(carol)
    call = arena.alice.dial(
        f"sip:carol@{BOB}{scheme}", from_uri=f"sip:alice@{BOB}", user="alice", password="wonder"
    )
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)), seconds=5.0)
    arena.network.run(until=lambda: bool(carol.heard(Answered)), seconds=5.0)
    assert arena.bob.heard(IncomingCall) == [], "the registrar's applications are not asked"
    (incoming,) = carol.heard(IncomingCall)
    assert (incoming.from_uri, incoming.source[:3]) == (f"sip:alice@{BOB}", "udp")
    assert "Proxy-Authorization" not in dict(incoming.headers), "it was meant for us"
    carol.ask(HangUp(call=incoming.call))
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)), seconds=5.0)
    assert [(e.call, e.outcome, e.by) for e in arena.alice.heard(Ended)] == [
        (call, Outcome.COMPLETED, "remote")
    ]
    (bye,) = arena.alice.requests("BYE")
    assert len(every(bye, "Via")) == 2, "the BYE came through the registrar as well"
    log_out(arena, arena.alice, carol)


def test_busy_and_cancelled(arena: Arena) -> None:
    carol = open_registrar(arena)
    log_in(arena, carol, "carol", "song")
    carol.react(IncomingCall, lambda event: carol.send(Ring(call=event.call)))
    call = arena.alice.dial(f"sip:carol@{BOB}")
    arena.network.run(until=lambda: bool(carol.heard(IncomingCall)), seconds=5.0)
    arena.network.run(seconds=1.0)
    arena.alice.ask(HangUp(call=call))
    arena.network.run(until=lambda: bool(carol.heard(Ended)), seconds=5.0)
    assert carol.heard(Ended)[-1].outcome is Outcome.CANCELLED
    log_out(arena, carol)


def test_who_calls_as_an_account_must_know_its_password(arena: Arena) -> None:
    carol = open_registrar(arena)
    log_in(arena, carol, "carol", "song")
    arena.alice.dial(f"sip:carol@{BOB}", from_uri=f"sip:alice@{BOB}", user="alice", password="tea")
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)), seconds=5.0)
    assert arena.alice.heard(Ended)[-1].status == 407
    assert carol.heard(IncomingCall) == []
    log_out(arena, carol)


def test_a_lost_invite_with_credentials_is_let_in_again(arena: Arena) -> None:
    carol = open_registrar(arena)
    log_in(arena, carol, "carol", "song")
    answers(carol, ring=0.1, after=2.0)
    arena.link("bob", "carol").latency = 0.9  # so that the INVITE is sent again meanwhile
    arena.alice.dial(
        f"sip:carol@{BOB}", from_uri=f"sip:alice@{BOB}", user="alice", password="wonder"
    )
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)), seconds=9.0)
    labels = arena.network.ladder.labels("bob")
    assert sum("407" in label for label in labels) == 1, labels
    assert len(carol.heard(IncomingCall)) == 1
    arena.alice.hang_up_all()
    arena.network.run(seconds=5.0)
    log_out(arena, carol)


def test_an_application_that_wants_this_very_user_comes_first(arena: Arena) -> None:
    carol = open_registrar(arena)
    log_in(arena, carol, "carol", "song")
    arena.bob.ask(Subscribe(user="carol"))
    arena.bob_answers()
    arena.alice.dial(f"sip:carol@{BOB}")
    arena.network.run(until=lambda: bool(arena.alice.heard(Answered)), seconds=5.0)
    assert carol.heard(IncomingCall) == []
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    log_out(arena, carol)


def test_nobody_there_any_more(arena: Arena) -> None:
    carol = open_registrar(arena, min_expires=1)
    carol.ask(Register(aor=f"sip:carol@{BOB}", password="song", expires=30))
    arena.network.run(until=lambda: "carol" in arena.bob.state.location.bindings, seconds=5.0)
    listed = arena.bob.ask(ListRegistrations())
    assert isinstance(listed, Registrations)
    assert [(info.aor, info.state) for info in listed.registrations] == [("carol", "bound")]
    arena.link("carol", "bob").down = True
    arena.network.run(seconds=40.0)
    assert arena.bob.state.location.bindings == {}
    arena.link("carol", "bob").down = False
    log_out(arena, carol)


# ---------------------------------------------------------------------------------- REGISTER


def registering(arena: Arena, *accounts: str, **limits: int) -> Caller:
    open_registrar(arena, accounts=accounts, **limits)
    phone = Caller(arena.puppet("dave", "192.0.2.4"), BOB, call_id="phone")
    phone.uri = f"sip:{BOB}"
    return phone


def ask(arena: Arena, phone: Caller, *headers: Header, contacts: Sequence[str] = ()) -> Response:
    request = phone.request("REGISTER", headers=headers)
    kept = [(n, v) for n, v in request.headers if n != "Contact"]
    request.headers[:] = [*kept, *(("Contact", contact) for contact in contacts)]
    phone.send(request)
    number = phone.number
    arena.network.run(until=lambda: bool(heard(phone, number, "REGISTER")), seconds=5.0)
    return heard(phone, number, "REGISTER")[-1]


def test_what_a_register_may_say(arena: Arena) -> None:
    phone = registering(arena, min_expires=60, max_expires=600, max_contacts=2)
    one, two, three = ("<sip:d@192.0.2.4:1>", "<sip:d@192.0.2.4:2>", "<sip:d@192.0.2.4:3>")
    both = ask(arena, phone, contacts=[f"{one};q=0.1", f"{two};expires=9999"])
    assert every(both, "Contact") == [
        "<sip:d@192.0.2.4:2>;expires=600",
        "<sip:d@192.0.2.4:1>;expires=600",
    ]
    assert ask(arena, phone, contacts=[three]).status == 403
    brief = ask(arena, phone, contacts=[f"{one};expires=0", f"{two};expires=5"])
    assert (brief.status, first(brief, "Min-Expires")) == (423, "60")
    assert len(every(ask(arena, phone), "Contact")) == 2, "the whole request was refused"
    assert ask(arena, phone, contacts=["*"]).status == 400
    gone = ask(arena, phone, ("Expires", "0"), contacts=["*"])
    assert (gone.status, every(gone, "Contact")) == (200, [])


def test_a_preference_that_is_no_number_is_none(arena: Arena) -> None:
    phone = registering(arena)
    one, two = ("<sip:d@192.0.2.4:1>", "<sip:d@192.0.2.4:2>")
    for strange in ("nan", "inf", "-1", "x"):
        both = ask(arena, phone, contacts=[f"{one};q={strange};expires=600", f"{two};q=0.9"])
        assert every(both, "Contact")[0] == f"{one};expires=600", strange
    ask(arena, phone, ("Expires", "0"), contacts=["*"])


def test_an_old_register_changes_nothing(arena: Arena) -> None:
    phone = registering(arena)
    phone.number = 5
    ask(arena, phone, contacts=["<sip:d@192.0.2.4:1>"])
    phone.number = 3
    late = ask(arena, phone, ("Expires", "0"), contacts=["*"])
    assert late.status == 500
    phone.number = 10
    assert len(every(ask(arena, phone), "Contact")) == 1
    ask(arena, phone, ("Expires", "0"), contacts=["*"])


def test_a_phone_that_registers_all_the_time_leaves_one_timer(arena: Arena) -> None:
    phone = registering(arena)
    for _ in range(100):
        ask(arena, phone, contacts=["<sip:d@192.0.2.4:1>"])
    assert len(arena.bob.state.timers) < 80
    assert sum("is at" in line for line in arena.bob.logs) == 1, "a refresh is no news"
    ask(arena, phone, ("Expires", "0"), contacts=["*"])
    arena.network.run(seconds=3600.0)


def test_there_is_an_end_to_the_users_that_one_can_invent() -> None:
    with Arena(1) as arena:  # not to be replayed: its state is made by hand
        phone = registering(arena)
        ask(arena, phone, contacts=["<sip:d@192.0.2.4:1>"])
        location = arena.bob.state.location
        (binding,) = location.bindings["bob"].values()
        for number in range(MOST - 1):
            location.replace(f"user{number}", {binding.contact: binding})
        request = phone.request("REGISTER")
        other = [(n, f"<sip:one-more@{BOB}>" if n == "To" else v) for n, v in request.headers]
        phone.send(Request(method="REGISTER", uri=request.uri, headers=other, body=b""))
        arena.network.run(until=lambda: bool(heard(phone, 2, "REGISTER")), seconds=5.0)
        assert heard(phone, 2, "REGISTER")[0].status == 503
        assert ask(arena, phone, contacts=["<sip:d@192.0.2.4:1>"]).status == 200


def test_calls_go_to_the_port_that_the_contact_names_unless_a_nat_is_between(arena: Arena) -> None:
    phone = registering(arena)
    ask(arena, phone, contacts=["<sip:d@192.0.2.4:5070>", "<sip:d@10.0.0.4:5070>"])
    (bindings,) = arena.bob.state.location.bindings.values()
    ways = {uri: (each.flow.host, each.flow.port) for uri, each in bindings.items()}
    assert ways == {
        "sip:d@192.0.2.4:5070": ("192.0.2.4", 5070),
        "sip:d@10.0.0.4:5070": ("192.0.2.4", 5060),
    }
    ask(arena, phone, ("Expires", "0"), contacts=["*"])


def test_off_by_default(arena: Arena) -> None:
    phone = Caller(arena.puppet("dave", "192.0.2.4"), BOB, call_id="phone")
    phone.uri = f"sip:{BOB}"
    assert ask(arena, phone, contacts=["<sip:d@192.0.2.4:1>"]).status == 405


# ----------------------------------------------------------------------------- who means no good


def test_a_forged_way_leads_nowhere(arena: Arena) -> None:
    phone = registering(arena)
    ask(arena, phone, contacts=["<sip:d@192.0.2.4:1>"])
    dave = phone.puppet
    for forged in ("x", "é", "AAAA", "A" * 64):
        branch = f"SIP/2.0/UDP {BOB}:5060;branch=z9hG4bKfw1"
        response = respond(phone.request("OPTIONS"), 200)
        response.headers.insert(0, ("Via", f'{branch};flow="{forged}"'))
        dave.send(response, f"udp:{BOB}:5060")
        options = phone.request("OPTIONS", headers=[("Route", f"<sip:{forged}@{BOB};lr>")])
        dave.send(options, f"udp:{BOB}:5060")
    arena.network.run(seconds=1.0)
    ask(arena, phone, ("Expires", "0"), contacts=["*"])


def test_one_seal_is_not_another(arena: Arena) -> None:
    phone = registering(arena)
    ask(arena, phone, contacts=["<sip:dave@192.0.2.4>"])
    arena.alice.dial(f"sip:bob@{BOB}")
    arena.network.run(until=lambda: bool(phone.puppet.of("INVITE")), seconds=5.0)
    (invite,) = phone.puppet.of("INVITE")
    flow = parse_via(every(invite, "Via")[0]).parameter("flow")
    phone.uri, phone.tag = f"sip:alice@{BOB}", "any"
    bye = phone.send(phone.request("BYE", headers=[("Route", f"<sip:{flow}@{BOB};lr>")]))
    number = int((first(bye, "CSeq") or "").split()[0])
    arena.network.run(until=lambda: bool(heard(phone, number, "BYE")), seconds=5.0)
    assert heard(phone, number, "BYE")[0].status == 481
    phone.puppet.answer(invite, 603)
    arena.network.run(until=lambda: bool(arena.alice.heard(Ended)), seconds=5.0)
    phone.uri, phone.tag = f"sip:{BOB}", ""
    ask(arena, phone, ("Expires", "0"), contacts=["*"])


def test_a_way_into_a_dialog_is_none_for_a_new_call(arena: Arena) -> None:
    carol = open_registrar(arena, max_contacts=2)
    log_in(arena, carol, "carol", "song")
    arena.alice.dial(f"sip:carol@{BOB}")
    arena.network.run(until=lambda: bool(carol.heard(IncomingCall)), seconds=5.0)
    (incoming,) = carol.heard(IncomingCall)
    (route,) = [v for n, v in incoming.headers if n == "Record-Route"]
    dave = Caller(arena.puppet("dave", "192.0.2.4"), BOB, call_id="free-of-charge")
    dave.puppet.name = "alice"
    dave.uri = f"sip:carol@{BOB}"
    dave.send(dave.request("INVITE", headers=[("Route", route)]))
    arena.network.run(until=lambda: bool(heard(dave, 1)), seconds=5.0)
    assert heard(dave, 1)[0].status == 407
    arena.alice.hang_up_all()
    arena.network.run(seconds=1.0)
    log_out(arena, carol)


def test_nobody_takes_our_own_dialogs_by_registering_our_name(arena: Arena) -> None:
    phone = registering(arena)
    phone.puppet.name = "offhook"
    request = phone.request("REGISTER")
    kept = [(n, f"<sip:offhook@{BOB}>" if n == "To" else v) for n, v in request.headers]
    phone.send(Request(method="REGISTER", uri=request.uri, headers=kept, body=b""))
    arena.network.run(until=lambda: "offhook" in arena.bob.state.location.bindings, seconds=5.0)
    arena.call()
    arena.alice.hang_up_all()
    arena.network.run(until=lambda: bool(arena.bob.heard(Ended)), seconds=5.0)
    assert [label for label in arena.network.ladder.labels("offhook") if "BYE" in label] == []
    assert phone.puppet.of("ACK") == phone.puppet.of("BYE") == []
    arena.network.run(seconds=3600.0)


@pytest.mark.parametrize(
    ("header", "status"),
    [(("Max-Forwards", "0"), 483), (("Proxy-Require", "privacy"), 420)],
)
def test_what_a_proxy_cannot_do(arena: Arena, header: Header, status: int) -> None:
    phone = registering(arena)
    ask(arena, phone, contacts=["<sip:dave@192.0.2.4>"])
    phone.uri = f"sip:bob@{BOB}"
    invite = phone.request("INVITE", headers=[header])
    given = [(n, v) for n, v in invite.headers if n != header[0] or v == header[1]]
    phone.send(Request(method="INVITE", uri=invite.uri, headers=given, body=b""))
    number = phone.number
    arena.network.run(until=lambda: bool(heard(phone, number)), seconds=5.0)
    assert heard(phone, number)[0].status == status
    assert phone.puppet.of("INVITE") == []
    phone.uri = f"sip:{BOB}"
    ask(arena, phone, ("Expires", "0"), contacts=["*"])
