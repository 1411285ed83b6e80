"""From the recording rings into WAV files.

The tick writes ``ring[row, written % FRAMES]`` and then counts ``written``; here ``read`` follows.
If it is left behind by more than the ring holds, what was overwritten is silence in the file, so
that time stays true.
"""

import logging
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from bus.errors import BadSourceError
from mediaworker.filing import Started, StartFailed, Stopped
from mediaworker.sources.recording import Recording
from mediaworker.streams import Recordings

log = logging.getLogger(__name__)

MARGIN: Final = 8
"""Frames that the tick may write while we copy."""


class Open(msgspec.Struct):
    """A recording that goes on."""

    file: Recording
    problem: str = ""


class Recorder:
    """All recordings of a worker."""

    def __init__(self, rings: Recordings) -> None:
        self.rings = rings
        self.frames: Final = rings.ring.shape[1]
        self.open: dict[int, Open] = {}

    def start(self, row: int, path: str, *, go_on: bool) -> Started | StartFailed:
        """Open the file that the ring of ``row`` is drained into."""
        place = Path(path)
        if any(each.file.path == place for each in self.open.values()):
            return StartFailed(row, f"{path} is being recorded into already")
        try:
            self.open[row] = Open(Recording(place, go_on=go_on))
        except BadSourceError as error:
            return StartFailed(row, error.reason)
        return Started(row)

    def stop(self, row: int) -> Stopped:
        """Drain what is left and close."""
        recording = self.open.pop(row, None)
        if recording is None:
            return Stopped(row, "")
        self._drain(row, recording)
        recording.file.close()
        return Stopped(row, recording.problem)

    def drain(self) -> None:
        """Write what has come into any ring."""
        for row, recording in self.open.items():
            self._drain(row, recording)

    def close(self) -> None:
        """Make all recordings whole."""
        for row in list(self.open):
            self.stop(row)

    def _drain(self, row: int, recording: Open) -> None:
        written, read = int(self.rings.written[row]), int(self.rings.read[row])
        lost = max(0, written - read - self.frames + MARGIN)
        if written == read:
            return
        at = np.arange(read + lost, written, dtype=np.int64) % self.frames
        sound = self.rings.ring[row, at].transpose(0, 2, 1).reshape(-1, 2)
        silence = np.zeros((lost * 160, 2), np.int16)
        self.rings.read[row] = written
        if recording.problem:
            return
        try:
            recording.file.append(np.concatenate([silence, sound]))
        except OSError as error:
            recording.problem = f"{recording.file.path}: {error.strerror}"
            log.error("recording stopped: %s", recording.problem)
