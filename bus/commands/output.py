"""What a command prints: lines for people, or one JSON object a line for programs.

Every object has ``event``, ``call`` and ``at`` (Unix time); the rest depends on the event.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

import msgspec


class Output:
    """Standard output of one command."""

    def __init__(self, as_json: bool, stream: TextIO | None = None) -> None:
        self.as_json = as_json
        self._stream = stream if stream is not None else sys.stdout
        self._live = ""

    @property
    def has_live_line(self) -> bool:
        """Whether there is a terminal on which a line can be redrawn."""
        return not self.as_json and self._stream.isatty()

    def tell(
        self,
        event: str,
        text: str,
        *,
        call: str = "",
        at: float | None = None,
        facts: msgspec.Struct | Mapping[str, object] | None = None,
    ) -> None:
        """Print that something is so: ``text`` for people, all the rest for programs."""
        if not self.as_json:
            self._write(text)
            return
        head: dict[str, object] = {
            "event": event,
            "call": call,
            "at": time.time() if at is None else at,
        }
        self._write(msgspec.json.encode({**_plain(facts), **head}).decode())

    def event(self, body: msgspec.Struct, text: str, at: float | None = None) -> None:
        """Print an event of the bus; its verb is the name."""
        facts = _plain(body)
        name, call = str(facts.pop("verb", "")), str(facts.pop("call", ""))
        self.tell(name, text, call=call, at=at, facts=facts)

    def live(self, text: str) -> None:
        """Draw the live line anew; an empty text removes it."""
        if self.has_live_line and text != self._live:
            self._stream.write(f"\r{text}\x1b[K")
            self._stream.flush()
            self._live = text

    def _write(self, text: str) -> None:
        live = self._live
        self.live("")
        self._stream.write(f"{text}\n")
        self._stream.flush()
        self.live(live)


def _plain(facts: msgspec.Struct | Mapping[str, object] | None) -> dict[str, object]:
    return msgspec.convert(msgspec.to_builtins(facts or {}), dict[str, object])


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows as aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
