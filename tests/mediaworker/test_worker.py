"""A real worker process, driven over the bus in the role of signaling, with real sockets."""

import itertools
import random
import signal
import socket
import threading
import wave
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from bus.columns import Column
from bus.tables import PublicStreams, WorkerState
from mediaworker.codecs.g711 import compress_ulaw, expand_ulaw
from mediaworker.sources.music import music as built_in
from tests.mediaworker.process_role import ProcessRole, eventually, with_supervisor
from tests.mediaworker.rtp_role import Packet, RtpRole
from tests.mediaworker.signaling_role import Message, SignalingRole

HOST = "127.0.0.1"


@pytest.fixture
def role() -> Generator[ProcessRole]:
    with TemporaryDirectory() as folder:
        role = ProcessRole(Path(folder))
        try:
            yield role
        finally:
            role.close()


@pytest.fixture
def peer() -> Generator[RtpRole]:
    peer = RtpRole()
    yield peer
    peer.close()


def open_stream(signaling: SignalingRole, stream: int = 1, **body: object) -> int:
    """Return the port."""
    fields = {"stream": stream, "address": HOST, "caller_is_remote": True, **body}
    opened = signaling.ask("open_stream", **fields)
    assert opened["verb"] == "stream_opened"
    assert opened["stream"] == stream
    port = opened["port"]
    assert isinstance(port, int)
    assert port % 2 == 0
    return port


def write_wave(path: Path, samples: Column[np.int16]) -> str:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return str(path)


def read_wave(path: Path) -> Column[np.int16]:
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (2, 2, 8000)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)


def speech(seed: int, frames: int) -> list[bytes]:
    """Frames of codes that differ from each other."""
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 127, 160).astype(np.uint8).tobytes() for _ in range(frames)]


def converse(peer: RtpRole, frames: list[bytes]) -> list[Packet]:
    """Send a frame for each packet that comes: a conversation at the worker's own pace."""
    heard: list[Packet] = []
    for frame in frames:
        heard.append(peer.receive())
        peer.send(frame)
    return heard


def assert_continuous(packets: list[Packet]) -> None:
    for before, after in itertools.pairwise(packets):
        assert after.sequence == (before.sequence + 1) % 65536
        assert after.timestamp == (before.timestamp + 160) % 2**32
        assert after.ssrc == before.ssrc


def assert_heard(sound: bytes, frames: list[bytes]) -> None:
    """Nearly all frames are in the sound, whole and in order.

    Not all: when this process is kept from running for long, what it says comes too late.
    """
    places = [place for frame in frames if (place := sound.find(frame)) >= 0]
    assert places == sorted(places)
    assert len(places) >= 0.8 * len(frames), f"{len(places)} of {len(frames)} frames"


# ------------------------------------------------------------------------------------ audio


def test_hello_and_tables(role: ProcessRole) -> None:
    signaling = role.worker()
    hello = signaling.hello
    assert hello["worker"] == "w0"
    assert hello["pid"] == role.processes[0].pid
    assert hello["capacity"] == 64
    assert {"PCMU/8000", "PCMA/8000", "G722/8000", "opus/48000"} <= set(hello["codecs"])
    assert hello["scheduling"] == "normal"
    assert PublicStreams.open(Path(hello["table"])).rows == 64
    state = WorkerState.open(role.run_dir / "w0.state")
    assert state.pid[0] == hello["pid"]
    before = int(state.tick[0])
    eventually(lambda: int(state.tick[0]) > before + 3)
    assert signaling.beat()["streams"] == 0
    assert role.files() == {"w0.public", "w0.state"}


def test_echo(role: ProcessRole, peer: RtpRole) -> None:
    signaling = role.worker()
    peer.to = open_stream(signaling, play={"source": "echo"})
    assert peer.silent(0.2), "nobody said yet where the peer is"
    assert signaling.ask("aim", stream=1, remote=peer.remote()) == {"verb": "ok"}
    frames = speech(1, 50)
    heard = converse(peer, frames)
    heard.append(peer.receive())  # by then the last of ours has arrived
    assert_continuous(heard)
    assert {packet.payload_type for packet in heard} == {0}
    sound = b"".join(packet.payload for packet in heard)
    assert_heard(sound, frames[5:40])
    closed = signaling.ask("close_stream", stream=1)
    quality = closed["quality"]
    assert quality["packets_received"] == 50
    assert quality["packets_lost"] == 0
    assert quality["packets_sent"] >= 50
    peer.drain()
    assert peer.silent(0.2)


