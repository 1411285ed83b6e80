"""SCENARIO 33 from the other side: two telephones and nothing between them but ``offhook up``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.engine import Engine
from tests.peers.hearing import check_hears
from tests.peers.linphone import Linphone
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp
from tools.sound import tune

pytestmark = [pytest.mark.peer("sipp"), pytest.mark.timeout(60)]

ANNA, BEN = tune(8.0, 21), tune(8.0, 22)
SETTINGS: dict[str, str | int | float] = {
    "registrar.enabled": "true",
    "registrar.min_expires": 30,
    "auth.accounts": "anna:secret,ben:word,carl:tone",
    "auth.algorithms": "MD5",  # all that baresip 1.0 and SIPp know: another one, and they give up
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that is a registrar."""
    with Engine(tmp_path_factory.mktemp("engine"), settings=SETTINGS) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.mark.peer("linphonec", "baresip")
@pytest.mark.parametrize(
    ("caller", "transport"), [("linphonec", "udp"), ("baresip", "udp"), ("baresip", "tcp")]
)
def test_two_telephones_call_each_other(
    engine: Engine, tmp_path: Path, caller: str, transport: str
) -> None:
    """They register with passwords, find each other by name, hear each other, and hang up."""
    with (
        Linphone(
            tmp_path / "anna",
            says=ANNA,
            name="anna",
            password="secret",
            registrar=engine.sip,
            transport=transport,
        ) as anna,
        Baresip(
            tmp_path / "ben",
            says=BEN,
            user="ben",
            password="word",
            registrar=engine.sip,
            transport=transport,
        ) as ben,
    ):
        ben.wait_registered()
        anna.wait_registered()
        if caller == "linphonec":
            anna.dial(f"sip:ben@{engine.sip};transport={transport}")
            ben.take()
        else:
            ben.dial("anna")
            anna.take()
        ben.wait_event("CALL_ESTABLISHED")
        eventually("they talked", lambda: anna.seconds_heard() > 2.0)
        if caller == "linphonec":
            ben.hang_up()
            anna.wait_ended(1)
        else:
            anna.hang_up()
            ben.wait_event("CALL_CLOSED")
        check_hears(BEN, anna.heard())
        check_hears(ANNA, ben.heard())


def registers(folder: Path, engine: Engine, **more: str | int) -> Sipp:
    keys = {"user": "anna", "contact_port": 9, "expires": 60, **more}
    scenario = str(keys.pop("scenario", "registers"))
    password = str(keys.pop("password", "secret"))
    return Sipp(
        folder,
        scenario,
        remote=engine.sip,
        status=401,
        seconds=5,
        login=(str(keys["user"]), password),
        keys=keys,
    )


@pytest.mark.peer("baresip")
def test_who_has_left_is_not_there(engine: Engine, tmp_path: Path) -> None:
    """Registered, it is called; when it has gone (``Expires: 0``) the caller hears 480."""
    with Baresip(
        tmp_path / "carl",
        says=BEN,
        user="carl",
        password="tone",
        registrar=engine.sip,
        auto_answer=True,
    ) as carl:
        carl.wait_registered()
        with Sipp(
            tmp_path, "calls_and_hangs_up", remote=engine.sip, service="carl", hold_ms=100
        ) as caller:
            caller.finish().check(1)
        carl.stop()
    with Sipp(tmp_path, "is_refused", remote=engine.sip, service="carl", status=480) as caller:
        caller.finish().check(1)


def test_a_wrong_password(engine: Engine, tmp_path: Path) -> None:
    """It is challenged again, and so is somebody whom we do not know at all."""
    for user in ("anna", "nobody"):
        with registers(tmp_path, engine, user=user, password="guess") as registration:
            outcome = registration.finish()
        assert outcome.failed == 1
        assert outcome.messages.count("SIP/2.0 401 ") >= 2


def test_a_registration_that_is_too_brief(engine: Engine, tmp_path: Path) -> None:
    with registers(tmp_path, engine, scenario="registers_too_briefly", expires=5) as registration:
        registration.finish().check(1)
