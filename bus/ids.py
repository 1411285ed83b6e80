"""Names of things that cross processes.  A row or descriptor number never does."""

from typing import NewType

CallId = NewType("CallId", str)
"""A call of this engine, made by signaling; not the SIP Call-ID, which a peer may choose."""

StreamId = NewType("StreamId", int)
"""One RTP direction pair of one leg, made by signaling, never used twice (64 bits, never 0)."""

WorkerId = NewType("WorkerId", str)
"""A media worker's place (``w0``, ``w1`` ...); the process that fills it changes."""

PeerId = NewType("PeerId", str)
"""A stable name of whoever is on the bus; a restarted program keeps it."""
