"""What a user's type checker sees: every error in ``example.py`` is one that it expects."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = "tests/typing/example.py"


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "checker",
    [["mypy", "--strict", "--warn-unused-ignores"], ["pyright", "--warnings"]],
    ids=lambda checker: str(checker[0]),
)
def test_the_public_types(checker: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *checker, EXAMPLE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
