"""Messages that this project did not write, where they lie beside the checkout."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
PLACES: Final = (ROOT / "tests" / "data", ROOT.parent / "shared" / "material")

BAD_RFC5118: Final = ("ipv6-bad", "ipv6-bug-abnf-3-colons")


@dataclass(frozen=True)
class TortureMessage:
    """A message and what a user agent server answers to it: statuses or a word, with ``|``."""

    name: str
    message: bytes
    expected: str


def folder(name: str) -> Path | None:
    """Return the folder of this name, or None if it is in no place that we know."""
    return next((place / name for place in PLACES if (place / name).is_dir()), None)


def torture_messages() -> list[TortureMessage]:
    """Return the messages of RFC 4475 and RFC 5118 that are here."""
    return [*_rfc4475(), *_rfc5118()]


def _rfc4475() -> list[TortureMessage]:
    found = folder("rfc4475")
    if found is None:
        return []
    with (found / "expected.csv").open(newline="") as file:
        return [
            TortureMessage(row["file"], (found / row["file"]).read_bytes(), row["udp_uas_answer"])
            for row in csv.DictReader(file)
        ]


def _rfc5118() -> list[TortureMessage]:
    found = folder("rfc5118")
    if found is None:
        return []
    return [
        TortureMessage(
            path.name, _crlf(path.read_bytes()), "400" if path.name in BAD_RFC5118 else "accept"
        )
        for path in sorted(found.iterdir())
    ]


def _crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
