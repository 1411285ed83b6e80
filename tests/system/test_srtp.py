"""SRTP with telephones that others wrote, both ways: SCENARIO 29."""

import re
import struct
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from bus.srtp import SUITES
from tests.mediaworker.secure import receiver
from tests.peers.baresip import Baresip
from tests.peers.capture import Capture, RtpSeen
from tests.peers.engine import Engine
from tests.peers.hearing import check_hears, check_hears_not, decoded
from tests.peers.linphone import Linphone
from tests.peers.plain_client import Fields, PlainClient
from tests.peers.processes import eventually
from tools.sound import RATE, Samples, read_wav, tune, write_wav

pytestmark = pytest.mark.timeout(60)

Phone = Baresip | Linphone
Make = Callable[[Path, Samples], Phone]

SECONDS = 2.5
THEIRS, OURS = tune(SECONDS, 1), tune(SECONDS, 2)
KEY = re.compile(r"inline:([^|\s]+)")


def baresip(encryption: str) -> Make:
    return lambda folder, says: Baresip(folder, says=says, encryption=encryption)


def linphone(*, insists: bool) -> Make:
    return lambda folder, says: Linphone(folder, says=says, encryption="srtp", insists=insists)


BARESIP, LINPHONE = pytest.mark.peer("baresip"), pytest.mark.peer("linphonec")
CALLERS = [
    pytest.param(baresip("srtp"), marks=BARESIP, id="baresip"),
    pytest.param(baresip("srtp-mand"), marks=BARESIP, id="baresip-insists"),
    pytest.param(linphone(insists=False), marks=LINPHONE, id="linphonec"),
    pytest.param(linphone(insists=True), marks=LINPHONE, id="linphonec-insists"),
]
CALLED = [
    pytest.param(baresip("srtp"), "offer", True, marks=BARESIP, id="baresip"),
    pytest.param(baresip("srtp-mand"), "require", True, marks=BARESIP, id="baresip-insists"),
    pytest.param(linphone(insists=True), "require", True, marks=LINPHONE, id="linphonec-insists"),
    pytest.param(linphone(insists=False), "require", True, marks=LINPHONE, id="linphonec"),
    pytest.param(linphone(insists=False), "offer", False, marks=LINPHONE, id="linphonec-avp"),
]
"""The policy of ours that suits them: what insists wants RTP/SAVP, and linphonec takes keys in no
RTP/AVP."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Return an engine that takes SRTP."""
    settings = {"media.srtp": "offer"}
    with Engine(tmp_path_factory.mktemp("engine"), settings=settings) as running:
        running.wait_up()
        yield running
        running.stop_cleanly()


@pytest.fixture
def song(tmp_path: Path) -> Fields:
    return {"source": "wave", "path": str(write_wav(tmp_path / "ours.wav", OURS))}


def talk(app: PlainClient, phone: Phone, call: str) -> Fields:
    """Let both hear the other; return the ``answered`` event."""
    answered = app.wait_event("answered", call=call)
    app.wait_event("play_finished", call=call, seconds=SECONDS + 5)
    eventually("it heard us", lambda: phone.seconds_heard() >= SECONDS - 0.3)
    return answered


def part(app: PlainClient, phone: Phone, call: str) -> Fields:
    app.request("hang_up", call=call)
    phone.wait_over()
    return app.wait_event("ended", call=call)


def check_audio(phone: Phone, record: Path, channel: int) -> None:
    """Both heard the other."""
    check_hears(OURS, phone.heard())
    check_hears(THEIRS, read_wav(record)[0][:, channel])


def rtp_of(wire: Capture, answered: Fields, name: str) -> list[RtpSeen]:
    return wire.rtp(source=int(str(answered[name]).rpartition(":")[2]))


def check_wire(wire: Capture, answered: Fields) -> None:
    """Nobody else could."""
    for name, said in (("local_media", OURS), ("remote_media", THEIRS)):
        heard = decoded(rtp_of(wire, answered, name))
        assert len(heard) > 8000
        check_hears_not(said, heard)


