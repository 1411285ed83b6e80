"""What ``tools/demo.py`` shows: one engine, two media workers, one call from it to itself.

The call is a real one: SIP over UDP and RTP over UDP on the loopback interface, the caller's leg in
one worker process and the callee's in the other.  Each side plays a tune of its own and records
what it hears; the verdict is a correlation of what was recorded with what was played.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import offhook
from bus.ladder import ladder_of
from bus.tracing import TracedMessage
from tools.sound import RATE, Samples, listen, read_wav, tune, write_wav

SECONDS: Final = 6.0
COMPARED: Final = int((SECONDS - 1) * RATE)
DIGITS: Final = "1470#"
ANSWER_DIGITS: Final = "*9"


@dataclass(frozen=True)
class Side:
    """One party of the call: what it plays and what it records."""

    name: str
    song: Samples
    plays: Path
    records: Path


async def demonstrate(folder: Path) -> bool:
    """Show everything; return whether the audio that arrived is the audio that was sent."""
    caller, callee = make_side(folder, "caller", 1), make_side(folder, "callee", 2)
    async with offhook.Engine.launch(workers=2) as engine:
        await show_processes(engine)
        feed = engine.events(["sip"])
        async with engine.incoming("demo") as calls:
            answering = asyncio.create_task(answer(calls, callee))
            outgoing = await place(engine, caller)
            incoming, digits = await answering
        title("The SIP messages of this call")
        feed.close()
        print(ladder_of([message async for message in traced(feed)]))
    title("What each leg measured")
    for name, call in (("caller", outgoing), ("callee", incoming)):
        show_quality(name, call)
    title("What arrived")
    print(f"  the callee heard the digits  {digits} (sent: {DIGITS})")
    heard = [check(where, side) for where in (caller, callee) for side in (caller, callee)]
    return all(heard) and digits == DIGITS


def make_side(folder: Path, name: str, seed: int) -> Side:
    """Compose a tune and write it down."""
    song = tune(SECONDS, seed)
    plays = write_wav(folder / f"{name}-plays.wav", song)
    return Side(name, song, plays, folder / f"{name}-records.wav")


async def place(engine: offhook.Engine, caller: Side) -> offhook.Call:
    """Call ourselves, play, send digits, and hang up."""
    call = await engine.dial(engine.uri("demo"), play=caller.plays, record=caller.records)
    media = await call.answered()
    title("The call is up")
    print(f"  {media.codec}, RTP {media.local_media} <-> {media.remote_media}, on {media.worker}")
    watching = asyncio.create_task(show_levels(call))
    await call.wait_played()
    await call.send_digits(DIGITS)
    await asyncio.sleep(0.5)  # the callee's digits
    watching.cancel()
    await call.hang_up()
    return call


async def answer(calls: offhook.IncomingCalls, callee: Side) -> tuple[offhook.Call, str]:
    """Take one call; return it, over, and the digits that came."""
    call = await anext(calls)
    await call.ring()
    await call.answer(play=callee.plays, record=callee.records)
    digits = ""
    async for digit in call.digits():
        digits += digit
        if digits == DIGITS:
            await call.send_digits(ANSWER_DIGITS, duration_ms=60, gap_ms=50)
    return call, digits


async def show_processes(engine: offhook.Engine) -> None:
    """Print what runs."""
    title("The processes")
    status = await engine.status()
    print(f"  {'signaling':12} pid {status.pid:<8} SIP at {' '.join(status.listeners)}")
    for process in await engine.processes():
        if process.role != "signaling":
            print(f"  {process.name:12} pid {process.pid:<8} {process.role}, {process.state}")
    for worker in status.workers:
        backend = f"{worker.backend}, scheduled {worker.scheduling}"
        print(f"  {worker.worker:12} room for {worker.capacity} streams, {backend}")


async def show_levels(call: offhook.Call) -> None:
    """Redraw one line twice a second while the music plays, on a terminal."""
    while sys.stdout.isatty():
        if (reading := await call.measure()) is not None:
            print(
                f"\r  heard {reading.level_received:6.1f} dBov, played {reading.level_sent:6.1f}"
                f" dBov, {reading.quality.packets_received} packets received",
                end="\r",
                flush=True,
            )
        await asyncio.sleep(0.5)


async def traced(feed: offhook.Feed) -> AsyncIterator[TracedMessage]:
    """Yield the SIP messages that the feed has seen."""
    async for item in feed:
        if isinstance(item, offhook.Observed) and isinstance(
            event := item.event, offhook.events.SipMessage
        ):
            yield TracedMessage(
                item.at, event.direction, event.local, event.remote, event.sip_call_id, event.text
            )


def show_quality(name: str, call: offhook.Call) -> None:
    """Print the figures of one leg."""
    quality = call.quality
    if quality is None:
        print(f"  {name}: no media")
        return
    print(
        f"  {name}: sent {quality.packets_sent}, received {quality.packets_received},"
        f" lost {quality.packets_lost}, late {quality.packets_late},"
        f" played {quality.frames_played}, concealed {quality.frames_concealed},"
        f" jitter {quality.jitter_ms:.2f} ms, round trip {quality.round_trip_ms:.2f} ms"
    )


def check(where: Side, speaker: Side) -> bool:
    """Look for the speaker's tune in a recording; the caller is in the left channel."""
    samples, _ = read_wav(where.records)
    channel = 0 if speaker.name == "caller" else 1
    heard = listen(speaker.song[:COMPARED], samples[:, channel])
    verdict = "yes" if heard.passes() else "NO"
    print(f"  {speaker.name} in the {where.name}'s recording: {verdict}, {heard}")
    return heard.passes()


def title(text: str) -> None:
    """Print a heading."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def main() -> int:
    """Run it; 0 if all that was sent arrived."""
    given = sys.argv[1:]
    folder = Path(given[0] if given else tempfile.mkdtemp(prefix="offhook-demo-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    good = asyncio.run(demonstrate(folder))
    title("The recordings")
    for path in sorted(folder.glob("*.wav")):
        print(f"  {path}")
    print("\nThe audio that arrived is the audio that was sent." if good else "\nIT WENT WRONG.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
