"""What needs no card; with cards (that are none): tests/bus/test_sound_cards.py."""

import sys
from pathlib import Path

import pytest

from bus.devices import DeviceError
from mediaworker.devices.cards import listed, open_card, portaudio


def test_without_the_package_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError, match="sounddevice is not installed"):
        listed()


def test_without_the_library_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As ``sounddevice`` does where PortAudio is not."""
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(DeviceError, match="apt-get install libportaudio2"):
        portaudio()
    with pytest.raises(DeviceError, match="PortAudio library not found"):
        open_card("", output=True)
