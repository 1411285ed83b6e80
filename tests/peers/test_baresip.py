from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.capture import Capture, check_continuous, longest_gap
from tests.peers.hand import media_port
from tests.peers.processes import eventually
from tools.sound import RATE, listen, read_wav, tune

pytestmark = pytest.mark.peer("baresip", "capture")


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
