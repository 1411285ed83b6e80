"""What the README says is so."""

import re
from pathlib import Path

import pytest

from tools.readme import README, with_settings

ROOT = Path(__file__).parent.parent
TEXT = README.read_text()
NAMED = sorted(set(re.findall(r"`((?:bus|signaling|mediaworker|tests|tools|docs)/[\w/.]*)`", TEXT)))


def test_its_settings_are_the_settings() -> None:
    assert with_settings(TEXT) == TEXT, "run: .venv/bin/python -m tools.readme"


@pytest.mark.parametrize("path", NAMED)
def test_what_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_settings_it_names_exist() -> None:
    known = set(re.findall(r"^\| `(\w+\.\w+)` ", TEXT, re.M))
    named = set(re.findall(r"`((?:sip|tls|media|bus|supervisor|log)\.[a-z_]+)`", TEXT))
    assert known
    assert {name for name in named if not name.endswith(".py")} <= known


RFCS = TEXT.partition("## Which RFCs")[2].partition("\n## ")[0]
ROWS = [line for line in RFCS.splitlines() if re.match(r"\| \d", line)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_each_rfc_names_the_tests_that_show_it(row: str) -> None:
    if "not yet" in row:
        return
    folder, named = "", re.findall(r"`((?:tests/[\w/]+/)?)(test_\w+\.py)`", row)
    assert named, "which test shows it?"
    for path, name in named:
        folder = path or folder
        assert (ROOT / folder / name).exists(), f"{folder}{name}"
