"""Logs: one line a record, on standard error.

    2026-01-31T12:00:00.123Z warning w0[4711] mediaworker.worker: no free port

What spans lines (a traceback, a foreign text) is folded into one, so that a line is a record for
every reader, and nobody can forge one by putting a line break into a header.
"""

import logging
import sys
import time
from typing import Final, TextIO

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class OneLine(logging.Formatter):
    """The format above."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        seconds, fraction = divmod(record.created, 1)
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        where = f"{self.name}[{record.process}] {record.name}"
        return f"{at}.{int(fraction * 1000):03d}Z {record.levelname.lower()} {where}: {fold(text)}"


def fold(text: str) -> str:
    """Return the text in one line of printable characters."""
    lines = " | ".join(line.rstrip() for line in text.splitlines() if line.strip())
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in lines)


def configure(level: str, name: str, stream: TextIO | None = None) -> None:
    """Send every record of this process from ``level`` (a ``log.level``) up to standard error.

    ``name`` is the process's: ``signaling``, ``w0``.  Doing it again replaces what was set.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(OneLine(name))
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    logging.raiseExceptions = False  # a closed terminal must not end the engine
