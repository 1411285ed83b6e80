"""Digest both ways with others' implementations: SCENARIOS 2 and 33, the registrar a kamailio."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.peers.baresip import Baresip
from tests.peers.calls import TONE
from tests.peers.capture import Capture, SipSeen
from tests.peers.engine import Engine
from tests.peers.kamailio import REALM, Kamailio
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp
from tools.sound import tune

pytestmark = [pytest.mark.peer("sipp", "capture"), pytest.mark.timeout(60)]

QUIET = tune(1.0, 31)
CHALLENGING = {"auth.challenge": "127.0.0.0/8", "auth.accounts": "anna:secret,ben:word"}
USERS = {"anna": "secret", "ben": "word", "service": "open"}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that challenges everybody, in the way that old telephones understand."""
    settings = {**CHALLENGING, "auth.algorithms": "MD5"}
    with Engine(tmp_path_factory.mktemp("strict"), settings=settings) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.fixture
def guarded(strict: Engine) -> Iterator[PlainClient]:
    with strict.client() as client:
        client.request("subscribe", user="*")
        yield client


# ------------------------------------------------------------------------- we are the server


def test_we_challenge_a_caller(strict: Engine, guarded: PlainClient, tmp_path: Path) -> None:
    with Sipp(
        tmp_path,
        "calls_with_password",
        remote=strict.sip,
        status=401,
        login=("anna", "secret"),
        hold_ms=200,
    ) as peer:
        call = guarded.incoming()
        guarded.request("answer", call=call, play=TONE)
        assert guarded.wait_event("ended", call=call)["outcome"] == "completed"
        peer.finish().check(1)


@pytest.mark.parametrize("login", [("anna", "guess"), ("nobody", "secret")])
def test_a_caller_without_the_password(
    strict: Engine, guarded: PlainClient, tmp_path: Path, login: tuple[str, str]
) -> None:
    """Who exists and who does not gets the same answer; the application hears of neither."""
    with Sipp(tmp_path, "calls_in_vain", remote=strict.sip, status=401, login=login) as peer:
        peer.finish().check(1)
    guarded.watch(0.1)
    assert not guarded.events


@pytest.mark.peer("baresip")
def test_a_telephone_shows_its_password(
    strict: Engine, guarded: PlainClient, tmp_path: Path
) -> None:
    """INVITE and BYE of a baresip with an account here."""
    with Baresip(tmp_path / "phone", says=QUIET, user="ben", password="word") as phone:
        phone.dial(f"sip:service@{strict.sip}")
        call = guarded.incoming()
        guarded.request("answer", call=call, play=TONE)
        guarded.wait_event("answered", call=call)
        phone.wait_event("CALL_ESTABLISHED")
        phone.hold()
        assert guarded.wait_event("hold_changed", call=call)["remote"]
        phone.hang_up()
        assert guarded.wait_event("ended", call=call)["outcome"] == "completed"


@pytest.mark.peer("linphonec")
def test_a_telephone_that_knows_more_than_md5(tmp_path: Path) -> None:
    """Two challenges, SHA-256 and MD5, as they are set by default; linphonec takes the first."""
    with (
        Capture() as wire,
        Engine(tmp_path / "engine", settings=CHALLENGING) as engine,
        Linphone(tmp_path / "phone", says=QUIET, name="anna", password="secret") as phone,
    ):
        engine.wait_up()
        with engine.client() as app:
            app.request("subscribe", user="*")
            phone.dial(f"sip:service@{engine.sip}")
            call = app.incoming()
            app.request("answer", call=call, play=TONE)
            app.wait_event("answered", call=call)
            phone.hang_up()
            assert app.wait_event("ended", call=call)["outcome"] == "completed"
        shown = [seen.header("Authorization") for seen in wire.sip(engine.sip_port)]
    assert any("algorithm=SHA-256" in header for header in shown)


# ----------------------------------------------------- we are the client, kamailio the server


def register(app: PlainClient, proxy: Kamailio, **more: object) -> Fields:
    """Register ``service`` and wait until it is so."""
    fields: Fields = {"aor": f"sip:service@{proxy.sip}", "password": "open", **more}
    app.reply(app.post("register", fields))
    return registered(app, "registered")


def registered(app: PlainClient, state: str) -> Fields:
    """Return the first event that has a registration in this state."""
    while True:
        event = app.wait_event("registration_changed")
        row = cast("Fields", event["registration"])
        if row["state"] == state:
            return row


def unregister(app: PlainClient, proxy: Kamailio) -> None:
    app.request("unregister", aor=f"sip:service@{proxy.sip}")
    registered(app, "ended")


def registers(wire: Capture, proxy: Kamailio) -> list[SipSeen]:
    return [seen for seen in wire.sip(proxy.port) if "REGISTER" in seen.header("CSeq")]


