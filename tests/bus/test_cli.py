import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bus import cli
from bus.cli import COMMANDS, main, parser
from bus.commands.command import Command, Options
from bus.errors import OffhookError

ROOT = Path(__file__).parent.parent.parent
NAMES = (
    *("up", "call", "answer", "status", "calls", "workers", "hangup", "dtmf"),
    *(
        "hold",
        "resume",
        "transfer",
        "bridge",
        "unbridge",
        "conference",
        "play",
        "record",
        "gain",
        "mute",
        "unmute",
        "register",
        "registrations",
        "events",
        "trace",
    ),
    *("devices", "check-config", "doctor", "bench"),
)


def failing(error: BaseException) -> Command[Options]:
    def run(options: Options) -> int:
        raise error

    return Command("fail", "fails", Options, lambda _: None, run)


def test_the_commands_that_scripts_rely_on() -> None:
    assert tuple(command.name for command in COMMANDS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_has_help_and_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "up --config F --workers 2 --sip udp:127.0.0.1:0 --sip tcp:127.0.0.1:0 --run-dir D --json",
        "call sip:a@b --run-dir D --play tone:440 --record F --dtmf 1# --duration 2.5 --json",
        "call sip:a@b --user U --password P",
        "answer --run-dir D --echo --record D --json",
        "answer --play F",
        "answer --reject 486",
        "answer --redirect sip:a@b --count 3",
        "workers --scale 3",
        "hangup c1",
        "dtmf c1 12#",
        "dtmf c1 12# --method info",
        "hold c1 --music F --json",
        "resume c1 --json",
        "transfer c1 sip:a@b --timeout 5 --header X-One:1 --header X-Two:2 --json",
        "transfer c1 c2 --no-hold",
        "register sip:a@b --registrar sip:b --user U --password-file F --expires 60 --json",
        "registrations --json",
        "trace --json",
        "trace c1 --full",
        "check-config F",
        "check-config --config F",
    ],
)
def test_the_flags_that_scripts_rely_on(words: str) -> None:
    assert parser().parse_args(words.split()).command == words.split()[0]


@pytest.mark.parametrize(
    "words",
    [[], ["nonsense"], ["call"], ["call", "--duraton", "3"], ["answer", "--echo", "--play"]],
)
def test_wrong_usage_is_one_line_and_exit_code_1(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OffhookError("no engine"), 1, "offhook fail: no engine\n"),
        (
            FileNotFoundError(2, "No such file", "x"),
            1,
            "offhook fail: [Errno 2] No such file: 'x'\n",
        ),
        (ZeroDivisionError("division by zero"), 1, "offhook fail: internal error: ZeroDivisionE"),
        (ExceptionGroup("", [OffhookError("inner")]), 1, "offhook fail: inner\n"),
        (KeyboardInterrupt(), 130, ""),
        (asyncio.CancelledError(), 130, ""),
    ],
)
def test_errors_are_one_line_and_never_a_traceback(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "COMMANDS", (failing(error),))
    assert main(["fail"]) == code
    heard = capsys.readouterr().err
    assert heard.startswith(said)
    assert heard.count("\n") == bool(said)


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    line = f"{sys.executable} -m bus check-config | head -1"
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "sip.listen" in done.stdout


def test_it_starts_quickly_enough_to_be_a_command() -> None:
    """The SIP stack and the media engine are other processes; the command imports neither."""
    code = "import sys, bus.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"signaling", "mediaworker", "tests", "tools"} & set(done.stdout.split())
