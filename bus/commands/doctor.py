"""``offhook doctor``: what this machine lacks, and the exact line that mends it.

Exit code 1 if something is lacking that is needed, else 0.
"""

import argparse

from bus.commands.command import Command, Options
from bus.commands.output import Output
from bus.doctor import Finding, examine


def _flags(parser: argparse.ArgumentParser) -> None:
    del parser  # none of its own


def _run(options: Options) -> int:
    output, findings = Output(options.json), examine()
    for finding in findings:
        output.tell("finding", in_words(finding), facts=finding)
    lacking = [finding for finding in findings if not finding.ok and finding.needed]
    if not options.json:
        output.tell("summary", f"{len(lacking)} needed things are lacking")
    return 1 if lacking else 0


def in_words(finding: Finding) -> str:
    """Return a finding in a line, and below it what mends it."""
    verdict = "ok" if finding.ok else "LACKING" if finding.needed else "lacking"
    line = f"{verdict:8} {finding.name}: {finding.found}"
    return line if finding.ok or not finding.fix else f"{line}\n         {finding.fix}"


DOCTOR = Command("doctor", "what this machine lacks", Options, _flags, _run)
