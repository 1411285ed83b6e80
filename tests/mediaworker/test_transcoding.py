from itertools import pairwise

import numpy as np
import pytest

from bus.columns import Column
from bus.streams import Remote
from mediaworker import sounding
from mediaworker.codecs.codec import Codec
from mediaworker.codecs.coders import Coders
from mediaworker.codecs.formats import FORMATS
from tests.mediaworker.codecs.sounds import pieces, resemblance
from tests.mediaworker.virtual import Rtp, Worker, peer

TYPES = {Codec.PCMU: 0, Codec.G722: 9, Codec.OPUS: 111, Codec.L16_WIDE: 97, Codec.PCMA: 8}


def remote(codec: Codec, **changes: object) -> Remote:
    form, number = FORMATS[codec], TYPES[codec]
    usual = {"codec": form.name, "clock": form.clock, "payload_type": number}
    return peer(**{**usual, "receive_payload_type": number, **changes})


def tone(rate: int, seconds: float = 1.0, frequency: float = 700) -> Column[np.int16]:
    turns = np.arange(int(rate * seconds)) * frequency / rate
    return np.asarray(np.rint(9000 * np.sin(2 * np.pi * turns)), np.int16)


def voice(rate: int, seconds: float = 1.0) -> Column[np.int16]:
    """A tone that is never twice the same."""
    at = np.arange(int(rate * seconds)) / rate
    sweep = np.sin(2 * np.pi * (300 * at + 500 * at * at)) * (0.6 + 0.4 * np.sin(9 * at))
    return np.asarray(np.rint(9000 * sweep), np.int16)


def coded(codec: Codec, sound: Column[np.int16], parameters: str = "") -> list[Rtp]:
    """Packets of 20 ms."""
    form = FORMATS[codec]
    frames = pieces(sound, 160 * form.scale)
    if form.coders is not None:
        encoder = form.coders.encoder(parameters)
        payloads = [encoder.encode(frame) for frame in frames]
    else:
        assert form.coding is not None
        payloads = [form.coding.encode(frame[np.newaxis])[0].tobytes() for frame in frames]
    return [
        Rtp(65500 + place, 0xFFFF_F000 + place * form.clock // 50, payload, TYPES[codec])
        for place, payload in enumerate(payloads)
    ]


def decoded(codec: Codec, packets: list[Rtp]) -> Column[np.int16]:
    decoder = Coders().decoder(0, codec, FORMATS[codec].scale)
    audio = [packet.payload for packet in packets if packet.payload_type == TYPES[codec]]
    return np.concatenate([decoder.decode(payload) for payload in audio])


def send(worker: Worker, row: int, packets: list[Rtp], *, without: set[int] | None = None) -> None:
    for place, packet in enumerate(packets):
        if place not in (without or set()):
            worker.arrive(row, packet, after=1 + 4 * place)


def level(sound: Column[np.int16]) -> float:
    return float(10 * np.log10(np.square(sound[len(sound) // 2 :].astype(float)).mean()))


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.L16_WIDE, Codec.G722, Codec.OPUS])
def test_an_echo_is_what_was_said(codec: Codec) -> None:
    worker, sound = Worker(), voice(8000 * FORMATS[codec].scale)
    row = worker.open(remote(codec))
    sounding.play_echo(worker.media, row)
    send(worker, row, coded(codec, sound))
    worker.run(230)
    assert resemblance(sound, decoded(codec, worker.sent(row))) > 0.95
    assert worker.public("frames_concealed", row) <= 6  # after the last packet
    times = np.diff([packet.timestamp for packet in worker.sent(row)]).astype(np.uint32)
    assert set(times.tolist()) == {FORMATS[codec].clock // 50}


@pytest.mark.parametrize(
    ("first", "second"),
    [(Codec.G722, Codec.PCMU), (Codec.PCMU, Codec.G722), (Codec.OPUS, Codec.PCMA)],
)
def test_two_legs_of_different_codecs_hear_each_other_as_loud(first: Codec, second: Codec) -> None:
    worker = Worker()
    one, other = worker.open(remote(first)), worker.open(remote(second))
    sounding.play_leg(worker.media, other, one)
    sound = tone(8000 * FORMATS[first].scale, 1.5)
    send(worker, one, coded(first, sound))
    worker.run(280)
    heard = decoded(second, worker.sent(other))
    loud = heard[len(heard) // 2 : len(heard) * 3 // 4]
    assert level(loud) == pytest.approx(level(sound), abs=1)


def test_a_peer_that_sends_another_codec_than_we_do() -> None:
    worker, sound = Worker(), voice(16000)
    row = worker.open(remote(Codec.PCMU, also={9: "G722/8000"}))
    sounding.play_echo(worker.media, row)
    send(worker, row, coded(Codec.G722, sound))
    worker.run(230)
    assert resemblance(voice(8000), decoded(Codec.PCMU, worker.sent(row))) > 0.95


def test_a_peer_that_changes_its_codec_in_the_middle() -> None:
    worker, sound = Worker(), voice(8000)
    row = worker.open(remote(Codec.G722, also={0: "PCMU/8000"}))
    sounding.play_echo(worker.media, row)
    wide, narrow = coded(Codec.G722, voice(16000)), coded(Codec.PCMU, sound)
    send(worker, row, [*wide[:25], *narrow[25:]])
    worker.run(230)
    heard = decoded(Codec.G722, worker.sent(row))
    assert resemblance(voice(16000), heard) > 0.9
    assert worker.public("frames_concealed", row) <= 6  # after the last packet


def test_what_was_lost_comes_with_the_next_packet_of_opus() -> None:
    sound = voice(16000)
    packets, lost = coded(Codec.OPUS, sound, "useinbandfec=1"), {20, 27, 34, 41}
    errors = list[float]()
    for repeated in (packets, coded(Codec.OPUS, sound)):
        worker = Worker()
        row = worker.open(remote(Codec.OPUS))
        sounding.play_echo(worker.media, row)
        send(worker, row, repeated, without=lost)
        worker.run(230)
        errors.append(1 - resemblance(sound, decoded(Codec.OPUS, worker.sent(row))))
        assert worker.public("packets_lost", row) == len(lost)
    assert errors[0] < errors[1]


def test_malformed_packets_are_left_out() -> None:
    worker = Worker()
    row = worker.open(remote(Codec.OPUS))
    sounding.play_echo(worker.media, row)
    for place in range(20):
        worker.arrive(row, Rtp(place, 960 * place, b"\xff\xff\x00", 111), after=1 + 4 * place)
    worker.run(100)
    assert not worker.media.streams.heard[row].any()


def test_pauses_are_not_sent_to_who_likes_that_and_time_goes_on() -> None:
    worker = Worker()
    row = worker.open(remote(Codec.OPUS, parameters="usedtx=1"))
    worker.run(400)
    sent = worker.sent(row)
    assert 5 < len(sent) < 60
    assert [b.sequence - a.sequence for a, b in pairwise(sent)] == [1] * (len(sent) - 1)
    assert (sent[-1].timestamp - sent[0].timestamp) % 2**32 > 50 * 960
    assert sent[-1].marker
