from pathlib import Path

import pytest

from bus.errors import BadSourceError
from bus.playing import absolute, as_source, parse_source, show_source
from bus.sources import AnySource, Echo, Music, Silence, Tone, Wave


def test_a_path_is_a_wave_and_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert as_source("a.wav") == Wave(str(tmp_path / "a.wav"))
    assert as_source(Path("a.wav")) == Wave(str(tmp_path / "a.wav"))
    assert as_source(Wave("a.wav", loop=True)) == Wave(str(tmp_path / "a.wav"), loop=True)


def test_an_empty_path_stays_empty() -> None:
    assert absolute("") == ""


@pytest.mark.parametrize("source", [Tone(440), Silence(), Echo(), Music()])
def test_other_sources_are_themselves(source: AnySource) -> None:
    assert as_source(source) is source


@pytest.mark.parametrize("text", ["tone:440", "silence", "echo", "music"])
def test_what_a_person_writes_is_what_is_shown(text: str) -> None:
    assert show_source(parse_source(text)) == text


def test_a_tone_without_frequency_is_440() -> None:
    assert parse_source("tone") == Tone(440)


def test_a_file_is_a_wave(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"")
    assert parse_source(str(sound)) == Wave(str(sound))
    assert show_source(parse_source(str(sound))) == str(sound)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nothing.wav", "no such file"),
        ("tone:high", "not a frequency"),
        ("tone:4000", "below 4000"),
        ("tone:nan", "below 4000"),
        ("", "no such file"),
    ],
)
def test_anything_else_says_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(BadSourceError, match=complaint):
        parse_source(text)
