"""Scenario files for SIPp are put together from parts that occur in many.

``<part name="answer" status="202 Accepted" />`` stands for ``tests/data/sipp/parts/answer.xml``,
in which ``@status@`` becomes ``202 Accepted`` and ``@status|200 OK@`` has a default.  A line with
something that was not given and has no default is left out.  Parts may hold parts.
"""

import html
import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent.parent / "data" / "sipp"
PART: Final = re.compile(r'<part name="(\w+)"((?:\s+\w+="[^"]*")*)\s*/>')
GIVEN: Final = re.compile(r'(\w+)="([^"]*)"')
PLACE: Final = re.compile(r"@(\w+)(?:\|([^@]*))?@")


def scenario(name: str, status: int = 0) -> str:
    """Return a scenario as SIPp reads it; ``@STATUS@`` in it becomes the status."""
    text = (FOLDER / f"{name}.xml").read_text().replace("@STATUS@", str(status))
    while PART.search(text):
        text = PART.sub(_part, text)
    return text


def _part(found: re.Match[str]) -> str:
    given = {key: html.unescape(value) for key, value in GIVEN.findall(found[2])}
    text = (FOLDER / "parts" / f"{found[1]}.xml").read_text()
    assert set(given) <= {place[1] for place in PLACE.finditer(text)}, f"no place in {found[0]}"
    lines = (_filled(line, given) for line in text.splitlines())
    return "\n".join(line for line in lines if line is not None)


def _filled(line: str, given: dict[str, str]) -> str | None:
    """Return the line with what was given; None if something is lacking."""
    for place in PLACE.finditer(line):
        if place[1] not in given and place[2] is None:
            return None
    return PLACE.sub(lambda place: given.get(place[1], place[2]), line)
