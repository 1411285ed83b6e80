"""The encoders and decoders of all rows whose codec has a memory.

They are the library's objects, so they are no columns: a worker that takes over a row begins with
new ones.

A peer may send any codec that was agreed upon, at any moment.  A row has one sample rate, that of
the codec it sends, so a decoder is asked for at that: if it is not the codec's, its samples are
converted, and this takes memory even if the codec needs none.
"""

from typing import Final

import msgspec
import numpy as np

from bus.columns import Column
from mediaworker.codecs.codec import Codec, Decoder, Encoder, Memoryless, Stateful, restored
from mediaworker.codecs.formats import FORMATS
from mediaworker.polyphase import Polyphase, between

RATE: Final = 8000


class Made(msgspec.Struct, frozen=True):
    """An encoder and what it was made for."""

    codec: Codec
    parameters: str
    encoder: Encoder


class Plain:
    """A decoder of a codec without memory."""

    def __init__(self, coding: Memoryless) -> None:
        self.coding = coding

    def decode(self, payload: bytes) -> Column[np.int16]:
        """Return the samples of a payload."""
        decoded = self.coding.decode(np.frombuffer(payload, np.uint8)[np.newaxis])
        return restored(decoded).reshape(-1)

    def conceal(self, samples: int) -> Column[np.int16]:
        """Return none."""
        return np.zeros(0, np.int16)

    def recover(self, payload: bytes, samples: int) -> Column[np.int16]:
        """Return none."""
        return np.zeros(0, np.int16)


class Converted:
    """A decoder at another sample rate than its codec has."""

    def __init__(self, decoder: Decoder, source: int, target: int) -> None:
        self.decoder = decoder
        self.way: Polyphase = between(source, target)
        self.factor = source / target
        self.history = self.way.begin()

    def decode(self, payload: bytes) -> Column[np.int16]:
        """Return the samples of a payload, up to a whole piece of the conversion."""
        return self._convert(self.decoder.decode(payload))

    def conceal(self, samples: int) -> Column[np.int16]:
        """Return something in place of samples that did not arrive; none if it cannot."""
        return self._convert(self.decoder.conceal(int(samples * self.factor)))

    def recover(self, payload: bytes, samples: int) -> Column[np.int16]:
        """Return the samples lost just before a payload, from what it says of them."""
        return self._convert(self.decoder.recover(payload, int(samples * self.factor)))

    def _convert(self, samples: Column[np.int16]) -> Column[np.int16]:
        whole = samples[: len(samples) // self.way.step * self.way.step]
        converted, self.history = self.way.convert(whole[np.newaxis], self.history)
        return converted.reshape(-1)


class Coders:
    """By row; one whose codecs have no memory has none, and costs nothing here."""

    def __init__(self) -> None:
        self.made: dict[int, Made] = {}
        self.decoders: dict[tuple[int, Codec, int], Decoder] = {}
        """By row, codec and scale of the row."""

    def open(self, row: int, codec: Codec, parameters: str) -> None:
        """Let a row send a codec; the encoder it has stays if that is the same still."""
        coders, before = FORMATS[codec].coders, self.made.get(row)
        if coders is None:
            self.made.pop(row, None)
        elif before is None or (before.codec, before.parameters) != (codec, parameters):
            self.made[row] = Made(codec, parameters, coders.encoder(parameters))

    def encoder(self, row: int) -> Encoder:
        """Return that of a row, which was opened."""
        return self.made[row].encoder

    def pauses(self, row: int) -> bool:
        """Whether packets of a row may be left out."""
        made = self.made.get(row)
        return made is not None and made.encoder.pauses

    def expect_loss(self, row: int, percent: int) -> None:
        """Prepare what a row sends for losses, as its peer reports them."""
        made = self.made.get(row)
        if made is not None:
            made.encoder.expect_loss(percent)

    def decoder(self, row: int, codec: Codec, scale: int) -> Decoder:
        """Return that of a row and a codec, at a scale; made when first needed."""
        decoder = self.decoders.get((row, codec, scale))
        if decoder is None:
            decoder = self.decoders[row, codec, scale] = _decoder(codec, scale)
        return decoder

    def samples(self, codec: Codec, payload: bytes, scale: int) -> int:
        """Return how many samples a payload makes at a scale, 0 if it is malformed."""
        form = FORMATS[codec]
        if form.coders is None:
            return len(payload) // form.sample_bytes * scale // form.scale
        return form.coders.samples(payload) * scale // form.scale

    def close(self, row: int) -> None:
        """Forget those of a row."""
        self.made.pop(row, None)
        for key in [key for key in self.decoders if key[0] == row]:
            del self.decoders[key]


def _decoder(codec: Codec, scale: int) -> Decoder:
    form = FORMATS[codec]
    decoder = _own(form.coding, form.coders)
    if form.scale == scale:
        return decoder
    return Converted(decoder, form.scale * RATE, scale * RATE)


def _own(coding: Memoryless | None, coders: Stateful | None) -> Decoder:
    if coding is not None:
        return Plain(coding)
    assert coders is not None
    return coders.decoder()
