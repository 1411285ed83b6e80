"""What is heard on a bad network: added delay, concealed share, and objective scores.

In virtual time: packets of speech go through a simulated network (Gilbert-Elliott loss, jitter,
packets that overtake, duplicates, a clock that is wrong) into the stages of a worker.  All is
seeded.  The table is compared with that of ``network.json``.  One score is the segmental SNR
against the speech that was sent; another is PESQ (ITU-T P.862), if the package ``pesq`` is there.

Speech is Debian's ``asterisk-core-sounds-en-wav`` (8 kHz).
"""

import argparse
import json
import sys
import wave
from importlib import import_module, util
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import numpy as np

from bus.columns import Column
from mediaworker.codecs.g711 import ULAW
from tests.mediaworker.virtual import Rtp, Worker

KEPT: Final = Path(__file__).with_suffix(".json")
SOUNDS: Final = Path("/usr/share/asterisk/sounds")
FILES: Final = ("en_US_f_Allison/demo-instruct.wav", "en_US_f_Allison/vm-options.wav")
BURST: Final = 1.5
"""Packets lost in a row on the average."""
TICK: Final = 40
NOISE: Final = {
    "delay_ms": 5.0,
    "delay_p95_ms": 10.0,
    "concealed": 0.01,
    "snr_db": 0.5,
    "score": 0.1,
}
GREATER: Final = ("snr_db", "score")
"""What is better if it is more."""
SNR_DB: Final = (-10.0, 35.0)
"""Of a frame; what is beyond counts as that (the usual limits)."""
"""What is no difference; the same seeds give the same figures, a change of any kind others."""


class Network(msgspec.Struct, frozen=True):
    """What happens to packets."""

    name: str
    loss: float = 0.0
    jitter_ms: float = 0.0
    """The most that a packet is late by; all delays are equally likely."""
    overtaken: float = 0.0
    """Share of packets that are late by another 20 to 40 ms."""
    doubled: float = 0.0
    drift_ppm: float = 0.0


class Line(msgspec.Struct):
    """What came of it."""

    network: str
    delay_ms: float
    """Median, from the instant a sample was sent on a network without delay until it is played."""
    delay_p95_ms: float
    concealed: float
    snr_db: float = 0.0
    """Segmental, of the frames in which there is speech."""
    score: float = 0.0
    """PESQ, 0 if it could not be measured."""


NETWORKS: Final = (
    Network("clean"),
    *(Network(f"loss {share} %", loss=share / 100) for share in (1, 3, 5, 10)),
    *(Network(f"jitter {most} ms", jitter_ms=most) for most in (10, 20, 40, 80)),
    Network("overtaking 10 %", overtaken=0.1),
    Network("doubled 10 %", doubled=0.1),
    Network("drift +200 ppm", drift_ppm=200),
    Network("drift -200 ppm", drift_ppm=-200),
    Network("all at once", 0.05, 60, 0.1, 0.05, 100),
)


