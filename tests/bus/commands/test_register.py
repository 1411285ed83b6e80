import signal
from pathlib import Path

import pytest

from bus.commands.register import PASSWORD, password, row
from bus.errors import BadRequestError
from bus.ids import PeerId
from bus.registrations import RegistrationInfo
from tests.bus.commands.running import Offhook, lines_of, offhook
from tests.peers.engine import Engine
from tests.peers.kamailio import Kamailio
from tests.peers.processes import eventually


def test_a_registration_is_a_row() -> None:
    info = RegistrationInfo(
        aor="sip:a@b",
        registrar="sip:b",
        state="registered",
        owner=PeerId("me"),
        contact="sip:a@127.0.0.1:5060",
        expires_at=160.0,
        status=200,
        reason="OK",
    )
    cells = ("sip:a@b", "registered", "60", "sip:a@127.0.0.1:5060", "sip:b", "200 OK", "me")
    assert row(info, now=100.0) == cells


def test_the_password_comes_from_a_file_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(PASSWORD, "environment")
    assert password(None) == "environment"
    file = tmp_path / "password"
    file.write_text("file\nsomething else\n")
    assert password(file) == "file"
    file.write_text("")
    with pytest.raises(BadRequestError, match="empty"):
        password(file)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [(("sip:host",), "aor"), (("sip:a@b", "--password-file", "/nowhere"), "/nowhere")],
)
def test_wrong_usage_is_one_line(live: Engine, words: tuple[str, ...], complaint: str) -> None:
    done = offhook("register", *words, "--run-dir", live.run_dir)
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.peer("kamailio")
def test_it_is_registered_until_ctrl_c(
    live: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Kamailio(tmp_path / "proxy", users={"anna": "secret"}) as proxy:
        aor, registrar = f"sip:anna@{proxy.sip}", ("--registrar", f"sip:{proxy.sip}")
        monkeypatch.setenv(PASSWORD, "wrong")
        refused = offhook("register", aor, *registrar, *run_dir, "--json")
        assert refused.returncode == 4, refused.stdout + refused.stderr
        assert lines_of(refused.stdout)[-1]["state"] == "rejected"
        monkeypatch.setenv(PASSWORD, "secret")
        with Offhook(tmp_path, "register", aor, *registrar, *run_dir) as registering:
            eventually("it is registered", lambda: states(registering)[-1:] == ["registered"])
            [listed] = lines_of(offhook("registrations", *run_dir, "--json").stdout)
            assert (listed["aor"], listed["state"]) == (aor, "registered")
            assert aor in offhook("registrations", *run_dir).stdout
            with Offhook(
                tmp_path, "answer", "--user", "anna", *run_dir, log="answer.log"
            ) as callee:
                callee.wait_for("ready")
                done = offhook("call", aor, *run_dir, "--duration", "0.2")
                assert done.returncode == 0, done.stdout
            registering.signal(signal.SIGINT)
            assert registering.wait(10) == 0
            assert states(registering)[-1] == "ended"
        assert not lines_of(offhook("registrations", *run_dir, "--json").stdout)


def states(registering: Offhook) -> list[object]:
    return [line["state"] for line in registering.of("registration")]
