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

from bus.columns import Column
from bus.errors import BadSourceError
from mediaworker.filing import Start, Started, StartFailed, Stopped
from mediaworker.sources.recording import RATE, Recording
from mediaworker.streams import FRAME, Recordings

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

    def start(self, start: Start) -> Started | StartFailed:
        """Open the file that a ring is drained into."""
        row, path, place = start.row, start.path, Path(start.path)
        if any(each.file.path == place for each in self.open.values()):
            return StartFailed(row, f"{path} is being recorded into already")
        try:
            channels = 1 if start.mixed else 2
            self.open[row] = Open(Recording(place, go_on=start.go_on, channels=channels))
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
        frames = np.arange(read + lost, written, dtype=np.int64)
        sound = self.rings.ring[row, frames % self.frames].transpose(0, 2, 1).reshape(-1, 2)
        wide_from = int(self.rings.wide_from[row])
        narrow = FRAME * int(np.count_nonzero(frames < wide_from - 1))
        silence = np.zeros((lost * FRAME, 2), np.int16)
        self.rings.read[row] = written
        if recording.problem:
            return
        file = recording.file
        try:
            if 0 < wide_from <= written and file.rate == RATE:
                file.append(_mixed(sound[:narrow], file.channels))
                file.widen()
                sound = sound[narrow:]
            file.append(_mixed(np.concatenate([silence, sound]), file.channels))
        except OSError as error:
            recording.problem = f"{recording.file.path}: {error.strerror}"
            log.error("recording stopped: %s", recording.problem)


def _mixed(sound: Column[np.int16], channels: int) -> Column[np.int16]:
    """Return both sides, shape (n, 2), in one or two channels."""
    if channels == 2:
        return sound
    both: Column[np.int32] = sound.sum(axis=1, dtype=np.int32, keepdims=True)
    return both.clip(-32768, 32767).astype(np.int16)
