from pathlib import Path

import msgspec
import pytest

from tests.harness.arena import Arena
from tests.harness.network import NetworkError
from tests.harness.recording import Recording, main, replay


def recorded() -> Recording:
    with Arena(seed=1) as arena:
        arena.call()
        return arena.alice.recording


def test_a_recording_replays() -> None:
    assert replay(recorded()) == ""


def test_other_randomness_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = recorded()
    place = next(n for n, fed in enumerate(recording.fed) if b"INVITE" in fed.effects)
    other = msgspec.structs.replace(recording.fed[place], entropy=bytes(32))
    recording.fed[place] = other
    assert replay(recording).startswith(f"input {place} ")
    path = tmp_path / "recording"
    path.write_bytes(msgspec.msgpack.encode(recording))
    assert main([str(path)]) == 1
    assert f"{path}: input {place} " in capsys.readouterr().err


def test_a_forgetful_core_says_the_same_bytes() -> None:
    with Arena(seed=5) as kept, Arena(seed=5, forget=True) as dropped:
        for arena in (kept, dropped):
            arena.call()
            arena.alice.hang_up_all()
            arena.finish()
        assert kept.network.ladder.rungs == dropped.network.ladder.rungs
        assert kept.alice.recording.fed == dropped.alice.recording.fed


def test_what_is_left_is_noticed() -> None:
    with pytest.raises(AssertionError, match="has something left"), Arena(seed=1) as arena:
        arena.call()
        arena.finish(seconds=1.0)


def test_what_does_not_happen_is_noticed() -> None:
    with pytest.raises(NetworkError) as caught, Arena(seed=77) as arena:
        arena.link("alice", "bob").down = True
        arena.call()
    assert "seed 77" in caught.value.__notes__[0]
    assert "INVITE 1 (sendrecv)" in caught.value.__notes__[0]
