import sys
from collections import Counter
from types import FrameType

import numpy as np
import pytest

from bus.audio_rings import RING, AudioEnd
from bus.columns import Column
from mediaworker import lending, sounding
from mediaworker.streams import Kind
from tests.mediaworker.virtual import Worker, expanded, packets, peer, said, speech

LOUD = int(expanded(b"\x20")[0])
"""A sample that comes through u-law as it is."""


def lent(worker: Worker, row: int, rate: int = 8000, *, speaks: bool = True) -> AudioEnd:
    """Lend rings and return the application's end of them."""
    lending.open_audio(worker.media, row, rate)
    if speaks:
        sounding.play_application(worker.media, row)
    return AudioEnd(worker.media.audio, int(worker.media.streams.audio[row]) - 1)


def hear(worker: Worker, row: int, codes: Column[np.uint8]) -> None:
    for index, packet in enumerate(packets(codes)):
        worker.arrive(row, packet, after=1 + 4 * index)


def sine(samples: int, rate: int, frequency: float = 440.0) -> Column[np.int16]:
    turns = 2 * np.pi * frequency * np.arange(samples) / rate
    return np.asarray(np.rint(8000 * np.sin(turns)), np.int16)


def sent(worker: Worker, row: int) -> Column[np.int16]:
    return expanded(said(worker.sent(row)))


def test_what_is_heard_can_be_read_and_what_is_written_is_said() -> None:
    worker = Worker()
    rows = [worker.open(), worker.open()]
    ends = [lent(worker, row) for row in rows]
    codes = [speech(4000, seed) for seed in (1, 2)]
    for row, code in zip(rows, codes, strict=True):
        hear(worker, row, code)
    heard: list[list[Column[np.int16]]] = [[], []]
    for _ in range(120):
        worker.run(1)
        for end, frames in zip(ends, heard, strict=True):
            if (frame := end.read(160)) is not None:
                frames.append(frame)
                end.write(frame)
    for row, code, frames in zip(rows, codes, heard, strict=True):
        assert expanded(code.tobytes()).tobytes() in np.concatenate(frames).tobytes()
        assert code.tobytes() in said(worker.sent(row))


def test_a_frame_that_is_sent_back_at_once_goes_out_with_the_next_packet() -> None:
    worker = Worker()
    row = worker.open()
    end = lent(worker, row)
    worker.run(40)
    end.write(np.full(160, LOUD, np.int16))
    before = len(worker.sent(row))
    worker.run(4)
    assert expanded(worker.sent(row)[before].payload).tolist() == [LOUD] * 160


