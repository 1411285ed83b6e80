"""Recordings of a core: its first state, every input, and the effects that each had.

``python -m tests.harness.recording FILE ...`` replays recordings in a process of its own, so that
``PYTHONHASHSEED`` can differ; it exits with 1 and names the input where an effect differs.
"""

import sys
from pathlib import Path

import msgspec

from signaling.agent import Agent
from signaling.effects import Effect, Input
from signaling.state import AgentState


class Fed(msgspec.Struct, frozen=True):
    """One input and what it led to."""

    given: Input
    now: float
    entropy: bytes
    effects: bytes
    """Encoded."""


class Recording(msgspec.Struct):
    """Everything a core was told."""

    state: bytes
    fed: list[Fed] = []


def encode_effects(effects: list[Effect]) -> bytes:
    """Encode effects for comparison."""
    return msgspec.msgpack.encode(effects)


def decode_state(state: bytes) -> AgentState:
    """Read a core's memory back."""
    return msgspec.msgpack.decode(state, type=AgentState)


def replay(recording: Recording) -> str:
    """Feed it all again; return where an effect differs, or nothing."""
    agent = Agent(decode_state(recording.state))
    for number, fed in enumerate(recording.fed):
        effects = agent.feed(fed.given, fed.now, fed.entropy)
        if encode_effects(effects) != fed.effects:
            before = msgspec.msgpack.decode(fed.effects, type=list[Effect])
            return f"input {number} {fed.given}\nhad    {before}\nhas now {effects}"
    return ""


def main(paths: list[str]) -> int:
    """Replay files."""
    for path in paths:
        recording = msgspec.msgpack.decode(Path(path).read_bytes(), type=Recording)
        if difference := replay(recording):
            sys.stderr.write(f"{path}: {difference}\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
