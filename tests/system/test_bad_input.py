"""Nonsense on every side: the error names what was wrong, and a running call does not notice."""

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from tests.peers.calls import hang_up, take_call
from tests.peers.capture import Capture, check_continuous, longest_gap
from tests.peers.engine import ROOT, Engine
from tests.peers.hand import Hand, rtp_packet
from tests.peers.plain_client import PlainClient, RefusedError, pack

pytestmark = [pytest.mark.peer("capture"), pytest.mark.timeout(120)]

STORM = 20000


class RunningCall:
    """A call that must not notice what happens around it."""

    def __init__(self, engine: Engine, app: PlainClient, wire: Capture) -> None:
        self.hand = Hand()
        self.app = app
        self.wire = wire
        app.request("subscribe", user="*")
        answered = take_call(app, self.hand, engine.sip_port)
        self.call = str(answered["call"])
        self.rtp_port = int(str(answered["port"]))

    def finish(self) -> dict[str, object]:
        """Let it run a little more, hang up; return the call's last event."""
        self.app.watch(0.4)
        ended = hang_up(self.app, self.hand, self.call)
        packets = self.wire.rtp(destination=self.hand.media_port)
        check_continuous(packets)
        assert longest_gap(packets) < 0.1
        self.hand.close()
        return ended


@pytest.fixture
def running(engine: Engine, app: PlainClient) -> Iterator[RunningCall]:
    with Capture() as wire:
        call = RunningCall(engine, app, wire)
        try:
            yield call
        finally:
            call.hand.close()


def garbage(seed: int) -> Iterator[bytes]:
    """Datagrams: pure noise, and noise that begins like SIP or RTP."""
    source = random.Random(seed)
    heads = [
        b"",
        b"INVITE sip:",
        b"SIP/2.0 ",
        b"\x80\x00",
        b"\x80\xc8",
        b"OPTIONS sip:a SIP/2.0\r\n",
    ]
    for number in range(STORM):
        yield heads[number % len(heads)] + source.randbytes(source.randrange(0, 400))


def storm(app: PlainClient, ports: list[int], seed: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number, datagram in enumerate(garbage(seed)):
            sender.sendto(datagram, ("127.0.0.1", ports[number % len(ports)]))
            if number % 200 == 0:
                app.watch(0.01)


def test_a_storm_on_the_sip_port(engine: Engine, app: PlainClient, running: RunningCall) -> None:
    storm(app, [engine.sip_port], 1)
    assert running.finish()["outcome"] == "completed"


def test_a_storm_on_the_rtp_ports(app: PlainClient, running: RunningCall) -> None:
    storm(app, [running.rtp_port, running.rtp_port + 1], 2)
    ended = running.finish()
    assert ended["outcome"] == "completed"
    assert cast("dict[str, int]", ended["quality"])["strangers"] > 0


def test_garbage_from_the_peer_itself(app: PlainClient, running: RunningCall) -> None:
    """Its address is right, its packets are not; in between are good ones."""
    for number, datagram in enumerate(garbage(3)):
        target = ("127.0.0.1", running.rtp_port)
        running.hand.rtp.sendto(datagram[:200], target)
        if number % 200 == 0:
            running.hand.rtp.sendto(
                rtp_packet(b"\xd5" * 160, sequence=number // 200, timestamp=number // 200 * 160),
                target,
            )
            app.watch(0.01)
    assert running.finish()["outcome"] == "completed"


def test_an_unknown_verb_is_named(app: PlainClient, running: RunningCall) -> None:
    with pytest.raises(RefusedError, match="make_coffee") as refused:
        app.request("make_coffee")
    assert refused.value.code == "unknown_verb"
    running.finish()


@pytest.mark.parametrize(
    ("verb", "fields", "named"),
    [
        ("dial", {"uri": 5}, "uri"),
        ("dial", {}, "uri"),
        ("dial", {"uri": "sip:a@127.0.0.1", "ring_timeout": "long"}, "ring_timeout"),
        ("dial", {"uri": "sip:a@127.0.0.1", "play": {"source": "violin"}}, "violin"),
        ("dial", {"uri": "not a uri"}, "not a uri"),
        ("dial", {"uri": "sip:a@127.0.0.1\r\nX-Evil: 1"}, "uri"),
        ("dial", {"uri": "sip:a@127.0.0.1", "headers": [["X-A", "b\r\nX-Evil: 1"]]}, "X-A"),
        ("send_digits", {"digits": 5}, "digits"),
        ("send_digits", {"digits": "12x"}, "x"),
        ("reject", {"status": 200}, "200"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_named(
    app: PlainClient, running: RunningCall, verb: str, fields: dict[str, object], named: str
) -> None:
    target = {} if verb == "dial" else {"call": running.call}
    with pytest.raises(RefusedError, match=named) as refused:
        app.reply(app.post(verb, {**target, **fields}))
    assert refused.value.code in ("bad_request", "wrong_state")
    running.finish()


def test_an_unknown_call_is_named(app: PlainClient, running: RunningCall) -> None:
    with pytest.raises(RefusedError, match="call-of-nobody") as refused:
        app.request("hang_up", call="call-of-nobody")
    assert refused.value.code == "not_found"
    running.finish()


def test_broken_frames_harm_nobody(engine: Engine, app: PlainClient, running: RunningCall) -> None:
    whole = pack({"kind": "request", "id": 7, "session": "", "body": {"verb": "ping"}})
    frames = [whole[:length] for length in range(len(whole))]
    frames += [b"\xc1", b"\xff" * 100, os.urandom(5000), pack([1, 2, 3]), pack({"kind": "song"})]
    frames += [pack({"kind": "request", "id": "one", "body": 7}), pack({"kind": "request"})]
    frames += [b"\x00" * (2 << 20)]
    with PlainClient(engine.run_dir / "control.sock", "vandal", greet=False) as vandal:
        for frame in frames:
            vandal.send_frame(frame)
        vandal.watch(0.2)
    with PlainClient(engine.run_dir / "workers.sock", "vandal", greet=False) as vandal:
        for frame in frames:
            vandal.send_frame(frame)
        vandal.watch(0.2)
    assert app.request("get_status")["calls"] == 1
    running.finish()


def test_a_wav_that_is_none_is_named(
    app: PlainClient, running: RunningCall, tmp_path: Path
) -> None:
    fake = tmp_path / "fake.wav"
    fake.write_bytes(b"RIFF" + os.urandom(2000))
    for path in (fake, tmp_path / "missing.wav"):
        with pytest.raises(RefusedError, match=path.name) as refused:
            app.request("play", call=running.call, source={"source": "wave", "path": str(path)})
        assert refused.value.code == "bad_source"
    running.finish()


@pytest.mark.parametrize("command", [["check-config"], ["up", "--config"]], ids=" ".join)
def test_a_misspelt_setting_is_named(tmp_path: Path, command: list[str]) -> None:
    config = tmp_path / "offhook.toml"
    config.write_text('[sip]\nlissen = ["udp:127.0.0.1:5060"]\n')
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bus", *command, str(config)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode not in (0, -9)
    text = done.stdout + done.stderr
    assert "lissen" in text
    assert "listen" in text
    assert str(config) in text
    assert "Traceback" not in text
