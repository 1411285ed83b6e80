from pathlib import Path

import pytest

from bus.commands.register import PASSWORD, password, row
from bus.errors import BadRequestError
from bus.ids import PeerId
from bus.registrations import RegistrationInfo
from tests.bus.commands.running import offhook
from tests.peers.engine import Engine


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