def speech(seconds: float) -> Column[np.int16]:
    """Return speech.  Raises FileNotFoundError."""
    parts = list[Column[np.int16]]()
    for name in FILES:
        with wave.open(str(SOUNDS / name)) as file:
            parts.append(np.frombuffer(file.readframes(file.getnframes()), np.int16))
    whole = np.concatenate(parts)
    return whole[: min(len(whole), int(seconds * 8000)) // 160 * 160]


def lost(count: int, share: float, random: np.random.Generator) -> list[bool]:
    """Return which packets are lost, in bursts (Gilbert-Elliott)."""
    found, bad = list[bool](), False
    for _ in range(count):
        bad = random.random() < (1 - 1 / BURST if bad else share / BURST / (1 - share))
        found.append(bad)
    return found


def carry(network: Network, sound: Column[np.int16], seed: int) -> Worker:
    """Return a worker to which all packets are going to come."""
    random, worker = np.random.default_rng(seed), Worker()
    row = worker.open()
    codes, frames = ULAW.encode(sound), len(sound) // 160
    gone = lost(frames, network.loss, random)
    for index in range(frames):
        delay = random.random() * network.jitter_ms / 5
        if random.random() < network.overtaken:
            delay += 4 + random.random() * 4
        twice = random.random() < network.doubled
        if gone[index]:
            continue
        at = int(1 + 4 * index * (1 - network.drift_ppm / 1e6) + delay)
        packet = Rtp(index, index * 160, codes[160 * index : 160 * index + 160].tobytes())
        for after in (at, at + 2)[: 1 + twice]:
            worker.arrive(row, packet, after=after)
    return worker


class Heard(NamedTuple):
    """What a worker heard."""

    frames: list[Column[np.int16]]
    begins: list[int]
    """The sample of the speech that each begins with."""
    delays: list[float]
    """ms, of those in which something was heard."""


def hear(worker: Worker, ticks: int) -> Heard:
    """Return what is heard."""
    streams, heard = worker.media.streams, Heard([], [], [])
    for _ in range(ticks):
        due = streams.due[0] <= worker.tick + 1
        worker.run(1)
        if due:
            heard.frames.append(streams.heard[0, :160].copy())
            played = (int(streams.origin[0]) + int(streams.cursor[0]) - 160) & 0xFFFF_FFFF
            heard.begins.append(played if played < 1 << 31 else -1)
            if streams.gap[0] < 800:
                heard.delays.append((worker.tick - 1) * 5 - played / 8)
    return heard


def segmental(sound: Column[np.int16], heard: Heard) -> float:
    """Return the mean SNR of the frames with speech, dB; each is compared where time says it is."""
    found = list[float]()
    for frame, begin in zip(heard.frames, heard.begins, strict=True):
        sent = sound[max(begin, 0) : begin + 160].astype(np.float64)
        if begin >= 0 and len(sent) == 160 and np.mean(sent**2) > 1e4:
            noise = np.sum((sent - frame) ** 2) + 1e-9
            found.append(float(np.clip(10 * np.log10(np.sum(sent**2) / noise), *SNR_DB)))
    return float(np.mean(found))


def rate(sound: Column[np.int16], heard: Column[np.int16]) -> float:
    """Return the PESQ score (narrow band), 0 if the package is not there."""
    if util.find_spec("pesq") is None:
        return 0.0
    return float(import_module("pesq").pesq(8000, sound, heard, "nb"))


def measure(network: Network, sound: Column[np.int16], seeds: int) -> Line:
    """Return the means over some seeds."""
    rows = list[tuple[float, ...]]()
    for seed in range(seeds):
        worker = carry(network, sound, seed)
        heard = hear(worker, len(sound) // TICK + 60)
        played = worker.public("frames_played", 0)
        concealed = worker.public("frames_concealed", 0)
        share = concealed / (played + concealed)
        median, most = float(np.median(heard.delays)), float(np.percentile(heard.delays, 95))
        scores = segmental(sound, heard), rate(sound, np.concatenate(heard.frames))
        rows.append((median, most, share, *scores))
    return Line(network.name, *(round(float(each), 4) for each in np.mean(rows, axis=0)))


def judge(line: Line, before: Line | None) -> str:
    """Return ``better``, ``worse``, or nothing if it is the same."""
    if before is None:
        return "new"
    verdicts = set[str]()
    for field, noise in NOISE.items():
        change = getattr(line, field) - getattr(before, field)
        if abs(change) > noise and (field != "score" or (before.score and line.score)):
            verdicts.add("better" if (change > 0) == (field in GREATER) else "worse")
    if "better" in verdicts and "worse" in verdicts:
        return "other"  # a trade of delay for holes: the score decides
    return "worse" if "worse" in verdicts else "better" if verdicts else ""


def main(words: list[str]) -> int:
    """Entry point: ``network``."""
    parser = argparse.ArgumentParser(prog="bench network", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of speech")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help=f"write {KEPT.name}")
    arguments = parser.parse_args(words)
    try:
        sound = speech(arguments.seconds)
    except FileNotFoundError:
        print("needs speech: apt-get install asterisk-core-sounds-en-wav", file=sys.stderr)
        return 2
    kept = msgspec.json.decode(KEPT.read_bytes(), type=list[Line]) if KEPT.exists() else []
    before = {line.network: line for line in kept}
    lines, worse = list[Line](), False
    if not arguments.json:
        print("network          delay      p95 concealed       SNR   PESQ")
    for network in NETWORKS:
        line = measure(network, sound, arguments.seeds)
        verdict = judge(line, before.get(line.network))
        lines.append(line)
        worse |= verdict == "worse"
        if not arguments.json:
            print(
                f"{line.network:16} {line.delay_ms:6.1f} ms {line.delay_p95_ms:6.1f} ms"
                f" {line.concealed:7.2%} {line.snr_db:6.2f} dB {line.score:6.3f} {verdict}",
                flush=True,
            )
    if arguments.json:
        print(json.dumps([msgspec.to_builtins(line) for line in lines]))
    if arguments.keep:
        KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(lines), indent=2) + b"\n")
    return int(worse)
