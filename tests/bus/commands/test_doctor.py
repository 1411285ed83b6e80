import json
import subprocess
import sys

from bus.commands.doctor import in_words
from bus.doctor import CHECKS, Finding


def test_a_lack_is_shown_with_its_remedy() -> None:
    lack = Finding(name="sox", ok=False, found="not found", fix="apt-get install sox")
    assert in_words(lack) == "LACKING  sox: not found\n         apt-get install sox"
    fine = Finding(name="sox", ok=True, found="14.4", fix="apt-get install sox")
    assert in_words(fine) == "ok       sox: 14.4"


def test_each_finding_is_a_line_for_programs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bus", "doctor", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["finding"] * len(CHECKS)
    needed = [line for line in lines if line["needed"] and not line["ok"]]
    assert done.returncode == (1 if needed else 0)
