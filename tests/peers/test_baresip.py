from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.capture import Capture, check_continuous, longest_gap
from tests.peers.certificates import authority, signed
from tests.peers.hand import media_port
from tests.peers.kamailio import Kamailio
from tests.peers.processes import eventually
from tests.peers.sipp import Sipp
from tools.sound import RATE, listen, read_wav, tune

pytestmark = [pytest.mark.peer("baresip"), pytest.mark.timeout(60)]

QUIET = tune(0.5, 9)


@pytest.mark.peer("capture")
def test_two_telephones_hear_each_other(tmp_path: Path) -> None:
    """The harness itself: the file for a microphone, the ear, the events and the capture."""
    songs = [tune(2.0, seed) for seed in (1, 2)]
    folders = [tmp_path / "caller", tmp_path / "callee"]
    for folder in folders:
        folder.mkdir()
    with (
        Capture() as capture,
        Baresip(folders[0], says=songs[0]) as caller,
        Baresip(folders[1], says=songs[1]) as callee,
    ):
        caller.dial(callee.uri)
        callee.wait_event("CALL_INCOMING")
        callee.accept()
        caller.wait_event("CALL_ESTABLISHED")
        ports = {media_port(message) for message in capture.sip(callee.port) if message.body}
        assert len(ports) == 2
        eventually(
            "2.5 seconds of RTP each way",
            lambda: min(len(capture.rtp(source=port)) for port in ports) > 125,
        )
        caller.hang_up()
        callee.wait_event("CALL_CLOSED")
        heard = [read_wav(phone.heard())[0][:, 0] for phone in (callee, caller)]
        messages = capture.sip(callee.port)
    for song, ear in zip(songs, heard, strict=True):
        assert listen(song[: int(1.5 * RATE)], ear).passes()
        assert not listen(songs[0] + songs[1], ear).passes()
    for port in ports:
        packets = [packet for packet in capture.rtp(source=port) if packet.payload_type == 0]
        check_continuous(packets)
        assert longest_gap(packets) < 0.2
    assert [m.method for m in messages if m.method] == ["INVITE", "ACK", "BYE"]


@pytest.mark.peer("capture")
def test_it_holds_and_takes_back(tmp_path: Path) -> None:
    with (
        Capture() as capture,
        Baresip(tmp_path / "caller", says=QUIET) as caller,
        Baresip(tmp_path / "callee", says=QUIET, auto_answer=True) as callee,
    ):
        caller.dial(callee.uri)
        caller.wait_event("CALL_ESTABLISHED")
        caller.hold()
        eventually(
            "a hold",
            lambda: [m for m in capture.sip(callee.port) if "a=sendonly" in m.body],
        )
        caller.resume()
        eventually(
            "a resume",
            lambda: [m.body for m in capture.sip(callee.port) if m.method == "INVITE"][2:],
        )
        caller.hang_up()
        callee.wait_event("CALL_CLOSED")


@pytest.mark.peer("sipp")
@pytest.mark.parametrize("role", ["caller", "callee"])
def test_a_blind_transfer_between_three(tmp_path: Path, role: str) -> None:
    with (
        Baresip(tmp_path / "caller", says=QUIET) as caller,
        Baresip(tmp_path / "callee", says=QUIET, auto_answer=True) as callee,
        Sipp(tmp_path, "answers_and_hangs_up", hold_ms=200) as target,
    ):
        caller.dial(callee.uri)
        caller.wait_event("CALL_ESTABLISHED")
        callee.wait_event("CALL_ESTABLISHED")
        transferor, transferee = (caller, callee) if role == "caller" else (callee, caller)
        transferor.transfer(f"sip:target@127.0.0.1:{target.port}")
        transferee.wait_event("TRANSFER")
        target.finish().check(1)
        transferor.wait_event("CALL_CLOSED")


@pytest.mark.peer("kamailio", "openssl")
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_it_registers_and_is_called_through_a_proxy(tmp_path: Path, transport: str) -> None:
    trusted = authority(tmp_path)
    certificate = signed(tmp_path, trusted)
    users = {"anna": "secret", "ben": "word"}
    with Kamailio(tmp_path / "proxy", users=users, tls=certificate) as proxy:
        registrar = f"127.0.0.1:{proxy.tls_port if transport == 'tls' else proxy.port}"

        def phone(user: str) -> Baresip:
            return Baresip(
                tmp_path / user,
                says=QUIET,
                user=user,
                password=users[user],
                registrar=registrar,
                transport=transport,
                certificate=certificate,
                trusted=trusted.certificate,
            )

        with phone("anna") as anna, phone("ben") as ben:
            anna.wait_registered()
            ben.wait_registered()
            anna.dial("ben")
            ben.wait_event("CALL_INCOMING")
            ben.accept()
            anna.wait_event("CALL_ESTABLISHED")
            ben.press("1")
            assert anna.wait_event("CALL_DTMF_START")["param"] == "1"
            ben.hang_up()
            anna.wait_event("CALL_CLOSED")
