"""A signal that can be recognised again, and the check that it arrived.

The signal is a tune nobody wrote: notes with overtones, breath between them, lengths and pitches
drawn from a seed.  It never repeats, so its cross-correlation has one peak only.

The check cuts what was sent into pieces of a tenth of a second and looks for each in what arrived.
A jitter buffer may shift the pieces against each other, but it cannot invent them: silence, noise,
a tone or another tune do not correlate.
"""

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 8000
PIECE: Final = RATE // 10
SEARCH: Final = RATE // 4
"""A piece may lie so many samples away from where the whole signal starts."""

Samples = NDArray[np.int16]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """How much of what was sent arrived."""

    correlation: float
    """Of the median piece, 0 to 1; G.711 alone leaves more than 0.99."""
    whole: float
    """Share of the pieces that are there, 0 to 1."""
    delay: float
    """Seconds from the start of what arrived to the start of what was sent."""
    slips: int
    """Pieces that lie more than 5 ms off their neighbour."""
    gain: float
    """Level of what arrived against what was sent, dB."""

    def passes(self) -> bool:
        """Whether a listener would say that it is the same, and whole."""
        return self.correlation > 0.97 and self.whole > 0.95 and abs(self.gain) < 1.5

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"correlation {self.correlation:.3f}, {100 * self.whole:.0f} % of it there, "
            f"level {self.gain:+.1f} dB, starts at {self.delay:.2f} s, slips {self.slips}"
        )


def tune(seconds: float, seed: int, rate: int = RATE) -> Samples:
    """Return a tune of so many seconds, int16, at most -6 dBFS, within the telephone band."""
    random = np.random.default_rng(seed)
    notes: list[Floats] = []
    length = 0
    while length < seconds * rate:
        note = _note(random, rate)
        notes.append(note)
        length += len(note)
    whole = np.concatenate(notes)[: int(seconds * rate)]
    peak = float(np.abs(whole).max())
    return np.round(whole * (16384.0 / peak)).astype(np.int16)


def _note(random: np.random.Generator, rate: int) -> Floats:
    length = int(rate * random.uniform(0.12, 0.38))
    at = np.arange(length) / rate
    pitch = 220.0 * 2 ** (random.integers(0, 25) / 12)
    vibrato = 0.004 * np.sin(2 * np.pi * random.uniform(4, 7) * at)
    phase = 2 * np.pi * pitch * (at + vibrato / 5) + random.uniform(0, 2 * np.pi)
    overtones = random.uniform(0.05, 0.5, 4)
    voice = np.sin(phase)
    for number, strength in enumerate(overtones, start=2):
        if pitch * number < 3300:
            voice = voice + strength * np.sin(number * phase)
    breath = np.convolve(random.normal(0, 0.25, length + 7), np.ones(8) / 8, "valid")
    attack = np.minimum(1, at / 0.015) * np.minimum(1, (length / rate - at) / 0.03)
    note: Floats = (voice + breath) * attack * random.uniform(0.5, 1.0)
    return note


def write_wav(path: Path, samples: Samples, rate: int = RATE) -> Path:
    """Write mono (n,) or interleaved stereo (n, 2) samples."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[Samples, int]:
    """Return samples of shape (frames, channels) and the rate.  16 bit only."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path} has {8 * file.getsampwidth()} bits a sample, not 16")
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
        return frames.reshape(-1, file.getnchannels()), file.getframerate()


def listen(sent: Samples, arrived: Samples) -> Heard:
    """Look for ``sent`` in ``arrived``, both (n,) at one rate; ``arrived`` may start earlier."""
    reference = sent.astype(np.float64)
    signal = arrived.astype(np.float64)
    if len(signal) < PIECE:
        return Heard(correlation=0.0, whole=0.0, delay=0.0, slips=0, gain=-120.0)
    start = _rough_start(reference, signal)
    found = [
        _find_piece(reference[at : at + PIECE], signal, start + at)
        for at in range(0, len(sent) - PIECE + 1, PIECE)
    ]
    strengths = np.array([strength for strength, _ in found] or [0.0])
    shifts = np.array([shift for _, shift in found] or [0])
    return Heard(
        correlation=float(np.median(strengths)),
        whole=float((strengths > 0.9).mean()),
        delay=(start + float(np.median(shifts))) / RATE,
        slips=int((np.abs(np.diff(shifts)) > RATE // 200).sum()),
        gain=_gain(reference, signal[max(start, 0) : max(start, 0) + len(reference)]),
    )


def _rough_start(reference: Floats, signal: Floats) -> int:
    """Offset of the reference in the signal at the peak of their cross-correlation."""
    size = 1 << (len(reference) + len(signal) - 1).bit_length()
    spectrum = np.fft.rfft(signal, size) * np.conj(np.fft.rfft(reference, size))
    peak = int(np.argmax(np.fft.irfft(spectrum, size)))
    return peak if peak < len(signal) else peak - size


def _find_piece(piece: Floats, signal: Floats, near: int) -> tuple[float, int]:
    """Return the normalised correlation of a piece at its best place, and that place's offset.

    A piece that would lie outside of the signal did not arrive: 0.
    """
    first = max(0, near - SEARCH)
    window = signal[first : near + len(piece) + SEARCH]
    if len(window) < len(piece):
        return 0.0, 0
    dots = np.correlate(window, piece, "valid")
    energy = np.concatenate(([0.0], np.cumsum(window**2)))
    energies = energy[len(piece) :] - energy[: -len(piece)]
    strengths = dots / np.sqrt(np.maximum(energies, 1.0) * max(float(piece @ piece), 1.0))
    best = int(np.argmax(strengths))
    return float(strengths[best]), first + best - near


def _gain(sent: Floats, arrived: Floats) -> float:
    """Level of what arrived against the same length of what was sent, dB."""
    size = min(len(sent), len(arrived))
    if size == 0:
        return -120.0
    ratio = float((arrived[:size] ** 2).sum()) / max(float((sent[:size] ** 2).sum()), 1.0)
    return float(10 * np.log10(max(ratio, 1e-12)))
