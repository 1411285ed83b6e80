"""The jitter buffer, where frames come out: in time, without holes, a little longer or shorter.

A frame that is there is taken as it is.  If samples are missing, ``conceal`` makes them up:

* with later ones there, they are lost, and time goes on;
* with none, the buffer is dry: time stands still until a packet comes (``anchor``);
* after ``IDLE`` the peer is taken to be silent, and while it sends telephone-events.

Now and then the depth is looked at.  ``slack`` is the least by which packets were ahead of play-out
when they came: if they always were, they wait for longer than they need, and frames are made
shorter until they do not; if some came too late to be played, frames are made longer (``stretch``).
"""

from typing import Final

import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import restored, stored
from mediaworker.codecs.formats import FORMATS
from mediaworker.masks import every, places, some
from mediaworker.media import Batch, Media
from mediaworker.stages import conceal, parking, stretch
from mediaworker.stages.anchor import AMPLE, DRIFTING, DRY, IDLE, NOTHING
from mediaworker.stages.gain import turn
from mediaworker.streams import BASE, BUFFER, GRAIN, LONGEST, PAST, REACH, TICK, Rows

AFTER_EVENT: Final = 20
"""Ticks from the last packet of an event until the audio behind it is played."""
EVERY: Final = 20
"""Ticks from one look at the depth to the next."""
WINDOW: Final = 500
"""Ticks that ``slack`` is measured over, and at least as long."""
PATIENCE: Final = 40
"""Ticks until a better moment is looked for, if sound could not be made shorter."""
TOGETHER: Final = 16
"""Rows whose frames are made shorter at the same time; others wait for their turn."""
MORE: Final = GRAIN * TICK
"""Samples at 8 kHz, and a frame, that are kept in hand of a peer whose clock is slow: its next
packet may suddenly be seen a frame later than those before it."""
FRAME: Final = 160
"""Samples at 8 kHz in hand up to which only what is much like itself is made shorter..."""
FAR: Final = 800
"""... and from which on anything is."""
ONE: Final = np.array(1, np.uint64)
EMPTY: Final = np.array(0, np.uint16)
WHOLE: Final = np.array(0, np.int32)
LOUDEST: Final = 32767
NOISE: Final = np.clip(np.random.default_rng(13).standard_normal(1 << 15), -4, 4)
"""Of loudness 1."""
KINDS: Final = np.array(0x3F, np.uint8)
CLOCKS: Final = np.full(0x40, 8000, np.int64)
"""Hz, by the codec in ``received``."""
CLOCKS[list(FORMATS)] = [form.clock for form in FORMATS.values()]
CLOCKS.flags.writeable = False


