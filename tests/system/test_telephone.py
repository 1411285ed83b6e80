"""baresip calls us and is called: what each end plays is what the other end records."""

from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.engine import Engine
from tests.peers.plain_client import PlainClient
from tools.sound import RATE, Samples, listen, read_wav, tune, write_wav

pytestmark = [pytest.mark.peer("baresip"), pytest.mark.timeout(60)]

SECONDS = 6.0
COMPARED = int(4.5 * RATE)


def check_audio(phone: Baresip, record: Path, *, theirs: Samples, ours: Samples) -> None:
    """The telephone heard ours; the recording has theirs and ours, each in its channel."""
    heard, _ = read_wav(phone.heard())
    result = listen(ours[:COMPARED], heard[:, 0])
    assert result.passes(), f"the telephone heard {result}"
    recorded, rate = read_wav(record)
    assert (rate, recorded.shape[1]) == (RATE, 2)
    caller_is_phone = phone.folder.name == "caller"
    left, right = (theirs, ours) if caller_is_phone else (ours, theirs)
    for name, song, channel in (("left", left, 0), ("right", right, 1)):
        result = listen(song[:COMPARED], recorded[:, channel])
        assert result.passes(), f"the recording has {name} {result}"


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_it_calls_us(engine: Engine, app: PlainClient, tmp_path: Path, codec: str) -> None:
    theirs, ours = tune(SECONDS, 1), tune(SECONDS, 2)
    play = write_wav(tmp_path / "ours.wav", ours)
    record = tmp_path / "record.wav"
    folder = tmp_path / "caller"
    folder.mkdir()
    app.request("subscribe", user="*")
    with Baresip(folder, says=theirs, codec=codec) as phone:
        phone.dial(f"sip:service@{engine.sip}")
        call = app.incoming()
        app.request("ring", call=call)
        phone.wait_event("CALL_RINGING")
        source = {"source": "wave", "path": str(play)}
        app.request("answer", call=call, play=source, record=str(record))
        phone.wait_event("CALL_ESTABLISHED")
        assert app.wait_event("answered", call=call)["codec"] == codec
        app.watch(SECONDS)
        phone.hang_up()
        ended = app.wait_event("ended", call=call)
        assert ended["record"] == str(record)
        check_audio(phone, record, theirs=theirs, ours=ours)


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
def test_we_call_it(app: PlainClient, tmp_path: Path, codec: str) -> None:
    theirs, ours = tune(SECONDS, 3), tune(SECONDS, 4)
    play = write_wav(tmp_path / "ours.wav", ours)
    record = tmp_path / "record.wav"
    folder = tmp_path / "callee"
    folder.mkdir()
    with Baresip(folder, says=theirs, codec=codec) as phone:
        source = {"source": "wave", "path": str(play)}
        call = app.dial(phone.uri, play=source, record=str(record))
        phone.wait_event("CALL_INCOMING")
        assert app.wait_event("progress", call=call)["status"] in (100, 180)
        phone.accept()
        assert app.wait_event("answered", call=call)["codec"] == codec
        app.wait_event("play_finished", call=call, seconds=SECONDS + 5)
        app.request("hang_up", call=call)
        phone.wait_event("CALL_CLOSED")
        app.wait_event("ended", call=call)
        check_audio(phone, record, theirs=theirs, ours=ours)