def test_a_wave_file_arrives_sample_for_sample(
    role: ProcessRole, peer: RtpRole, tmp_path: Path
) -> None:
    samples = np.random.default_rng(2).integers(-30000, 30000, 30 * 160).astype(np.int16)
    path = write_wave(tmp_path / "a.wav", samples)
    signaling = role.worker()
    play = {"source": "wave", "path": path, "loop": False}
    peer.to = open_stream(signaling, play=play, remote=peer.remote())
    heard = [peer.receive() for _ in range(40)]
    assert_continuous(heard)
    sound = b"".join(packet.payload for packet in heard)
    assert sound[: 30 * 160] == compress_ulaw(samples).tobytes()
    assert sound[30 * 160 :] == b"\xff" * 1600
    assert signaling.event("stream_play_finished") == {
        "verb": "stream_play_finished",
        "stream": 1,
        "waiting": 0,
    }


def test_a_looping_file_goes_round(role: ProcessRole, peer: RtpRole, tmp_path: Path) -> None:
    samples = np.random.default_rng(2).integers(-30000, 30000, 777).astype(np.int16)
    path = write_wave(tmp_path / "a.wav", samples)
    play = {"source": "wave", "path": path, "loop": True}
    open_stream(role.worker(), play=play, remote=peer.remote())
    sound = b"".join(peer.receive().payload for _ in range(20))
    assert sound == (compress_ulaw(samples).tobytes() * 5)[: len(sound)]


def test_a_tone_does_not_click(role: ProcessRole, peer: RtpRole) -> None:
    play = {"source": "tone", "frequency": 1000.0, "level": -10.0}
    open_stream(role.worker(), play=play, remote=peer.remote())
    codes = np.frombuffer(b"".join(peer.receive().payload for _ in range(60)), np.uint8)
    sound = expand_ulaw(codes).astype(np.float64)
    wanted = 32767 * 10 ** (-13.14 / 20) * np.sin(2 * np.pi * np.arange(len(sound)) / 8)
    assert np.max(np.abs(sound - wanted)) < 400


def test_a_hold_with_music_and_what_was_played_goes_on(
    role: ProcessRole, peer: RtpRole, tmp_path: Path
) -> None:
    samples = np.random.default_rng(2).integers(-30000, 30000, 60 * 160).astype(np.int16)
    path = write_wave(tmp_path / "a.wav", samples)
    signaling = role.worker()
    open_stream(signaling, play={"source": "wave", "path": path}, remote=peer.remote())
    heard = [peer.receive() for _ in range(20)]
    music = {"source": "music"}
    assert signaling.ask("hold_stream", stream=1, source=music) == {"verb": "ok"}
    heard += [peer.receive() for _ in range(30)]
    assert signaling.ask("resume_stream", stream=1) == {"verb": "ok"}
    heard += [peer.receive() for _ in range(50)]
    assert_continuous(heard)
    codes = compress_ulaw(samples).tobytes()
    frames = [codes[begin : begin + 160] for begin in range(0, len(codes), 160)]
    known = [packet.payload in frames for packet in heard]
    assert [packet.payload for packet in heard if packet.payload in frames] == frames
    assert [own for own, _ in itertools.groupby(known)] == [True, False, True, False]
    begin = known.index(False)
    held = heard[begin : known.index(True, begin)]
    tune = compress_ulaw(built_in()).tobytes()
    assert b"".join(packet.payload for packet in held) == tune[: 160 * len(held)]


def test_the_source_changes_within_a_call(role: ProcessRole, peer: RtpRole) -> None:
    signaling = role.worker()
    open_stream(signaling, remote=peer.remote())
    assert peer.receive().payload == b"\xff" * 160
    tone = {"source": "tone", "frequency": 440.0, "level": 0.0}
    assert signaling.ask("play_stream", stream=1, source=tone) == {"verb": "ok"}
    eventually(lambda: peer.receive().payload != b"\xff" * 160)
    signaling.ask("play_stream", stream=1, source={"source": "silence"})
    eventually(lambda: peer.receive().payload == b"\xff" * 160)


