"""Digits as tones, both ways: an independent decoder hears ours, and we hear those of others."""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.peers.baresip import Baresip
from tests.peers.calls import hang_up
from tests.peers.capture import Capture
from tests.peers.engine import Engine
from tests.peers.hand import Hand
from tests.peers.hearing import decoded
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.processes import eventually
from tests.peers.speaking import Speaker
from tools.sound import RATE, Samples, read_wav, tune

pytestmark = [
    pytest.mark.peer("capture"),
    pytest.mark.timeout(60),
    pytest.mark.skipif(shutil.which("multimon-ng") is None, reason="multimon-ng is not installed"),
]

Phone = Baresip | Linphone
PHONES = [
    pytest.param(Baresip, marks=pytest.mark.peer("baresip"), id="baresip"),
    pytest.param(Linphone, marks=pytest.mark.peer("linphonec"), id="linphonec"),
]
ROWS: Final = (697, 770, 852, 941)
COLUMNS: Final = (1209, 1336, 1477, 1633)
PAD: Final = "123A456B789C*0#D"
KEYS: Final = "119#0*5AD37B2C8466"
"""Each key, two of them twice in a row."""
SILENCE: Final = np.zeros(RATE // 20, np.int16)


def pressed(keys: str) -> Samples:
    """Return what a telephone of old says: 70 ms a key, 50 ms between them (ITU-T Q.23)."""
    at = np.arange(70 * RATE // 1000) * 2 * np.pi / RATE
    pieces = [SILENCE] * 16
    for place in map(PAD.index, keys):
        low, high = ROWS[place // 4], COLUMNS[place % 4]
        pieces += [(6000 * (np.sin(low * at) + np.sin(high * at))).astype(np.int16), SILENCE]
    return np.concatenate(pieces)


def decoder_hears(audio: Samples, folder: Path) -> str:
    """Return what multimon-ng makes of it, which reads raw samples at 22050 Hz."""
    at = np.arange(int(len(audio) * 22050 / RATE)) * RATE / 22050
    raw = np.interp(at, np.arange(len(audio)), audio).astype(np.int16)
    path = folder / "sound.raw"
    path.write_bytes(raw.tobytes())
    command = ["multimon-ng", "-q", "-a", "DTMF", "-t", "raw", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("DTMF:")]
    return "".join(line.partition(":")[2].strip() for line in lines)


def digits_of(app: PlainClient, call: str) -> list[Fields]:
    """Return what was told so far."""
    return [e for e in app.events if e["verb"] == "digit_received" and e["call"] == call]


def check_heard(app: PlainClient, call: str, keys: str) -> None:
    """Wait for the last of them: they came once each, in their order."""
    eventually("all digits are there", lambda: _came(app, call, len(keys)))
    app.watch(0.3)
    heard = digits_of(app, call)
    assert "".join(str(event["digit"]) for event in heard) == keys
    assert {event["method"] for event in heard} == {"inband"}


def _came(app: PlainClient, call: str, count: int) -> bool:
    app.poll(0.05)
    return len(digits_of(app, call)) >= count


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that listens for tones though the peer could send events."""
    settings = {"media.inband_digits": "always"}
    with Engine(tmp_path_factory.mktemp("engine"), settings=settings) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.mark.parametrize("kind", PHONES)
def test_tones_of_ours_in_the_ear_of_a_telephone(
    app: PlainClient, tmp_path: Path, kind: type[Phone]
) -> None:
    """On the wire each is there once; a cut in its ear may make two of one."""
    with Capture() as wire, kind(tmp_path / "phone", says=tune(1.0, 1)) as phone:
        call = app.dial(phone.uri)
        phone.take()
        answered = app.wait_event("answered", call=call)
        app.watch(0.5)
        app.request("send_digits", call=call, digits=KEYS, method="inband")
        app.wait_event("digits_sent", call=call)
        app.watch(0.3)
        app.request("hang_up", call=call)
        phone.wait_over()
        app.wait_event("ended", call=call)
        said = wire.rtp(source=int(str(answered["local_media"]).rpartition(":")[2]))
        heard = read_wav(phone.heard())[0][:, 0]
    assert decoder_hears(decoded(said), tmp_path) == KEYS
    assert different(decoder_hears(heard, tmp_path)) == different(KEYS)


def different(keys: str) -> str:
    """Return keys without those that are as the one before."""
    return "".join(key for key, _ in groupby(keys))


@pytest.mark.parametrize("kind", PHONES)
def test_tones_of_a_telephone(app: PlainClient, tmp_path: Path, kind: type[Phone]) -> None:
    """It says them while it could send events, and sends an event, too, which counts once."""
    with kind(tmp_path / "phone", says=pressed(KEYS)) as phone:
        call = app.dial(phone.uri)
        phone.take()
        app.wait_event("answered", call=call)
        check_heard(app, call, KEYS)
        app.events.clear()
        phone.press("7")
        assert app.wait_event("digit_received", call=call)["method"] == "rfc4733"
        app.watch(0.3)
        assert not digits_of(app, call)
        app.request("hang_up", call=call)
        phone.wait_over()
        app.wait_event("ended", call=call)


def test_a_peer_that_knows_tones_alone(tmp_path: Path) -> None:
    """It takes neither events nor INFO: by default we hear its tones, and it hears ours."""
    with Capture() as wire, Hand() as hand, Engine(tmp_path) as engine, engine.client() as app:
        engine.wait_up()
        app.request("subscribe", user="*")
        lines = hand.sdp().replace(" 0 101\r", " 0\r").splitlines(keepends=True)
        hand.invite(engine.sip_port, body="".join(line for line in lines if ":101" not in line))
        call = app.incoming()
        app.request("answer", call=call)
        hand.expect(200)
        hand.request("ACK")
        answered = app.wait_event("answered", call=call)
        port = int(str(answered["local_media"]).rpartition(":")[2])
        with Speaker(hand.rtp, port, pressed(KEYS)):
            app.request("send_digits", call=call, digits=KEYS)
            check_heard(app, call, KEYS)
        app.wait_event("digits_sent", call=call)
        app.watch(0.1)
        hang_up(app, hand, call)
        said = decoded(wire.rtp(destination=hand.media_port))
        assert decoder_hears(said, tmp_path) == KEYS
