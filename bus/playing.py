"""What a leg is to hear, as a person writes it: ``tone:440``, ``music``, ``echo``, a WAV file.

Paths are made absolute here, in the process of the application: the worker that opens the file has
another working directory.
"""

from pathlib import Path
from typing import assert_never

import msgspec

from bus.errors import BadSourceError
from bus.sources import AnySource, Application, Echo, Leg, Music, Silence, Source, Tone, Wave

Playable = AnySource | str | Path
"""A source, or the path of a WAV file."""


def as_source(play: Playable) -> AnySource:
    """Return the source that is meant; a path is a WAV file, and absolute afterwards."""
    match play:
        case str() | Path():
            return Wave(absolute(play))
        case Wave():
            return msgspec.structs.replace(play, path=absolute(play.path))
        case Silence() | Tone() | Echo() | Leg() | Music() | Application():
            return play
        case _:
            assert_never(play)


def absolute(path: str | Path) -> str:
    """Return a path that means the same in any working directory; an empty one stays empty."""
    return str(Path(path).expanduser().absolute()) if str(path) else ""


def parse_source(text: str) -> AnySource:
    """Return the source meant: ``tone[:HZ]``, ``music``, ``silence``, ``echo`` or a WAV file.

    Raises BadSourceError if it is none of these.
    """
    name, _, argument = text.partition(":")
    match name:
        case "silence":
            return Silence()
        case "echo":
            return Echo()
        case "music":
            return Music()
        case "tone":
            return Tone(_hertz(argument or "440"))
        case _:
            return _wave(text)


def _hertz(text: str) -> float:
    try:
        frequency = float(text)
    except ValueError:
        raise BadSourceError(f"tone:{text}: {text!r} is not a frequency in Hz") from None
    if not 20 <= frequency < 4000:
        raise BadSourceError(f"tone:{text}: a tone is from 20 to below 4000 Hz")
    return frequency


def _wave(text: str) -> Wave:
    path = Path(absolute(text))
    if not path.is_file():
        raise BadSourceError(f"{text}: no such file (nor is it tone:HZ, silence, echo or music)")
    return Wave(str(path))


def show_source(source: Source) -> str:
    """Return what a person would write for it."""
    match source:
        case Tone():
            return f"tone:{source.frequency:g}"
        case Wave():
            return source.path
        case _:
            return str(source.__struct_config__.tag)