def test_a_leg_hears_another(role: ProcessRole, peer: RtpRole) -> None:
    signaling, other = role.worker(), RtpRole(ssrc=99)
    try:
        peer.to = open_stream(signaling, 1, remote=peer.remote())
        leg = {"source": "leg", "stream": 1}
        open_stream(signaling, 2, play=leg, remote=other.remote())
        frames = speech(3, 40)
        converse(peer, frames)
        sound = b"".join(other.receive().payload for _ in range(60))
        assert_heard(sound, frames[10:30])
    finally:
        other.close()


def test_a_recording_has_both_sides(role: ProcessRole, peer: RtpRole, tmp_path: Path) -> None:
    signaling, path = role.worker(), tmp_path / "r.wav"
    samples = np.random.default_rng(2).integers(-30000, 30000, 100 * 160).astype(np.int16)
    play = {"source": "wave", "path": write_wave(tmp_path / "a.wav", samples)}
    peer.to = open_stream(signaling, play=play, record=str(path), remote=peer.remote())
    frames = speech(4, 50)
    converse(peer, frames)
    signaling.ask("close_stream", stream=1)
    sound = read_wave(path)
    left, right = sound[:, 0].tobytes(), sound[:, 1].tobytes()
    said = [expand_ulaw(np.frombuffer(frame, np.uint8)).tobytes() for frame in frames]
    assert_heard(left, said[5:40])
    assert samples[: 40 * 160].tobytes() in right


def test_recording_starts_and_stops_within_a_call(
    role: ProcessRole, peer: RtpRole, tmp_path: Path
) -> None:
    signaling = role.worker()
    peer.to = open_stream(signaling, caller_is_remote=False, remote=peer.remote())
    for name in ("a.wav", "b.wav"):  # the second takes the place of the first
        assert signaling.ask("record_stream", stream=1, path=str(tmp_path / name))
        peer.drain()
        converse(peer, speech(5, 20))
    assert signaling.ask("record_stream", stream=1, path="") == {"verb": "ok"}
    converse(peer, speech(6, 5))
    sizes = [len(read_wave(tmp_path / name)) for name in ("a.wav", "b.wav")]
    assert all(15 * 160 <= size <= 60 * 160 for size in sizes), sizes
    assert read_wave(tmp_path / "a.wav")[:, 1].any(), "the peer is the callee here"
    assert signaling.ask("record_stream", stream=1, path="") == {"verb": "ok"}
    code, reason = signaling.refused("record_stream", stream=1, path=str(tmp_path / "no" / "x"))
    assert code == "bad_source"
    assert "No such file" in reason


# ----------------------------------------------------------------------------------- digits


def test_digits_in(role: ProcessRole, peer: RtpRole) -> None:
    signaling = role.worker()
    peer.to = open_stream(signaling, remote=peer.remote())
    converse(peer, speech(7, 5))
    for code, digit in ((5, "5"), (11, "#")):
        begun = peer.timestamp
        for number in range(5):
            peer.receive()
            payload = bytes([code, 10]) + (160 * (number + 1)).to_bytes(2, "big")
            peer.send_raw(payload, 101, number == 0, begun)
        for _ in range(3):
            peer.send_raw(bytes([code, 0x8A]) + (960).to_bytes(2, "big"), 101, False, begun)
        peer.timestamp = (begun + 960) % 2**32
        event = signaling.event("stream_digit")
        assert (event["digit"], event["duration_ms"], event["method"]) == (digit, 120, "rfc4733")
    assert not signaling.events


def test_digits_out(role: ProcessRole, peer: RtpRole) -> None:
    signaling = role.worker()
    open_stream(signaling, remote=peer.remote())
    peer.receive()
    signaling.ask("send_stream_digits", stream=1, digits="1#")
    events: list[Packet] = []
    while len({packet.timestamp for packet in events}) < 2 or not events[-1].payload[1] & 0x80:
        packet = peer.receive()
        if packet.payload_type == 101:
            events.append(packet)
    assert [packet.payload[0] for packet in events if packet.marker] == [1, 11]
    assert signaling.event("stream_digits_sent")["stream"] == 1
    code, reason = signaling.refused("send_stream_digits", stream=1, digits="1x")
    assert code == "bad_request"
    assert "'X' is not a digit" in reason