def key_of(wire: Capture, port: int, suite: str) -> bytes:
    """Return the only key that a SIP port ever said for a suite."""
    said = "".join(message.body for message in wire.sip(port) if message.source == port)
    (key,) = set(re.findall(rf"a=crypto:[0-9]+ {suite} inline:(\S+)", said))
    return b64decode(key)


def overheard(packets: list[RtpSeen], key: bytes, suite: str) -> list[RtpSeen]:
    """Return what libsrtp makes of packets on the wire, all of them with one memory."""
    session = receiver(key, suite)
    found = list[RtpSeen]()
    for seen in packets:
        second = seen.payload_type | seen.marker << 7
        head = struct.pack(">BBHII", 0x80, second, seen.sequence, seen.timestamp, seen.ssrc)
        found.append(replace(seen, payload=session.unprotect(head + seen.payload)[12:]))
    return found


@pytest.mark.peer("capture")
@pytest.mark.parametrize("make", CALLERS)
def test_they_call_us(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields, make: Make
) -> None:
    record = tmp_path / "record.wav"
    app.request("subscribe", user="*")
    with Capture() as wire, make(tmp_path / "phone", THEIRS) as phone:
        phone.dial(f"sip:service@{engine.sip}")
        call = app.incoming()
        app.request("answer", call=call, play=song, record=str(record))
        answered = talk(app, phone, call)
        assert answered["srtp"] in SUITES
        part(app, phone, call)
        check_audio(phone, record, 0)
        check_wire(wire, answered)


@pytest.mark.peer("capture")
@pytest.mark.parametrize(("make", "policy", "protected"), CALLED)
def test_we_call_them(
    app: PlainClient, tmp_path: Path, song: Fields, make: Make, policy: str, protected: bool
) -> None:
    record = tmp_path / "record.wav"
    with Capture() as wire, make(tmp_path / "phone", THEIRS) as phone:
        call = app.dial(phone.uri, play=song, record=str(record), srtp=policy)
        phone.take()
        answered = talk(app, phone, call)
        assert bool(answered["srtp"]) == protected
        part(app, phone, call)
        check_audio(phone, record, 1)
        if protected:
            check_wire(wire, answered)


@pytest.mark.peer("capture")
@pytest.mark.parametrize(
    ("make", "policy"),
    [
        pytest.param(baresip("srtp"), "offer", marks=BARESIP, id="baresip"),
        pytest.param(linphone(insists=True), "require", marks=LINPHONE, id="linphonec"),
    ],
)
def test_holds_by_both_keep_the_keys(
    engine: Engine, app: PlainClient, tmp_path: Path, song: Fields, make: Make, policy: str
) -> None:
    """An eavesdropper who has them hears all, four re-INVITEs long, as one stream each way."""
    record = tmp_path / "record.wav"
    with Capture() as wire, make(tmp_path / "phone", THEIRS) as phone:
        call = app.dial(phone.uri, play=song, record=str(record), srtp=policy)
        phone.take()
        answered = app.wait_event("answered", call=call)
        for verb in ("hold", "resume"):
            app.watch(0.5)
            app.request(verb, call=call)
            app.wait_event("hold_changed", call=call)
        for hold in (phone.hold, phone.resume):
            app.watch(0.5)
            hold()
            app.wait_event("hold_changed", call=call)
        app.watch(2.0)
        ended = part(app, phone, call)
        suite = str(answered["srtp"])
        ours = key_of(wire, engine.sip_port, suite)
        said = overheard(rtp_of(wire, answered, "local_media"), ours, suite)
        theirs = key_of(wire, phone.port, suite)
        heard = overheard(rtp_of(wire, answered, "remote_media"), theirs, suite)
    assert len({packet.ssrc for packet in said}) == 1
    check_hears(OURS[int(1.2 * RATE) :], decoded(said), 0.6)
    quality = cast("dict[str, int]", ended["quality"])
    assert len(heard) - 5 <= quality["packets_received"] <= len(heard)
    assert quality["packets_lost"] == 0
    traced = "".join(each["text"] for each in messages(app, call))
    assert "inline:***" in traced
    assert not [key for key in KEY.findall(traced) if key != "***"]


def messages(app: PlainClient, call: str) -> list[dict[str, str]]:
    return cast("list[dict[str, str]]", app.request("get_trace", call=call)["messages"])
