"""The sounds of a worker: what is in the pool, what is on its way there, and who holds what.

A sound is known by its key, which for a file includes its time and size, so that a changed file is
another sound.  It stays in the pool while a token holds it, and after that until its room is
needed; the one that was dropped first goes first.

In the pool it is there twice, at 8 kHz and behind that at 16 kHz, so that any codec plays it, and
one after the other.

Conversion goes in steps, so that one long file does not keep others, or a recording, waiting.
"""

from collections.abc import Callable, Generator
from pathlib import Path

import msgspec
import numpy as np

from bus.columns import Column
from bus.errors import BadSourceError
from bus.sources import Music, Tone, Wave
from mediaworker.filing import Fetched, FetchFailed
from mediaworker.pool import Pool
from mediaworker.sources.music import music
from mediaworker.sources.resample import RATE
from mediaworker.sources.tones import tone
from mediaworker.sources.wave import WIDE, Pair, WaveFile

HEAD = 30 * RATE
"""Samples after which a file may be played: conversion is far faster than playing."""
BOTH = 1 + WIDE
"""Samples in the pool to one at 8 kHz."""

Key = tuple[str, float, float]
"""A file's path, time and size, or ``tone``, frequency and level, or ``music``."""


class Sound(msgspec.Struct):
    """A segment of the pool and who holds it."""

    key: Key
    offset: int
    samples: int
    """At 8 kHz."""
    holders: set[int] = msgspec.field(default_factory=lambda: set[int]())
    playable: bool = False


class Shelf:
    """All sounds of a worker."""

    def __init__(
        self, memory: Column[np.int16], pool: Pool, back: Callable[[int, int], None]
    ) -> None:
        """``back(offset, samples)`` makes sure that this part of the pool has memory, or raises."""
        self.memory, self.pool, self.back = memory, pool, back
        self.sounds: dict[Key, Sound] = {}
        self.held: dict[int, Sound] = {}
        self.work: list[tuple[Sound, Generator[Pair], int]] = []

    def fetch(self, token: int, source: Tone | Wave | Music) -> Fetched | FetchFailed | None:
        """Hold a sound; None: it is on its way, and ``step`` will tell."""
        try:
            sound = self._find(source)
        except BadSourceError as error:
            return FetchFailed(token, error.reason)
        sound.holders.add(token)
        self.held[token] = sound
        return Fetched(token, sound.offset, sound.samples) if sound.playable else None

    def keep(self, token: int, source: Tone | Wave | Music, offset: int, samples: int) -> None:
        """Hold what lies in the pool already."""
        try:
            key = _key(source)
        except BadSourceError:  # the file is gone, its sound is not
            key = f"token {token}", 0, 0
        sound = self.sounds.get(key)
        if sound is None or sound.offset != offset:
            self.pool.take_at(offset, BOTH * samples)
            sound = self.sounds[key] = Sound(key, offset, samples, playable=True)
        sound.holders.add(token)
        self.held[token] = sound

    def drop(self, token: int) -> None:
        """Let go of a sound; it becomes the youngest of those nobody holds."""
        sound = self.held.pop(token, None)
        if sound is None:
            return
        sound.holders.discard(token)
        if sound.holders:
            return
        if self.sounds.get(sound.key) is sound:
            self.sounds[sound.key] = self.sounds.pop(sound.key)
        else:
            self._give_back(sound)

    def step(self) -> list[Fetched | FetchFailed]:
        """Convert one piece of the file that has waited longest; tell who waited for it."""
        sound, pieces, done = self.work.pop(0)
        try:
            narrow, wide = next(pieces)
        except BadSourceError as error:
            return self._fail(sound, done, error.reason)
        except OSError as error:
            return self._fail(sound, done, f"cannot read {sound.key[0]}: {error.strerror}")
        self._write(sound, done, narrow, wide)
        done += len(narrow)
        if done < sound.samples:
            self.work.append((sound, pieces, done))
        else:
            pieces.close()
        if sound.playable or done < min(HEAD, sound.samples):
            return []
        sound.playable = True
        return [Fetched(token, sound.offset, sound.samples) for token in sorted(sound.holders)]

    def _find(self, source: Tone | Wave | Music) -> Sound:
        key = _key(source)
        if key in self.sounds:
            return self.sounds[key]
        match source:
            case Tone():
                sound = self._keep_loop(
                    key, *(tone(source.frequency, source.level, scale) for scale in (1, WIDE))
                )
            case Music():
                sound = self._keep_loop(key, music(), music(WIDE))
            case Wave():
                file = WaveFile(Path(source.path))
                try:
                    sound = self._place(key, file.samples)
                except BadSourceError:
                    file.close()
                    raise
                self.work.append((sound, file.pieces(), 0))
        self.sounds[key] = sound
        return sound

    def _keep_loop(self, key: Key, narrow: Column[np.int16], wide: Column[np.int16]) -> Sound:
        sound = self._place(key, len(narrow))
        self._write(sound, 0, narrow, wide)
        sound.playable = True
        return sound

    def _write(
        self, sound: Sound, at: int, narrow: Column[np.int16], wide: Column[np.int16]
    ) -> None:
        begin = sound.offset + at
        self.memory[begin : begin + len(narrow)] = narrow
        begin = sound.offset + sound.samples + WIDE * at
        self.memory[begin : begin + len(wide)] = wide

    def _give_back(self, sound: Sound) -> None:
        self.pool.give_back(sound.offset, BOTH * sound.samples)

    def _place(self, key: Key, samples: int) -> Sound:
        offset = self.pool.take(BOTH * samples)
        while offset is None:
            self._evict(key, samples)
            offset = self.pool.take(BOTH * samples)
        try:
            self.back(offset, BOTH * samples)
        except OSError as error:
            self.pool.give_back(offset, BOTH * samples)
            text = f"no memory for {key[0]} ({samples / RATE:.0f} s): {error.strerror}"
            raise BadSourceError(text) from None
        return Sound(key, offset, samples)

    def _evict(self, key: Key, samples: int) -> None:
        busy = [id(sound) for sound, _, _ in self.work]
        for sound in self.sounds.values():
            if not sound.holders and id(sound) not in busy:
                del self.sounds[sound.key]
                self._give_back(sound)
                return
        raise BadSourceError(f"no room for {key[0]} ({samples / RATE:.0f} s) among what is played")

    def _fail(self, sound: Sound, done: int, reason: str) -> list[Fetched | FetchFailed]:
        del self.sounds[sound.key]
        waiting = sorted(sound.holders)
        if sound.playable and waiting:  # somebody plays it already: the missing part is silence
            left = sound.samples - done
            self._write(sound, done, *(np.zeros(left * scale, np.int16) for scale in (1, WIDE)))
            return []
        self._give_back(sound)
        for token in waiting:
            del self.held[token]
        return [FetchFailed(token, reason) for token in waiting]


def _key(source: Tone | Wave | Music) -> Key:
    match source:
        case Tone():
            return "tone", source.frequency, source.level
        case Music():
            return "music", 0, 0
        case Wave():
            try:
                status = Path(source.path).stat()
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                raise BadSourceError(f"cannot read {source.path}: {reason}") from None
            return source.path, status.st_mtime_ns, status.st_size
