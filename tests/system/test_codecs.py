"""Every codec with telephones that others wrote, both ways: SCENARIO 28 on the wire."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.baresip import Baresip
from tests.peers.engine import Engine
from tests.peers.hearing import hears
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient
from tools.sound import Samples, read_wav, tune, write_wav

pytestmark = pytest.mark.timeout(60)

SECONDS = 2.5
THEIRS, OURS = tune(SECONDS, 1), tune(SECONDS, 2)
ALL = ("PCMU", "PCMA", "G722", "opus", "L16/16000")
RATES = {"PCMU": 8000, "PCMA": 8000, "G722": 16000, "opus": 16000, "L16/16000": 16000}
LIKE = {"opus": 0.85, "G722": 0.93, "L16/16000": 0.93}
"""What remains of the correlation, 0.97 of others: telephones convert between rates simply."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that takes all of them."""
    settings = {"media.codecs": ",".join(ALL)}
    with Engine(tmp_path_factory.mktemp("engine"), settings=settings) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


def check_same(song: Samples, ear: Path | Samples, codec: str, louder: float) -> None:
    heard = hears(song, ear)
    assert heard.correlation > LIKE.get(codec, 0.97), f"{codec}: {heard}"
    assert heard.whole >= 0.8, f"{codec}: {heard}"
    assert abs(heard.gain - louder) < 1.5, f"{codec}: {heard}"


def check_call(
    app: PlainClient,
    call: str,
    phone: Baresip | Linphone,
    codec: str,
    tape: Path,
    louder: float = 0.0,
) -> None:
    answered = app.wait_event("answered", call=call)
    assert answered["codec"] == codec.partition("/")[0]
    assert answered["rate"] == RATES[codec]
    app.wait_event("play_finished", call=call)
    app.watch(0.3)
    app.request("hang_up", call=call)
    app.wait_event("ended", call=call)
    phone.wait_over()
    check_same(OURS, phone.heard(), codec, louder)
    samples, rate = read_wav(tape)
    sides = [hears(THEIRS, samples[:: rate // 8000, side]).correlation for side in (0, 1)]
    assert max(sides) > LIKE.get(codec, 0.97), f"{codec}: {sides}"


@pytest.fixture
def song(tmp_path: Path) -> Fields:
    return {"source": "wave", "path": str(write_wav(tmp_path / "ours.wav", OURS))}


@pytest.mark.peer("baresip")
@pytest.mark.parametrize("codec", ALL)
def test_a_telephone_calls(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields, codec: str
) -> None:
    app.request("subscribe", user="*")
    with Baresip(tmp_path / "phone", says=THEIRS, codec=codec) as phone:
        phone.dial(f"sip:service@{engine.sip}")
        call = app.incoming()
        app.request("answer", call=call, play=song, record=str(tmp_path / "tape.wav"))
        check_call(app, call, phone, codec, tmp_path / "tape.wav")


@pytest.mark.peer("baresip")
@pytest.mark.parametrize("codec", ALL)
def test_we_call_a_telephone(app: PlainClient, tmp_path: Path, song: Fields, codec: str) -> None:
    with Baresip(tmp_path / "phone", says=THEIRS, codec=codec, auto_answer=True) as phone:
        tape = tmp_path / "tape.wav"
        call = app.dial(phone.uri, play=song, record=str(tape), codecs=list(ALL))
        check_call(app, call, phone, codec, tape)


@pytest.mark.peer("linphonec")
@pytest.mark.parametrize(("codec", "louder"), [("PCMA", 0.0), ("G722", 6.0), ("opus", 0.0)])
def test_another_telephone_calls(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields, codec: str, louder: float
) -> None:
    """Its G.722 decoder doubles what FFmpeg's, baresip's and ours agree upon."""
    app.request("subscribe", user="*")
    with Linphone(tmp_path / "phone", says=THEIRS, codec=codec) as phone:
        phone.dial(f"sip:service@{engine.sip}")
        call, tape = app.incoming(), tmp_path / "tape.wav"
        app.request("answer", call=call, play=song, record=str(tape))
        check_call(app, call, phone, codec, tape, louder)
