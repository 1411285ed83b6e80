import io
import logging
import re
from collections.abc import Iterator

import pytest

from bus.logs import LEVELS, configure, fold

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (\w+) w0\[\d+\] (\S+): (.*)\n")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    root.handlers = []
    yield io.StringIO()
    root.handlers, root.level, logging.raiseExceptions = before


def test_a_record_is_a_line(stream: io.StringIO) -> None:
    configure("info", "w0", stream)
    logging.getLogger("a.b").warning("%d ports", 3)
    logging.getLogger("a.b").debug("not this")
    assert [match.groups() for match in LINE.finditer(stream.getvalue())] == [
        ("warning", "a.b", "3 ports")
    ]


def test_a_traceback_is_folded_into_its_line(stream: io.StringIO) -> None:
    configure("error", "w0", stream)
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("a").exception("oh")
    assert stream.getvalue().count("\n") == 1
    assert "oh | Traceback" in stream.getvalue()
    assert "first | second" in stream.getvalue()


def test_a_foreign_text_forges_no_record() -> None:
    assert fold("a\r\nb\x1b[31m\u2028c") == "a | b\\x1b[31m | c"


def test_every_level_of_the_settings_is_known(stream: io.StringIO) -> None:
    for level in LEVELS:
        configure(level, "w0", stream)
    assert len(logging.getLogger().handlers) == 1
