"""Echo cancellation, noise suppression and gain control: the extra ``offhook[voice]``.

It works on frames of 10 ms, and needs to know what the speaker plays: that is in the ring of what
the peer says, which any number of readers may read.
"""

import importlib
from typing import Any, Final

import numpy as np

from bus.audio_rings import AudioEnd
from bus.columns import Column
from bus.devices import DeviceError

FRAME: Final = 0.01
FAR: Final = 0.1
"""Seconds of the peer that may wait for the microphone to catch up."""


class Voice:
    """What comes from a microphone, without what the speaker says."""

    def __init__(self, ring: AudioEnd) -> None:
        """Raises DeviceError if the extra is not installed."""
        self.ring = ring
        self.frame = round(FRAME * ring.rate)
        self._left = np.zeros(0, np.int16)
        self._far = np.zeros(0, np.int16)
        self._processor = _library().AudioProcessor(
            sample_rate=ring.rate,
            echo_cancellation=True,
            noise_suppression=True,
            high_pass_filter=True,
            auto_gain_control=True,
        )

    def clean(self, spoken: Column[np.int16]) -> Column[np.int16]:
        """Return what is left of it; up to a frame waits for its end."""
        near = np.concatenate((self._left, spoken))
        frames = len(near) // self.frame
        self._left = near[frames * self.frame :]
        self._hear()
        made = [
            self._processor.process(near[begin : begin + self.frame], self._next_far())
            for begin in range(0, frames * self.frame, self.frame)
        ]
        return np.concatenate([np.asarray(each, np.int16) for each in made] or [near[:0]])

    def _hear(self) -> None:
        available = self.ring.available
        heard = self.ring.read(available) if available else None
        if heard is not None:
            self._far = np.concatenate((self._far, heard))[-round(FAR * self.ring.rate) :]

    def _next_far(self) -> Column[np.int16]:
        far, self._far = self._far[: self.frame], self._far[self.frame :]
        return np.concatenate((far, np.zeros(self.frame - len(far), np.int16)))


def _library() -> Any:
    try:
        return importlib.import_module("pywebrtc_audio")
    except ImportError:
        raise DeviceError("the extra is not installed: pip install 'offhook[voice]'") from None
