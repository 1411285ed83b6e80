import signal
import sys
from pathlib import Path

import pytest

from bus.commands.transfer import TransferOptions, exit_code, request_of
from bus.errors import BadRequestError
from bus.ids import CallId
from bus.transfers import Transfer, TransferEnded
from tests.bus.commands.running import ROOT, Offhook, environment, lines_of, offhook
from tests.peers.baresip import Baresip
from tests.peers.engine import Engine
from tests.peers.processes import Running
from tools.sound import tune

CALL = CallId("c1")


@pytest.mark.parametrize(
    ("ok", "status", "code"),
    [
        *((True, 200, 0), (True, 0, 0), (False, 0, 5), (False, 408, 5), (False, 480, 5)),
        *((False, 486, 4), (False, 603, 4), (False, 403, 4), (False, 404, 6), (False, 503, 6)),
    ],
)
def test_how_it_ended_is_an_exit_code(ok: bool, status: int, code: int) -> None:
    assert exit_code(TransferEnded(call=CALL, ok=ok, status=status)) == code


def test_a_colon_tells_a_uri_from_a_call() -> None:
    blind = TransferOptions(call="c1", to="sip:a@b", header=("X-One: 1",), timeout=5.0)
    assert request_of(blind) == Transfer(
        call=CALL, uri="sip:a@b", timeout=5.0, headers=(("X-One", "1"),)
    )
    attended = TransferOptions(call="c1", to="c2", no_hold=True)
    assert request_of(attended) == Transfer(call=CALL, other=CallId("c2"), hold=False)


def test_a_header_has_a_name_and_a_value() -> None:
    with pytest.raises(BadRequestError, match="NAME:VALUE"):
        request_of(TransferOptions(call="c1", to="c2", header=("X-One",)))


def test_a_call_that_is_none_is_one_line(live: Engine) -> None:
    done = offhook("transfer", "nobody", "sip:a@b", "--run-dir", live.run_dir)
    assert done.returncode == 1
    assert done.stderr.startswith("offhook transfer: no call")
    assert len(done.stderr.splitlines()) == 1


def test_a_caller_is_sent_elsewhere_and_one_who_is_refused_comes_back(
    live: Engine, tmp_path: Path
) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with (
        Offhook(tmp_path, "answer", *run_dir, "--user", "here", log="here.log") as here,
        Offhook(tmp_path, "answer", *run_dir, "--user", "there", log="there.log") as there,
        Offhook(
            tmp_path, "answer", *run_dir, "--user", "busy", "--reject", "486", log="busy.log"
        ) as busy,
    ):
        for each in (here, there, busy):
            each.wait_for("ready")
        with accepting(tmp_path, f"sip:here@{live.sip}") as caller:
            call = str(here.wait_for("answered")["call"])
            done = offhook("transfer", call, f"sip:there@{live.sip}", *run_dir, "--json")
            assert done.returncode == 0, done.stdout + done.stderr
            told = lines_of(done.stdout)
            assert [line["event"] for line in (told[0], told[-1])] == [
                "transferring",
                "transfer_ended",
            ]
            assert {line["status"] for line in told[1:-1]} >= {180}
            there.wait_for("answered")
            assert here.wait_for("ended")["outcome"] == "completed"
            assert caller.wait(20) == 0
        with accepting(tmp_path, f"sip:here@{live.sip}"):
            call = str(here.wait_for("answered", count=2)["call"])
            done = offhook("transfer", call, f"sip:busy@{live.sip}", *run_dir)
            assert done.returncode == 4, done.stdout + done.stderr
            assert done.stdout.splitlines()[-1] == "transfer failed: 486 Busy Here"


def test_a_caller_is_connected_with_the_peer_of_another_call(live: Engine, tmp_path: Path) -> None:
    """The target goes on with the call that takes the place of the one it had."""
    run_dir = ("--run-dir", live.run_dir)
    with (
        Offhook(tmp_path, "answer", *run_dir, "--user", "here", log="here.log") as here,
        Offhook(
            tmp_path, "answer", *run_dir, "--user", "there", "--echo", log="there.log"
        ) as there,
    ):
        here.wait_for("ready")
        there.wait_for("ready")
        with (
            accepting(tmp_path, f"sip:here@{live.sip}") as caller,
            Offhook(tmp_path, "call", f"sip:there@{live.sip}", *run_dir, log="ask.log") as asking,
        ):
            call, other = (str(each.wait_for("answered")["call"]) for each in (here, asking))
            done = offhook("transfer", call, other, *run_dir)
            assert done.returncode == 0, done.stdout + done.stderr
            assert there.wait_for("answered", count=2)["call"] == there.of("replaced")[0]["by"]
            for each in (here, asking):
                each.wait_for("ended")
            assert caller.wait(20) == 0
            there.wait_for("ended", count=2)
            assert "packets came from there" in caller.output()


@pytest.mark.peer("baresip")
def test_ctrl_c_takes_the_caller_back(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with (
        Offhook(tmp_path, "answer", *run_dir, log="here.log") as here,
        Baresip(tmp_path / "phone", says=tune(1.0, 1)) as phone,
    ):
        here.wait_for("ready")
        with accepting(tmp_path, f"sip:here@{live.sip}"):
            call = str(here.wait_for("answered")["call"])
            with Offhook(tmp_path, "transfer", call, phone.uri, *run_dir, log="t.log") as transfer:
                phone.wait_event("CALL_INCOMING")
                transfer.wait_for("transfer_progress")
                transfer.signal(signal.SIGINT)
                assert transfer.wait(20) == 130
            assert transfer.of("transfer_ended")[0]["ok"] is False
            assert here.wait_for("hold_changed", count=2)["local"] is False


def accepting(folder: Path, uri: str) -> Running:
    """A caller who goes where it is sent."""
    command: list[str | Path] = [
        sys.executable,
        ROOT / "tools" / "examples" / "accept_transfer.py",
        uri,
    ]
    return Running(command, folder=folder, log="caller.log", environ=environment({}))