@pytest.mark.peer("kamailio", "linphonec")
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_telephone_calls_us_by_way_of_our_registrar(
    app: PlainClient, tmp_path: Path, algorithm: str
) -> None:
    """We register with digest; a telephone calls us through the proxy; hold, and BYE from us."""
    app.request("subscribe", user="*")
    with (
        Kamailio(tmp_path / "proxy", users=USERS, algorithm=algorithm) as proxy,
        Linphone(tmp_path / "phone", says=QUIET, name="anna") as phone,
    ):
        register(app, proxy)
        phone.dial(f"sip:service@{proxy.sip}")
        call = app.incoming()
        app.request("answer", call=call, play=TONE)
        app.wait_event("answered", call=call)
        phone.wait_up(1)
        app.request("hold", call=call)
        phone.wait_held(1)
        app.request("resume", call=call)
        phone.wait_up(1)
        app.request("hang_up", call=call)
        phone.wait_ended(1)
        app.wait_event("ended", call=call)
        unregister(app, proxy)


@pytest.mark.peer("kamailio", "linphonec")
def test_we_call_a_telephone_through_the_proxy(app: PlainClient, tmp_path: Path) -> None:
    """407 to our INVITE; then hold, and the BYE of the telephone, by the recorded route."""
    with (
        Capture() as wire,
        Kamailio(tmp_path / "proxy", users=USERS, challenge_calls=True) as proxy,
        Linphone(
            tmp_path / "phone",
            says=QUIET,
            name="anna",
            password="secret",
            realm=REALM,
            registrar=proxy.sip,
        ) as phone,
    ):
        phone.wait_registered()
        call = app.dial(
            f"sip:anna@{proxy.sip}",
            play=TONE,
            from_uri=f"sip:service@{proxy.sip}",
            user="service",
            password="open",
        )
        phone.take()
        app.wait_event("answered", call=call)
        app.request("hold", call=call)
        phone.wait_held(1)
        app.request("resume", call=call)
        phone.wait_up(1)
        phone.hang_up()
        assert app.wait_event("ended", call=call)["by"] == "remote"
        invites = [s for s in wire.sip(proxy.port) if s.method == "INVITE"]
        ours = [seen for seen in invites if seen.destination == proxy.port]
    assert [bool(seen.header("Proxy-Authorization")) for seen in ours[:2]] == [False, True]
    assert all(f"sip:{proxy.sip};lr" in seen.header("Route") for seen in ours[2:])
    assert len(ours) == 4


@pytest.mark.peer("kamailio")
def test_the_registrar_grants_longer(app: PlainClient, tmp_path: Path) -> None:
    with Kamailio(tmp_path / "proxy", users=USERS, min_expires=120) as proxy:
        row = register(app, proxy, expires=60)
        unregister(app, proxy)
    assert float(str(row["expires_at"])) > time.time() + 100


def test_the_registrar_wants_longer_registrations(app: PlainClient, tmp_path: Path) -> None:
    """423: what we asked for was too brief; we ask for as long as it says."""
    with Sipp(tmp_path, "registrar_of_long_registrations") as registrar:
        app.request("register", aor=f"sip:service@127.0.0.1:{registrar.port}", expires=60)
        registered(app, "registered")
        app.request("unregister", aor=f"sip:service@127.0.0.1:{registrar.port}")
        registered(app, "ended")
        registrar.finish().check(1)


@pytest.mark.peer("kamailio")
def test_a_nonce_that_is_stale(app: PlainClient, tmp_path: Path) -> None:
    """Refreshed before it expires; the old nonce is refused as stale, and the new one taken."""
    with (
        Capture() as wire,
        Kamailio(tmp_path / "proxy", users=USERS, nonce_expire=1) as proxy,
    ):
        register(app, proxy, expires=4)

        def refreshed() -> bool:
            app.watch(0.1)
            return len([seen for seen in registers(wire, proxy) if seen.status == 200]) == 2

        eventually("it is refreshed", refreshed, seconds=8)
        messages = registers(wire, proxy)
        unregister(app, proxy)
    granted = [seen.at for seen in messages if seen.status == 200]
    assert granted[1] - granted[0] < 4
    numbers = [int(seen.header("CSeq").split()[0]) for seen in messages if seen.method]
    assert numbers == sorted(set(numbers))


@pytest.mark.peer("kamailio")
def test_a_wrong_password_at_the_registrar(app: PlainClient, tmp_path: Path) -> None:
    with Kamailio(tmp_path / "proxy", users=USERS) as proxy:
        app.request("register", aor=f"sip:service@{proxy.sip}", password="guess")
        assert registered(app, "rejected")["status"] in (401, 403)
        app.request("unregister", aor=f"sip:service@{proxy.sip}")
