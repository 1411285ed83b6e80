from itertools import pairwise

import numpy as np
import pytest

from bus.columns import Column
from bus.streams import Remote, StreamSilent
from mediaworker import rows, sounding
from mediaworker.stages.hush import PATIENCE
from tests.mediaworker.virtual import Rtp, Worker, peer

FRAME = 160
LOUD = np.round(8000 * np.sin(2 * np.pi * np.arange(FRAME * 50) / 40)).astype(np.int16)
NOISE = peer(noise_payload_type=13, receive_noise_payload_type=13)


def playing(*sounds: Column[np.int16], remote: Remote = NOISE) -> tuple[Worker, int]:
    """Return a worker that plays sounds one after the other, then silence."""
    worker = Worker()
    row = worker.open(remote)
    sound = np.concatenate(sounds)
    worker.media.pool[: len(sound)] = sound
    sounding.play_pool(worker.media, row, 0, len(sound), loop=False)
    return worker, row


def silence(frames: int, level: int = 0) -> Column[np.int16]:
    """Return samples, each as far from zero as ``level``."""
    return np.tile(np.array([level, -level], np.int16), frames * FRAME // 2)


def talked() -> tuple[Worker, int]:
    """Talk for a second, be silent for two, talk again, and be silent."""
    worker, row = playing(LOUD, silence(100), LOUD)
    worker.run(4 * 250)
    return worker, row


def test_silence_is_told_and_not_sent_and_talk_bears_the_marker() -> None:
    worker, row = talked()
    sent = worker.sent(row)
    kinds = [packet.payload_type for packet in sent]
    told = kinds.index(13)
    assert told == 50 + PATIENCE // 4
    again = kinds.index(0, told)
    assert [packet.payload for packet in sent[told:again]] == [bytes([127])] * (again - told)
    assert again - told == -(-(100 * 4 - PATIENCE) // 80)
    markers = [index for index, packet in enumerate(sent) if packet.marker]
    assert markers == [0, again]


def test_talk_just_behind_noise_bears_the_marker() -> None:
    worker, row = playing(silence(PATIENCE // 4 + 1), LOUD)
    worker.run(60)
    sent = worker.sent(row)
    told = [packet.payload_type for packet in sent].index(13)
    assert sent[told + 1].payload_type == 0
    assert sent[told + 1].timestamp - sent[told].timestamp == FRAME
    assert sent[told + 1].marker


def test_numbers_advance_with_packets_and_timestamps_with_time() -> None:
    worker, row = talked()
    sent = worker.wire.sent[row]
    assert len(sent) < 150
    assert np.diff([each.packet.sequence for each in sent]).tolist() == [1] * (len(sent) - 1)
    for one, other in pairwise(sent):
        assert other.packet.timestamp - one.packet.timestamp == 40 * (other.tick - one.tick)
    assert worker.public("packets_sent", row) == len(sent)
    sizes = sum(len(each.packet.payload) for each in sent)
    assert worker.media.streams.octets_sent[row] == sizes


def test_our_own_receiver_hears_no_loss_and_no_end() -> None:
    worker, row = talked()
    other = Worker()
    other.media.patience = 200
    ear = other.open(NOISE)
    first = worker.wire.sent[row][0].tick
    for each in worker.wire.sent[row]:
        other.arrive(ear, each.packet, after=each.tick - first + 1)
    events, loud = list[object](), 0
    for _ in range(1000):
        played = other.public("frames_played", ear)
        events += other.run(1)
        frame = other.media.streams.heard[ear, :FRAME]
        loud += bool(other.public("frames_played", ear) > played and abs(frame).max() > 7000)
    assert not [event for event in events if isinstance(event, StreamSilent)]
    assert other.public("frames_concealed", ear) == 0
    assert other.public("packets_late", ear) == other.public("packets_lost", ear) == 0
    assert loud in range(97, 101)  # of 100: what is in hand at first goes, twice


@pytest.mark.parametrize(("levels", "told"), [((10, 10), 1), ((2, 25), 2)])
def test_a_silence_that_changes_is_told_soon(levels: tuple[int, int], told: int) -> None:
    worker, row = playing(*(silence(8, level) for level in levels))
    worker.run(4 * 16)
    noises = [packet.payload[0] for packet in worker.sent(row) if packet.payload_type == 13]
    assert len(noises) == told
    assert noises[0] == round(20 * np.log10(32768 / levels[0]))
    assert noises[-1] == round(20 * np.log10(32768 / levels[1]))


def test_what_is_not_silent_is_sent() -> None:
    worker, row = playing(silence(40, 40))
    worker.run(4 * 40)
    assert {packet.payload_type for packet in worker.sent(row)} == {0}


def test_a_peer_that_takes_no_noise_is_sent_silence() -> None:
    worker, row = playing(silence(4), remote=peer())
    hushed = worker.open(NOISE)
    worker.run(200)
    assert len(worker.sent(hushed)) < 12
    assert len(worker.sent(row)) == 50
    rows.aim(worker.media, hushed, peer())
    before = len(worker.sent(hushed))
    worker.run(40)
    assert len(worker.sent(hushed)) == before + 10


def test_digits_are_sent_out_of_silence() -> None:
    worker, row = playing(silence(4))
    worker.run(100)
    rows.queue_digits(worker.media, row, "1", 100, 60)
    before = len(worker.sent(row))
    worker.run(60)
    sent = worker.sent(row)[before:]
    assert [packet.payload_type for packet in sent].count(101) >= 5
    assert next(packet.marker for packet in sent if packet.payload_type == 101)


def test_noise_of_another_payload_type_is_heard() -> None:
    worker = Worker()
    row = worker.open(peer(noise_payload_type=100, receive_noise_payload_type=99))
    worker.arrive(row, Rtp(1, 160, bytes([60]), 99))
    worker.run(60)
    assert worker.media.streams.noise[row] == 128 - 60
    assert {packet.payload_type for packet in worker.sent(row)} == {0, 100}