@pytest.mark.parametrize(("codec", "rate"), [("PCMU", 16000), ("L16", 8000)])
def test_the_application_has_its_own_sample_rate(codec: str, rate: int) -> None:
    own = {"PCMU": 8000, "L16": 16000}[codec]
    worker = Worker()
    row = worker.open(peer(codec=codec, clock=own, payload_type=0 if codec == "PCMU" else 96))
    end = lent(worker, row, rate)
    tone = sine(rate // 2, rate)
    for begin in range(0, len(tone), rate // 50):
        end.write(tone[begin : begin + rate // 50])
        worker.run(4)
    worker.run(8)
    assert end.available == round((worker.tick // 4) * rate / 50)
    if codec == "PCMU":
        heard = sent(worker, row).astype(np.float64)
        spectrum = abs(np.fft.rfft(heard[800:3200] * np.hanning(2400)))
        assert spectrum.argmax() == round(440 * 2400 / 8000)
        assert abs(heard).max() == pytest.approx(8000, rel=0.05)


def test_a_slow_writer_is_silence_which_is_counted() -> None:
    worker = Worker()
    row = worker.open()
    end = lent(worker, row)
    worker.run(40)
    assert end.missing == 0  # nobody has begun to speak
    worker.media.audio.said[:] = 77  # from an earlier round
    end.write(np.full(200, LOUD, np.int16))
    worker.run(12)
    samples = sent(worker, row)
    assert np.count_nonzero(samples == LOUD) == 200
    assert end.missing == 3 * 160 - 200
    assert end.queued == 0


def test_a_slow_reader_loses_the_oldest_which_is_counted() -> None:
    worker = Worker()
    row = worker.open()
    end = lent(worker, row)
    hear(worker, row, speech(160 * 150))
    worker.run(4 * 140)
    frame = end.read(160)
    assert frame is not None
    assert end.missed == 140 * 160 - 160
    assert frame.tobytes() == worker.media.streams.heard[row, :160].tobytes()


def test_nothing_is_read_while_it_is_held_and_it_goes_on_then() -> None:
    worker = Worker()
    row = worker.open()
    end = lent(worker, row)
    worker.run(4)
    sounding.play_echo(worker.media, row, over=True)
    end.write(np.full(320, LOUD, np.int16))
    worker.run(40)
    assert end.queued == 320
    sounding.resume(worker.media, row)
    worker.run(12)
    assert end.queued == 0


def test_rings_that_are_taken_back_are_silence() -> None:
    worker = Worker()
    row = worker.open()
    end = lent(worker, row)
    end.write(np.full(RING - 2000, LOUD, np.int16))
    worker.run(8)
    lending.close_audio(worker.media, row)
    assert not end.is_open
    assert worker.media.streams.source_kind[row] == Kind.SILENCE
    worker.run(8)
    assert set(worker.sent(row)[-1].payload) == {0xFF}


HOSTILE = (-1, -(1 << 63), (1 << 63) - 1, 1 << 40, RING * 7 + 5)


@pytest.mark.parametrize("written", HOSTILE)
def test_no_number_of_an_application_leads_anywhere_else(written: int) -> None:
    worker = Worker()
    wild, tame = worker.open(), worker.open()
    ends = lent(worker, wild), lent(worker, tame)
    hear(worker, tame, speech(1600))
    rings = worker.media.audio
    rings.said[ends[0].row] = LOUD
    for step in range(25):
        for name in ("said_written", "said_read", "heard_written", "said_missing", "rate"):
            getattr(rings, name)[ends[0].row] = np.int64(written).astype(getattr(rings, name).dtype)
        ends[1].write(np.full(160, 1000 + step, np.int16))
        worker.run(4)
    assert len(worker.sent(wild)) == len(worker.sent(tame)) == 25
    assert not sent(worker, wild).any()
    steps = sent(worker, tame).reshape(25, 160)
    assert (steps == steps[:, :1]).all()
    assert len(set(steps[:, 0].tolist())) > 1


def test_an_application_that_scribbles_everywhere_hurts_nobody_s_packets() -> None:
    worker = Worker()
    rows = [worker.open() for _ in range(3)]
    for row in rows[:2]:
        lent(worker, row, 16000)
    noise = np.random.default_rng(1)
    rings = worker.media.audio
    for _ in range(50):
        for name in rings.columns:
            column = getattr(rings, name)
            column[:] = np.frombuffer(noise.bytes(column.nbytes), column.dtype).reshape(
                column.shape
            )
        worker.run(4)
    assert [len(worker.sent(row)) for row in rows] == [50] * 3
    for row in rows[:2]:
        lending.close_audio(worker.media, row)
    assert not worker.media.lent


def work_of(worker: Worker, ticks: int) -> int:
    """Return how many functions, of Python and of numpy, so many ticks call."""
    calls = Counter[str]()

    def count(frame: FrameType, event: str, argument: object) -> None:
        calls[event] += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        worker.run(ticks)
    finally:
        sys.setprofile(None)
    return calls.total()


@pytest.mark.parametrize("stalled", ["neither reads nor writes", "has filled its ring"])
def test_an_application_that_stalls_makes_no_work(stalled: str) -> None:
    """Scenario 40: the tick does no more for one that stands still than for one that serves."""
    worker = Worker()
    row = worker.open()
    end = lent(worker, row)
    worker.run(100)

    def served(ticks: int) -> int:
        work = 0
        for _ in range(ticks // 4):
            end.read(160)
            end.write(np.zeros(160, np.int16))
            work += work_of(worker, 4)
        return work

    served(400)
    normal = served(400)
    if stalled == "has filled its ring":
        end.write(np.zeros(RING, np.int16))
    worker.run(100)
    alone = sum(work_of(worker, 4) for _ in range(100))
    assert alone <= normal * 1.1
    assert len(worker.sent(row)) == worker.tick // 4


def test_without_applications_a_tick_does_nothing_of_this() -> None:
    worker = Worker()
    worker.open()
    made = list[object]()

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "c_call" and frame.f_code.co_name == "exchange":
            made.append(argument)

    sys.setprofile(watch)
    try:
        worker.run(10)
    finally:
        sys.setprofile(None)
    assert made == []
