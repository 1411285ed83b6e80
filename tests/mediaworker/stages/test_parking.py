import numpy as np
import pytest

from bus.columns import Column
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.formats import FORMATS, available
from tests.mediaworker.virtual import Rtp, Worker, peer

WIDE = np.round(8000 * np.sin(2 * np.pi * 500 / 16000 * np.arange(32000))).astype(np.int16)


def heard(codec: Codec, order: list[int], sounds: Column[np.int16] = WIDE) -> Column[np.int16]:
    """Send frames of 20 ms in some order; return all that was heard."""
    if codec not in available():
        pytest.skip(f"{codec.name} needs a library that is not there")
    form = FORMATS[codec]
    assert form.coders is not None
    frame = 160 * form.scale
    encoder = form.coders.encoder("")
    payloads = [encoder.encode(sounds[frame * n : frame * n + frame]) for n in range(60)]
    worker = Worker()
    remote = peer(codec=form.name, clock=form.clock, payload_type=96, receive_payload_type=96)
    row = worker.open(remote)
    for slot, index in enumerate(order):
        packet = Rtp(index, index * form.clock // 50, payloads[index], 96)
        worker.arrive(row, packet, after=1 + 4 * slot)
    frames = list[Column[np.int16]]()
    for _ in range(260):
        played = worker.public("frames_played", row) + worker.public("frames_concealed", row)
        worker.run(1)
        if worker.public("frames_played", row) + worker.public("frames_concealed", row) > played:
            frames.append(worker.media.streams.heard[row, :frame].copy())
    return np.concatenate(frames)


@pytest.mark.parametrize("codec", [Codec.G722, Codec.OPUS])
def test_a_codec_with_memory_is_heard(codec: Codec) -> None:
    sound = heard(codec, list(range(60)))[3200:16000].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum.argmax() * 16000 / len(sound) == pytest.approx(500, abs=3)
    assert np.sqrt((sound**2).mean()) == pytest.approx(8000 / 2**0.5, rel=0.15)


@pytest.mark.parametrize("codec", [Codec.G722, Codec.OPUS])
def test_packets_that_overtook_each_other_are_decoded_in_order(codec: Codec) -> None:
    order = list(range(60))
    order[6], order[7] = 7, 6  # before what is in hand is made less
    plain, swapped = heard(codec, list(range(60))), heard(codec, order)
    size = 320 * 12
    assert (plain[:size] == swapped[:size]).all()


@pytest.mark.parametrize("codec", [Codec.G722, Codec.OPUS])
def test_what_is_lost_is_made_up(codec: Codec) -> None:
    sound = heard(codec, [n for n in range(60) if n != 30]).astype(np.float64)
    loudness = np.sqrt((sound[3200:16000].reshape(-1, 320) ** 2).mean(axis=1))
    assert loudness.min() > 1000  # half of what is lost fades