def fetch(media: Media, batch: Batch) -> None:
    """Make ``heard`` of the next frames."""
    streams, (rows, samples, scale) = media.streams, batch
    ends = streams.cursor[rows]
    windows, starts = media.jitter[samples], rows * BUFFER + ends
    frames = windows[starts]
    windows[starts - PAST * scale] = 0
    ends += samples
    streams.cursor[rows] = ends
    whole = np.minimum.reduce(frames, axis=1) > EMPTY
    whole &= streams.gap[rows] == WHOLE
    if every(whole):
        streams.heard[rows, :samples] = restored(frames)
        media.public.frames_played[rows] += ONE
    else:
        good, broken = rows[whole], ~whole
        streams.heard[good, :samples] = restored(frames[whole])
        media.public.frames_played[good] += ONE
        _mend(media, Batch(rows[broken], samples, scale), frames[broken])
    if media.tick % EVERY < batch.ticks:
        _steer(media, batch)
    if media.gained:
        turn(batch, streams.gain_in, streams.heard)
    end = BUFFER - LONGEST - (REACH + stretch.LONGEST) * scale
    if some(ends > end):
        _rewind(media, batch, (BASE * scale + end) // 2)


def _mend(media: Media, batch: Batch, frames: Column[np.uint16]) -> None:
    """Hear frames in which something is missing, or that come after such."""
    streams, (rows, samples, scale) = media.streams, batch
    if media.lines:
        frames = _release(media, batch, frames)
    holes = frames == EMPTY
    broken, there = holes.any(axis=1), ~holes.all(axis=1)
    sound = np.where(holes, 0, restored(frames))
    lately = media.tick - streams.event_heard_at[rows] < AFTER_EVENT
    silent = streams.gap[rows] >= IDLE * scale
    noise = streams.noise[rows]
    silent |= (lately & streams.event_known[rows] | (noise > 0)) & broken
    if some(silent):
        heard = rows[silent]
        if some(noise > 0):
            sound = np.where(holes, comfort(noise, media.tick, samples), sound)
        streams.heard[heard, :samples] = sound[silent]
        streams.gap[heard] = np.where(there[silent], 0, IDLE * scale)
        empty = (streams.filled[heard] <= streams.cursor[heard]) & ~there[silent]
        streams.received[heard[empty]] = NOTHING
        media.public.frames_played[heard] += ~broken[silent]
    loud = ~silent
    if some(loud):
        _conceal(media, Batch(rows[loud], samples, scale), sound[loud], holes[loud])


def comfort(levels: Column[np.uint8], tick: int, samples: int) -> Column[np.int16]:
    """Return noise of levels (column ``noise``), shape (rows, samples)."""
    loudness = np.where(levels > 0, 32768 * 10 ** ((levels - 128.0) / 20), 0)
    begins = (tick * 997 + np.arange(len(levels)) * 4099) % (len(NOISE) - samples)
    sounds = NOISE[begins[:, np.newaxis] + np.arange(samples)] * loudness[:, np.newaxis]
    noise: Column[np.int16] = sounds.astype(np.int16)
    return noise


def _release(media: Media, batch: Batch, frames: Column[np.uint16]) -> Column[np.uint16]:
    """Return the frames after what was parked for them is decoded."""
    streams, (rows, samples, _) = media.streams, batch
    ends = streams.cursor[rows]
    streams.cursor[rows] = ends - samples
    parking.release(media, rows)
    streams.cursor[rows] = ends
    again: Column[np.uint16] = media.jitter[samples][rows * BUFFER + ends - samples]
    return again


def _conceal(media: Media, batch: Batch, sound: Column[np.int16], holes: Column[np.bool_]) -> None:
    streams, (rows, samples, scale) = media.streams, batch
    broken, there = holes.any(axis=1), ~holes.all(axis=1)
    gaps = streams.gap[rows].astype(np.int64)
    firsts = np.where(gaps > 0, 0, holes.argmax(axis=1))
    begins = rows * BUFFER + streams.cursor[rows] - samples
    known = conceal.KNOWN * scale
    back = np.minimum(gaps, PAST * scale - known)
    raw = media.jitter[known][begins + firsts - back - known]
    past = np.where(raw == EMPTY, 0, restored(raw)).astype(np.float32)
    lags = streams.lag[rows].astype(np.int64)
    fresh = gaps == 0
    if some(fresh):
        lags[fresh] = conceal.pitch(past[fresh], scale)
        streams.lag[rows] = lags
    made = conceal.extend(past, lags, gaps - firsts, samples, scale)
    weights = conceal.weigh(holes, gaps, lags, scale)
    mixed = np.rint(made + weights * (sound - made))
    heard = np.clip(mixed, -LOUDEST, LOUDEST).astype(np.int16)
    streams.heard[rows, :samples] = heard
    media.jitter[samples][begins] = stored(heard)
    trailing = np.where(there, holes[:, ::-1].argmin(axis=1), gaps + samples)
    streams.gap[rows] = np.minimum(trailing, IDLE * scale)
    media.public.frames_played[rows] += ~broken
    media.public.frames_concealed[rows] += broken
    dry = streams.filled[rows] < streams.cursor[rows]
    if some(dry):
        _stand_still(media, Batch(rows[dry], samples, scale))


def _stand_still(media: Media, batch: Batch) -> None:
    """Let time not go on for what was made up: the next packet goes behind it."""
    streams, (rows, samples, scale) = media.streams, batch
    cursors = streams.cursor[rows]
    missing = np.minimum(cursors - streams.filled[rows], samples)
    idle = streams.gap[rows] >= IDLE * scale
    received = streams.received[rows]
    clocks = CLOCKS[received & KINDS]
    units = (missing * clocks // (scale * 8000)).astype(np.uint32)
    streams.origin[rows] -= units
    streams.filled[rows] = cursors
    streams.debt[rows] += missing
    streams.received[rows] = np.where(idle, NOTHING, received | DRY)


def _steer(media: Media, batch: Batch) -> None:
    """Make the frames of some rows shorter or longer."""
    streams, (rows, samples, scale) = media.streams, batch
    low = np.minimum(streams.slack[rows], streams.slack_before[rows])
    if media.tick % WINDOW < batch.ticks:
        streams.slack_before[rows] = streams.slack[rows]
        streams.slack[rows] = AMPLE
    heard = (streams.gap[rows] == WHOLE) & (low < AMPLE)
    drifting = streams.drifts_until[rows] > media.tick
    spare = low - drifting * (samples + MORE * scale)
    too_much = heard & (spare >= stretch.SHORTEST * scale)
    too_much &= streams.steady_at[rows] <= media.tick
    if some(too_much):
        chosen = places(too_much)[:TOGETHER]
        most = spare[chosen]
        wanted = np.minimum((FAR - most / scale) / (FAR - FRAME), 1) * stretch.ALIKE
        shorter = batch._replace(rows=rows[chosen])
        streams.steady_at[shorter.rows] = media.tick + PATIENCE
        stretch.shorten(media, shorter, most, wanted.astype(np.float32))
    too_little = heard & (low < drifting * samples)
    if some(too_little):
        slow = rows[too_little & drifting]
        streams.drifts_until[slow] = media.tick + DRIFTING
        most = np.maximum(-spare[too_little], stretch.SHORTEST * scale)
        alike = np.full(len(most), stretch.ALIKE, np.float32)
        stretch.lengthen(media, batch._replace(rows=rows[too_little]), most, alike)


def _rewind(media: Media, batch: Batch, beyond: int) -> None:
    """Move rows ``beyond`` some place back to the beginning of their buffers."""
    streams, scale = media.streams, batch.scale
    rows: Rows = batch.rows[streams.cursor[batch.rows] > beyond]
    cursors, filled = streams.cursor[rows], streams.filled[rows]
    base, past = BASE * scale, PAST * scale
    width = past + max(0, int((filled - cursors).max()))
    windows, starts = media.jitter[width], rows * BUFFER + cursors - past
    kept = windows[starts]
    windows[starts] = 0
    windows[rows * BUFFER + base - past] = kept
    back = cursors - base
    streams.cursor[rows] = base
    streams.filled[rows] = np.maximum(filled - back, base)
    clocks = CLOCKS[streams.received[rows] & KINDS]
    streams.origin[rows] += (back * clocks // (scale * 8000)).astype(np.uint32)
