"""Streams whose peers say tones: what each of them hears of the others, how loud and how late."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from bus.columns import Column
from bus.ids import StreamId
from bus.streams import Remote
from mediaworker import connecting, rows
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.coders import Coders
from mediaworker.codecs.formats import FORMATS
from mediaworker.sources.resample import RATE
from tests.mediaworker.virtual import Rtp, Worker, peer

LOUD: Final = 3000.0
"""Amplitude of a tone."""
FIRST: Final = 30
"""Tick after which the first packet comes."""
PITCHES: Final = (500.0, 1100.0, 1700.0, 2300.0, 2900.0)
"""Hz, of the tones of the first streams."""


def tone(hertz: float, samples: int, rate: int = RATE, amplitude: float = LOUD) -> Column[np.int16]:
    times = np.arange(samples) / rate
    return np.round(amplitude * np.sin(2 * np.pi * hertz * times)).astype(np.int16)


def codec_of(worker: Worker, row: int) -> Codec:
    return Codec(int(worker.media.streams.codec[row]))


def speak(
    worker: Worker, row: int, sound: Column[np.int16], *, after: int = FIRST, ssrc: int = 7
) -> None:
    """Let the peer of a row say a sound, in its codec and packet time."""
    streams, codec = worker.media.streams, codec_of(worker, row)
    form, samples, ticks = FORMATS[codec], int(streams.frame[row]), int(streams.period[row])
    coders = Coders()
    coders.open(0, codec, "")
    for index in range(len(sound) // samples):
        piece = sound[index * samples : (index + 1) * samples]
        if form.coding is None:
            payload = coders.encoder(0).encode(piece)
        else:
            payload = form.coding.encode(piece[np.newaxis]).tobytes()
        units = index * samples * form.clock // (RATE * form.scale)
        kind = int(streams.payload_type[row])
        packet = Rtp(index, units, payload, kind, ssrc=ssrc + row)
        worker.arrive(row, packet, after=after + index * ticks)


def heard(worker: Worker, row: int) -> Column[np.int16]:
    """Return what the peer of a row was sent, decoded."""
    codec = codec_of(worker, row)
    coders, scale = Coders(), FORMATS[codec].scale
    payloads = [each.payload for each in worker.sent(row) if each.payload_type < 101]
    decoder = coders.decoder(0, codec, scale)
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def strength(sound: Column[np.int16], hertz: float, rate: int = RATE) -> float:
    """Return the amplitude of a tone in a sound."""
    times = np.arange(len(sound)) / rate
    return float(2 * abs(np.exp(-2j * np.pi * hertz * times) @ sound) / len(sound))


def strengths(worker: Worker, row: int, count: int) -> list[float]:
    """Return how loud a row's peer hears each of the first pitches, dB to how loud it was said."""
    scale = int(worker.media.streams.scale[row])
    sound = heard(worker, row)[-RATE * scale :]
    found = [strength(sound, hertz, RATE * scale) for hertz in PITCHES[:count]]
    return [20 * float(np.log10(max(each, 0.1) / LOUD)) for each in found]


def room(worker: Worker, stream: int = 99) -> int:
    """Open a room."""
    row = rows.take(worker.media, StreamId(stream), worker.now_ns)
    rows.open_row(worker.media, row, caller_is_remote=False, entropy=bytes(rows.ENTROPY))
    connecting.open_room(worker.media, row)
    return row


def talkers(worker: Worker, remotes: Sequence[Remote], seconds: float = 3.0) -> list[int]:
    """Open streams whose peers say one pitch each, each a tick later than the one before."""
    opened = [worker.open(remote) for remote in remotes]
    for number, row in enumerate(opened):
        rate = RATE * int(worker.media.streams.scale[row])
        sound = tone(PITCHES[number], int(seconds * rate), rate)
        speak(worker, row, sound, after=FIRST + number)
    return opened


G722: Final = peer(codec="G722", payload_type=9, receive_payload_type=9)
PCMU: Final = peer()
PCMA: Final = peer(codec="PCMA", payload_type=8, receive_payload_type=8)
WIDE: Final = peer(codec="L16", clock=16000, payload_type=96, receive_payload_type=96)
