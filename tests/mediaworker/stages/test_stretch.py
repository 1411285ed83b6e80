import numpy as np
import pytest

from bus.columns import Column
from mediaworker.codecs.codec import stored
from mediaworker.media import Batch, Media
from mediaworker.stages.stretch import ALIKE, lengthen, shorten
from mediaworker.streams import BASE, BUFFER

FRAME = 160


def media_of(sound: Column[np.int16], scale: int = 1) -> Media:
    """Return media whose row 1 has just taken a frame from the middle of a sound."""
    media = Media.private(4)
    start = BASE * scale - 800 * scale
    media.streams.buffer[1, start : start + len(sound)] = stored(sound)
    media.streams.cursor[1] = BASE * scale + FRAME * scale
    media.streams.filled[1] = start + len(sound)
    media.streams.slack[1] = media.streams.slack_before[1] = 500
    return media


def tone(period: int, samples: int = 1600) -> Column[np.int16]:
    wave = 8000 * np.sin(2 * np.pi * np.arange(samples) / period)
    return np.round(wave + 1).astype(np.int16)


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("scale", [1, 2])
def test_a_tone_loses_or_gains_whole_periods_and_stays_a_tone(way: int, scale: int) -> None:
    sound, period = tone(50 * scale, 1600 * scale), 50 * scale
    media = media_of(sound, scale)
    batch = Batch(np.array([1]), FRAME * scale, scale)
    before = int(media.streams.cursor[1])
    wanted = np.array([ALIKE], np.float32)
    (shorten if way > 0 else lengthen)(media, batch, np.array([120 * scale]), wanted)
    moved = int(media.streams.cursor[1]) - before
    assert moved != 0 and moved * way > 0 and moved % period == 0
    assert int(media.streams.slack[1]) == 500 - moved
    begin = 800 * scale
    heard = media.streams.heard[1, : FRAME * scale].astype(int)
    assert np.abs(heard - sound[begin : begin + FRAME * scale]).max() <= 2
    at = int(media.streams.cursor[1])
    kept = media.streams.buffer[1, at - FRAME * scale : at]
    assert (kept == stored(media.streams.heard[1, : FRAME * scale])).all()


def test_what_is_cut_begins_where_it_would_have() -> None:
    """The first samples of a frame that is not quite periodic are those of the sound itself."""
    sound = (tone(50) + np.arange(1600)).astype(np.int16)
    media = media_of(sound)
    shorten(media, Batch(np.array([1]), FRAME), np.array([120]), np.array([ALIKE], np.float32))
    heard = media.streams.heard[1, :FRAME].astype(int)
    moved = int(media.streams.cursor[1]) - BASE - FRAME
    assert moved > 0
    assert np.abs(heard[:2] - sound[800:802]).max() <= 2
    assert np.abs(heard[-2:] - sound[800 + FRAME - 2 + moved : 800 + FRAME + moved]).max() <= 2


def test_silence_is_cut_anywhere_and_noise_nowhere() -> None:
    noise = np.random.default_rng(3).integers(-8000, 8000, 1600).astype(np.int16)
    for sound, moved in ((np.ones(1600, np.int16), 73), (noise, 0)):
        media = media_of(sound)
        wanted = np.array([ALIKE], np.float32)
        shorten(media, Batch(np.array([1]), FRAME), np.array([73]), wanted)
        assert media.streams.cursor[1] == BASE + FRAME + moved


def test_what_is_not_there_yet_is_not_used() -> None:
    media = media_of(np.ones(800 + FRAME + 30, np.int16))
    shorten(media, Batch(np.array([1]), FRAME), np.array([120]), np.array([0], np.float32))
    assert media.streams.cursor[1] == BASE + FRAME + 30
    assert media.streams.filled[1] == BASE + FRAME + 30 <= BUFFER
