"""SIPp as a peer: one run of a scenario, its counters, its complaints and what it saw.

Scenario files of our own are in ``tests/data/sipp`` (each says what it plays); ``uac`` and ``uas``
alone are SIPp's built-in ones.  SIPp ends by itself after ``calls`` calls; exit code 0 says that
all went as the scenario has it.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.peers import sipp_parts
from tests.peers.ports import free_port, wait_bound
from tests.peers.processes import Running

BUILT_IN: Final = ("uac", "uas")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run of SIPp came to."""

    exit_code: int
    created: int
    successful: int
    failed: int
    retransmissions: int
    errors: str
    """What it did not expect, in its own words."""
    messages: str
    """All SIP it sent and received, if it was asked to keep that."""

    def check(self, calls: int) -> None:
        """Raise AssertionError unless exactly so many calls were made and none failed."""
        assert (self.exit_code, self.successful, self.failed) == (0, calls, 0), (
            f"SIPp: exit {self.exit_code}, {self.successful} of {calls} calls, "
            f"{self.failed} failed\n{self.errors[-3000:]}\n{self.messages[-6000:]}"
        )


class Sipp(Running):
    """A running SIPp.  ``port`` is its SIP port; ``media_port`` stands in its SDP.

    ``login`` is the user and password with which it answers a challenge.
    ``status`` is the response that the scenario sends or expects where it leaves that open,
    ``hold_ms`` the length of its pauses.
    """

    def __init__(
        self,
        folder: Path,
        scenario: str,
        *,
        remote: str = "",
        calls: int = 1,
        rate: float = 10.0,
        most_at_once: int = 0,
        transport: str = "u1",
        service: str = "service",
        media_port: int = 0,
        hold_ms: int = 0,
        seconds: int = 40,
        keys: Mapping[str, str | int] | None = None,
        status: int = 0,
        login: tuple[str, str] | None = None,
        keep_messages: bool = True,
        extra: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.media_port = media_port or free_port()
        self.calls = calls
        self.name = f"{Path(scenario).stem}-{self.port}"
        self.folder = folder
        self._transport = transport
        self._seconds = seconds
        command: list[str] = ["sipp", *([remote] if remote else [])]
        command += (
            ["-sn", scenario]
            if scenario in BUILT_IN
            else ["-sf", str(self._written(scenario, status))]
        )
        command += ["-i", "127.0.0.1", "-p", str(self.port), "-bind_local", "-t", transport]
        command += ["-mi", "127.0.0.1", "-mp", str(self.media_port), "-cp", str(free_port())]
        command += ["-m", str(calls), "-s", service, "-d", str(hold_ms), "-nostdin"]
        command += ["-r", str(max(1, round(rate))), "-rp", "1000"]
        command += ["-l", str(most_at_once)] if most_at_once else []
        command += ["-timeout", f"{seconds}s", "-timeout_error"]
        command += ["-trace_stat", "-stf", f"{self.name}.csv", "-fd", "1"]
        command += ["-trace_err", "-error_file", f"{self.name}.errors"]
        if keep_messages:
            command += ["-trace_msg", "-message_file", f"{self.name}.messages"]
        command += ["-au", login[0], "-ap", login[1]] if login else []
        for key, value in {"user": "caller", **(keys or {})}.items():
            command += ["-key", key, str(value)]
        super().__init__(
            [*command, *extra], folder=folder, log=f"{self.name}.log", environ={"TERM": "dumb"}
        )
        if not remote:
            wait_bound(self.port, "udp" if transport.startswith("u") else "tcp")

    def _written(self, scenario: str, status: int) -> Path:
        """Write the scenario into our folder; ``@STATUS@`` in it becomes the status."""
        written = self.folder / f"{self.name}.xml"
        written.write_text(sipp_parts.scenario(scenario, status))
        return written

    def finish(self) -> Outcome:
        """Wait for the end of the run and return what it came to."""
        exit_code = self.wait(self._seconds + 10)
        last = self._last_statistics()
        return Outcome(
            exit_code=exit_code,
            created=int(last.get("TotalCallCreated", 0)),
            successful=int(last.get("SuccessfulCall(C)", 0)),
            failed=int(last.get("FailedCall(C)", 0)),
            retransmissions=int(last.get("Retransmissions(C)", 0)),
            errors=self._text("errors"),
            messages=self._text("messages"),
        )

    def _last_statistics(self) -> dict[str, str]:
        path = self.folder / f"{self.name}.csv"
        if not path.exists():
            return {}
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter=";"))
        return {key: value for key, value in rows[-1].items() if key} if rows else {}

    def _text(self, kind: str) -> str:
        path = self.folder / f"{self.name}.{kind}"
        return path.read_text(errors="replace") if path.exists() else ""
