from pathlib import Path

import pytest

from tests.bus.commands.running import lines_of, offhook
from tests.peers.sound_server import SoundServer


@pytest.mark.peer("sound")
def test_devices_are_shown_to_people_and_to_programs() -> None:
    with SoundServer("anna") as cards:
        said = offhook("devices", **cards.environ)
        assert said.returncode == 0, said.stderr
        assert said.stdout.splitlines()[0].split()[:4] == ["INDEX", "NAME", "INPUTS", "OUTPUTS"]
        assert " anna_speaker " in said.stdout
        listed = lines_of(offhook("devices", "--json", **cards.environ).stdout)
        (default,) = [line for line in listed if line["is_default_output"]]
        assert default["name"] == "default"
        refused = offhook("call", "sip:x@127.0.0.1", "--play", "device:bob", **cards.environ)
        assert refused.returncode == 1
        assert "no input device 'bob'" in refused.stderr


def test_without_portaudio_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    root = str(Path(__file__).parent.parent.parent.parent)
    said = offhook("devices", PYTHONPATH=f"{tmp_path}:{root}")
    assert said.returncode == 1
    (line,) = said.stderr.splitlines()
    assert "PortAudio is missing" in line
