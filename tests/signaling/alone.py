"""A core of its own, at the state of another, for what is asked of a call from inside."""

import msgspec

from bus.ids import CallId
from signaling.calls.call import Call
from signaling.core import Core
from signaling.entropy import Entropy
from signaling.state import AgentState
from tests.harness.station import Station


def alone(station: Station, call: CallId) -> tuple[Core, Call]:
    """Return a core with a copy of a station's memory, and its copy of a call."""
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(station.state), type=AgentState)
    return Core(state, station.now, Entropy(b"entropy of a test that is alone")), state.calls[call]