# --------------------------------------------------------------------------------- bad input


def test_bad_commands_say_what_is_wrong(role: ProcessRole, peer: RtpRole, tmp_path: Path) -> None:
    signaling = role.worker()
    peer.to = open_stream(signaling, play={"source": "echo"}, remote=peer.remote())
    (tmp_path / "text.wav").write_text("this is no sound")
    no_sound = {"source": "wave", "path": str(tmp_path / "text.wav")}
    bad: list[tuple[str, Message, str, str]] = [
        ("frobnicate", {}, "unknown_verb", "'frobnicate'"),
        ("aim", {"stream": 1}, "bad_request", "remote"),
        ("close_stream", {"stream": 99}, "not_found", "stream 99"),
        ("play_stream", {"stream": 1, "source": no_sound}, "bad_source", "text.wav is not a WAV"),
        ("play_stream", {"stream": 1, "source": {"source": "leg", "stream": 9}}, "bad_source", "9"),
        ("play_stream", {"stream": 1, "source": {"source": "?"}}, "bad_request", "source"),
        (
            "open_stream",
            {"stream": 1, "address": HOST, "caller_is_remote": True},
            "bad_request",
            "stream",
        ),
        (
            "open_stream",
            {"stream": 2, "address": "192.0.2.1", "caller_is_remote": True},
            "bad_request",
            "192.0.2.1",
        ),
        (
            "open_stream",
            {"stream": 2, "address": HOST, "caller_is_remote": True, "play": no_sound},
            "bad_source",
            "text.wav",
        ),
    ]
    heard: list[Packet] = []
    for verb, body, code, says in bad:
        refused, reason = signaling.refused(verb, **body)
        assert (refused, says in reason) == (code, True), reason
        signaling.send(b"\x85garbage")
        heard += converse(peer, speech(8, 3))
    assert_continuous(heard)
    assert signaling.beat()["streams"] == 1, "what was refused has left nothing behind"


def test_a_repeated_request_is_applied_once(role: ProcessRole) -> None:
    signaling = role.worker()
    body = {"stream": 1, "address": HOST, "caller_is_remote": True}
    replies = [signaling.reply(signaling.request("open_stream", body, id=77)) for _ in range(3)]
    assert replies[0]["kind"] == "done"
    assert replies[1:] == replies[:1] * 2
    assert signaling.beat()["streams"] == 1


def test_a_full_worker_says_so(role: ProcessRole) -> None:
    signaling = role.worker()
    for stream in range(1, 65):
        open_stream(signaling, stream)
    code, _ = signaling.refused("open_stream", stream=65, address=HOST, caller_is_remote=True)
    assert code == "no_capacity"


