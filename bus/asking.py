"""What calls and registrations need of their engine."""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from bus.gauges import Reading
from bus.ids import StreamId, WorkerId
from bus.protocol import Command, Reply
from bus.session import REPLY_WITHIN

R = TypeVar("R", bound=Reply)

AGREE_WITHIN: Final = 60.0
"""Seconds in which a reply comes that waits for the peer: its transaction takes 32 at most, and is
done again where both sides wanted something at once."""


class Engine(Protocol):
    """Asks signaling, and reads tables."""

    async def ask(
        self,
        body: Command,
        reply: type[R],
        *,
        then: Callable[[R], None] | None = None,
        within: float = REPLY_WITHIN,
    ) -> R:
        """Send a request and return its reply; ``then`` has it before any later event is worked."""
        ...

    def tell(self, body: Command) -> None:
        """Send a request whose reply interests nobody."""
        ...

    async def read_gauges(self, worker: WorkerId, stream: StreamId) -> Reading | None:
        """Read a stream's levels and counters from its worker's public table."""
        ...
