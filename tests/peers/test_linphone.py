from pathlib import Path

import pytest

from tests.peers.hearing import check_hears, check_hears_not
from tests.peers.linphone import Linphone
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp
from tools.sound import tune

pytestmark = [pytest.mark.peer("linphonec"), pytest.mark.timeout(60)]

QUIET = tune(0.5, 9)


@pytest.mark.parametrize(("codec", "transport"), [("PCMU", "udp"), ("PCMA", "tcp")])
def test_two_telephones_hear_each_other(tmp_path: Path, codec: str, transport: str) -> None:
    """The harness itself: the file for a microphone, the ear, the keys and the hold."""
    songs = [tune(2.0, seed) for seed in (1, 2)]
    with (
        Linphone(
            tmp_path / "anna", says=songs[0], name="anna", codec=codec, transport=transport
        ) as anna,
        Linphone(
            tmp_path / "ben", says=songs[1], name="ben", codec=codec, transport=transport
        ) as ben,
    ):
        out = anna.dial(ben.uri)
        coming = ben.wait_incoming()
        ben.accept(coming)
        anna.wait_up(out)
        eventually("they heard", lambda: min(anna.seconds_heard(), ben.seconds_heard()) > 2.2)
        ben.press("1#")
        anna.wait_line("Receiving tone 1 ")
        anna.wait_line("Receiving tone # ")
        anna.hold(out)
        ben.wait_held(coming)
        anna.resume(out)
        ben.wait_up(coming)
        anna.hang_up(out)
        ben.wait_ended(coming)
    for phone, theirs, own in ((ben, songs[0], songs[1]), (anna, songs[1], songs[0])):
        check_hears(theirs, phone.heard())
        check_hears_not(own, phone.heard())


def test_digits_as_info(tmp_path: Path) -> None:
    with (
        Linphone(tmp_path / "anna", says=QUIET, name="anna", digits_by="info") as anna,
        Linphone(tmp_path / "ben", says=QUIET, name="ben", auto_answer=True) as ben,
    ):
        anna.wait_up(anna.dial(ben.uri))
        anna.press("7")
        ben.wait_line("Receiving tone 7 ")
        stack = (ben.folder / "stack.log").read_text(errors="replace")
    assert "Signal=7" in stack


@pytest.mark.peer("sipp")
def test_a_blind_transfer_between_three(tmp_path: Path) -> None:
    """Anna sends Ben, whom she called, to a SIPp; her call with Ben ends by it."""
    with (
        Linphone(tmp_path / "anna", says=QUIET, name="anna") as anna,
        Linphone(tmp_path / "ben", says=QUIET, name="ben", auto_answer=True) as ben,
        Sipp(tmp_path, "answers_and_hangs_up", hold_ms=200) as target,
    ):
        out = anna.dial(ben.uri)
        anna.wait_up(out)
        anna.transfer(out, f"sip:target@127.0.0.1:{target.port}")
        ben.wait_line("Establishing call|Call 2 .* connected")
        target.finish().check(1)


@pytest.mark.peer("sipp")
def test_it_takes_a_call_and_gives_it_up(tmp_path: Path) -> None:
    with Linphone(tmp_path / "anna", says=QUIET) as anna:
        service = "linphone"
        with Sipp(
            tmp_path, "uac", remote=f"127.0.0.1:{anna.port}", service=service, hold_ms=300
        ) as peer:
            call = anna.wait_incoming()
            anna.accept(call)
            anna.wait_ended(call)
            peer.finish().check(1)