def test_a_garbage_storm_does_not_disturb(role: ProcessRole, peer: RtpRole) -> None:
    signaling = role.worker()
    peer.to = open_stream(signaling, play={"source": "echo"}, remote=peer.remote())
    converse(peer, speech(9, 10))
    stop = threading.Event()

    def storm() -> None:
        rng = random.Random(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            while not stop.is_set():
                for port in (peer.to, peer.to + 1):
                    stranger.sendto(rng.randbytes(rng.randrange(300)), (HOST, port))
                stop.wait(0.0005)

    thread = threading.Thread(target=storm)
    thread.start()
    try:
        frames = speech(10, 60)
        heard = converse(peer, frames)
    finally:
        stop.set()
        thread.join()
    assert_continuous(heard)
    sound = b"".join(packet.payload for packet in heard)
    assert_heard(sound, frames[10:50])
    table = PublicStreams.open(Path(signaling.hello["table"]))
    assert table.packets_strange.sum() > 0


# ------------------------------------------------------------------------ coming and going


def test_a_stale_session_closes_the_streams(
    role: ProcessRole, peer: RtpRole, tmp_path: Path
) -> None:
    signaling = role.worker()
    path = tmp_path / "r.wav"
    open_stream(signaling, record=str(path), remote=peer.remote())
    peer.receive()
    while True:  # signaling is a new one, which knows nobody
        message = signaling.receive()
        if message["kind"] == "request":
            signaling.refuse(message["id"], "stale_session", "who are you?")
            break
    hello = signaling.welcome("s2")
    assert hello["incarnation"]
    assert signaling.beat()["streams"] == 0
    peer.drain()
    assert peer.silent(0.2)
    open_stream(signaling, 1, remote=peer.remote())
    peer.receive()
    assert len(read_wave(path)) > 0


def test_a_worker_may_come_before_signaling(role: ProcessRole) -> None:
    role.signaling.close()
    role.start("--worker", "w0")
    eventually(lambda: (role.run_dir / "w0.public").exists())
    role.signaling = SignalingRole(role.run_dir)
    role.signaling.welcome()
    assert role.signaling.beat()


def test_sigterm_drains(role: ProcessRole, peer: RtpRole, tmp_path: Path) -> None:
    signaling = role.worker()
    process = role.processes[0]
    open_stream(signaling, record=str(tmp_path / "r.wav"), remote=peer.remote())
    process.terminate()
    while not signaling.beat()["draining"]:
        pass
    code, reason = signaling.refused("open_stream", stream=2, address=HOST, caller_is_remote=True)
    assert (code, reason) == ("no_capacity", "this worker is draining")
    peer.receive()
    assert process.poll() is None
    assert signaling.ask("close_stream", stream=1)["verb"] == "stream_closed"
    assert role.ended(process) == 0
    assert role.files() == set()
    assert len(read_wave(tmp_path / "r.wav")) > 0


def test_draining_has_an_end(peer: RtpRole, tmp_path: Path) -> None:
    with TemporaryDirectory() as folder:
        role = ProcessRole(Path(folder), with_supervisor(drain=0.3))
        try:
            signaling = role.worker()
            open_stream(signaling, record=str(tmp_path / "r.wav"), remote=peer.remote())
            role.processes[0].terminate()
            assert role.ended(role.processes[0]) == 0
            assert role.files() == set()
            assert len(read_wave(tmp_path / "r.wav")) > 0
        finally:
            role.close()


def test_drain_worker_lets_streams_be(role: ProcessRole) -> None:
    signaling = role.worker()
    assert signaling.ask("drain_worker") == {"verb": "ok"}
    assert signaling.beat()["draining"]
    assert role.processes[0].poll() is None


def test_a_killed_worker_leaves_no_file_and_whole_recordings(
    role: ProcessRole, peer: RtpRole, tmp_path: Path
) -> None:
    signaling, path = role.worker(), tmp_path / "r.wav"
    peer.to = open_stream(signaling, record=str(path), remote=peer.remote())
    converse(peer, speech(11, 25))
    role.processes[0].send_signal(signal.SIGKILL)
    eventually(lambda: role.files() == set())
    assert len(read_wave(path)) >= 23 * 160


def test_a_successor_takes_the_place_of_what_is_there(role: ProcessRole) -> None:
    for name in ("w0.public", "w0.state"):
        (role.run_dir / name).write_text("left behind")
    signaling = role.worker()
    assert PublicStreams.open(Path(signaling.hello["table"])).rows == 64
    role.processes[0].send_signal(signal.SIGKILL)
    role.processes[0].wait()
    role.worker()
    state = WorkerState.open(role.run_dir / "w0.state")
    assert state.pid[0] == role.processes[1].pid
    assert role.signaling.beat()
    assert role.files() == {"w0.public", "w0.state"}


def test_no_process_is_left_behind(role: ProcessRole) -> None:
    role.worker()
    pid = role.processes[0].pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(children) == 1
    role.processes[0].send_signal(signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{children[0]}").exists() or is_zombie(children[0]))


def is_zombie(pid: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


def test_wrong_settings_are_told_by_the_exit_code(role: ProcessRole) -> None:
    (role.run_dir / "wrong.json").write_text('{"media": {"streems": 5}}')
    process = role.start("--worker", "w0", settings="wrong.json")
    assert process.wait() == 42
    assert not (role.run_dir / "w0.public").exists()
