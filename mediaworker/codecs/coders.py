"""The encoders and decoders of all rows whose codec has a memory.

They are the library's objects, so they are no columns: a worker that takes over a row begins with
new ones.
"""

import msgspec

from mediaworker.codecs.codec import Codec, Decoder, Encoder
from mediaworker.codecs.formats import FORMATS


class Made(msgspec.Struct, frozen=True):
    """An encoder and what it was made for."""

    codec: Codec
    parameters: str
    encoder: Encoder


class Coders:
    """By row; a row without memory has none, and costs nothing here."""

    def __init__(self) -> None:
        self.made: dict[int, Made] = {}
        self.decoders: dict[tuple[int, int], Decoder] = {}
        """By row and ``Codec``."""

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

    def decoder(self, row: int, codec: Codec) -> Decoder:
        """Return that of a row and of a codec with memory, made when first needed."""
        decoder = self.decoders.get((row, codec))
        if decoder is None:
            coders = FORMATS[codec].coders
            assert coders is not None, codec
            decoder = self.decoders[row, codec] = coders.decoder()
        return decoder

    def close(self, row: int) -> None:
        """Forget those of a row."""
        self.made.pop(row, None)
        for key in [key for key in self.decoders if key[0] == row]:
            del self.decoders[key]
