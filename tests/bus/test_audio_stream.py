import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from pathlib import Path

import numpy as np
import pytest

from bus import calls as verbs
from bus.audio import CloseAudio, OpenAudio
from bus.audio_rings import AudioClosedError, AudioRings
from bus.audio_stream import Audio, Samples, as_samples, each
from bus.calls import Answered, WorkerInfo
from bus.errors import WrongStateError
from bus.gauges import Reading
from bus.ids import CallId, StreamId, WorkerId
from bus.protocol import Command, Reply
from bus.session import REPLY_WITHIN
from bus.sources import Application

ID = CallId("c1")
MEDIA = Answered(
    call=ID, codec="PCMU", worker=WorkerId("w0"), stream=7, local_media="", remote_media=""
)


class Desk:
    """An engine whose worker has rings, and a call of it; a test moves the samples."""

    def __init__(self, folder: Path) -> None:
        self.id = ID
        self.media: Answered | None = MEDIA
        self.outcome: object | None = None
        self.asked: list[Command] = []
        self.rings = AudioRings.create(folder / "rings", 2)

    async def ask(
        self,
        body: Command,
        reply: type[Reply],
        *,
        then: Callable[[Reply], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> Reply:
        self.asked.append(body)
        match body:
            case OpenAudio(rate=rate):
                self.rings.stream[1], self.rings.rate[1] = 7, rate
            case verbs.ListWorkers():
                info = WorkerInfo(
                    worker=WorkerId("w0"),
                    pid=1,
                    state="up",
                    streams=1,
                    capacity=2,
                    audio=str(self.rings.path),
                )
                return verbs.Workers(workers=(info,))
            case _:
                pass
        return verbs.Ok()

    def tell(self, body: Command) -> None:
        self.asked.append(body)

    async def read_gauges(self, worker: WorkerId, stream: StreamId) -> Reading | None:
        return None

    def audio(self, rate: int = 8000, lag: float = 0.2, ahead: float = 0.06) -> Audio:
        return Audio(self, self, rate, lag, ahead)  # type: ignore[arg-type]

    def say(self, value: int, samples: int = 160) -> None:
        at = int(self.rings.heard_written[1])
        self.rings.heard[1, (at + np.arange(samples)) % self.rings.heard.shape[1]] = value
        self.rings.heard_written[1] = at + samples

    def send(self, samples: int) -> None:
        self.rings.said_read[1] += samples


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_frames_are_read_and_written_in_a_block_that_ends_with_the_call(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        heard: list[int] = []
        async with desk.audio() as audio:
            desk.say(5)
            desk.say(6)
            async for frame in audio:
                heard.append(int(frame[0]))
                await audio.write(frame)
                if len(heard) == 2:
                    desk.send(320)
                    desk.outcome = "ended"
        assert heard == [5, 6]
        assert desk.rings.said[1, [0, 160]].tolist() == [5, 6]
        assert desk.asked == [
            OpenAudio(call=ID, rate=8000),
            verbs.ListWorkers(),
            verbs.Play(call=ID, source=Application()),
        ]

    run(scenario)


def test_the_rings_are_given_back_when_the_call_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        async with desk.audio():
            pass
        assert desk.asked[-1] == CloseAudio(call=ID)

    run(scenario)


def test_the_rest_is_sent_before_the_rings_are_given_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)

        async def leave() -> None:
            async with desk.audio() as audio:
                await audio.write(bytes(320))

        leaving = asyncio.create_task(leave())
        await asyncio.sleep(0.05)
        assert CloseAudio(call=ID) not in desk.asked
        desk.send(160)
        await leaving
        assert desk.asked[-1] == CloseAudio(call=ID)

    run(scenario)


def test_writing_ahead_waits_for_the_worker(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        async with desk.audio(ahead=0.04) as audio:
            writing = asyncio.create_task(audio.write(np.ones(1000, np.int16)))
            for sent in (0, 160, 320):
                desk.rings.said_read[1] = sent
                await asyncio.sleep(0.03)
                assert audio.queued == 320
                assert not writing.done()
            desk.send(680)
            await writing
            desk.send(320)

    run(scenario)


def test_a_reader_that_is_late_goes_on_with_what_is_new(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        async with desk.audio(lag=0.1) as audio:
            for value in range(20):
                desk.say(value)
            assert (await anext(audio))[0] == 19
            assert audio.missed == 19 * 160

    run(scenario)


def test_writing_after_the_end_ends_the_block_and_no_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        reached = False
        async with desk.audio() as audio:
            desk.outcome = "ended"
            await audio.write(bytes(2))
            reached = True
        assert not reached

    run(scenario)


def test_a_call_that_is_not_up_has_no_audio(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        with pytest.raises(WrongStateError):
            await anext(desk.audio())
        desk.media = None
        with pytest.raises(WrongStateError):
            async with desk.audio():
                pass

    run(scenario)


def test_a_worker_that_has_no_rings_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        desk.rings.path = tmp_path / "gone"
        with pytest.raises(AudioClosedError, match="w0"):
            async with desk.audio():
                pass

    run(scenario)


async def some_frames() -> AsyncGenerator[Samples]:
    yield b"\1\0"
    yield np.array([2, 3], np.int16)


def frames() -> Iterator[Samples]:
    yield b"\1\0"
    yield b"\2\0\3\0"


def asked() -> Callable[[int], Samples | None]:
    left = [b"\1\0", b"\2\0", b"\3\0"]
    return lambda samples: left.pop(0) if left else None


def asked_later() -> Callable[[int], Coroutine[None, None, Samples | None]]:
    function = asked()

    async def later(samples: int) -> Samples | None:
        return function(samples)

    return later


@pytest.mark.parametrize(
    "source", [some_frames, frames, asked, asked_later, lambda: bytes([1, 0, 2, 0, 3, 0])]
)
def test_any_source_plugs_in(source: Callable[[], Samples]) -> None:
    async def scenario() -> None:
        pieces = [as_samples(piece) async for piece in each(source(), 160)]
        assert np.concatenate(pieces).tolist() == [1, 2, 3]

    run(scenario)


@pytest.mark.parametrize("later", [False, True])
def test_any_sink_plugs_in(tmp_path: Path, later: bool) -> None:
    async def scenario() -> None:
        desk = Desk(tmp_path)
        taken = bytearray()

        def sink(frame: np.ndarray[tuple[int], np.dtype[np.int16]]) -> object:
            taken.extend(frame.tobytes())
            desk.outcome = "ended" if len(taken) == 640 else None
            return asyncio.sleep(0) if later else None

        async with desk.audio() as audio:
            desk.say(5)
            desk.say(6)
            await audio.record(sink)
        assert np.frombuffer(bytes(taken), np.int16)[[0, -1]].tolist() == [5, 6]

    run(scenario)


def test_samples_that_are_none_are_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        as_samples(np.zeros(3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="size"):
        as_samples(b"123")
