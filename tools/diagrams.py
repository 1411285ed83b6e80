"""Print every state machine as Mermaid, straight from its table.

python3 tools/diagrams.py                print
python3 tools/diagrams.py --write        write docs/states.md
python3 tools/diagrams.py --check        fail if docs/states.md is not what would be written
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from signaling.calls import exchange, holding, referral, transfer
from signaling.calls import states as calls
from signaling.dialogs import subscription
from signaling.transactions import client, invite_client, invite_server, server
from signaling.transactions.machine import LENGTHS, Cell, Length, Table

PAGE = Path(__file__).resolve().parent.parent / "docs" / "states.md"

HEAD = """# State machines

Written by `tools/diagrams.py --write` from the tables themselves; change the table, not this page.
An arrow says *what happens / what is done*. What has no arrow is ignored: a copy, a late answer, a
race that was lost.
"""

TRANSACTIONS = """## Transactions

RFC 3261 section 17 and RFC 6026; the walk over the tables is `signaling/transactions/machine.py`.
An upper-case letter is a timer.

| timer | over UDP | over a reliable transport | doubles |
|---|---|---|---|
"""

CALLS = """## Calls

A call is one of the first two; the others are what goes on inside one that is up. What the acts do
is in `signaling/calls/acts.py`, `offering.py` and `hold.py`.
"""


AnyState = TypeVar("AnyState", bound=StrEnum)
AnyCue = TypeVar("AnyCue", bound=StrEnum)
AnyAct = TypeVar("AnyAct", bound=StrEnum)


class Arrow(NamedTuple):
    """A step between two states."""

    source: str
    target: str
    trigger: str
    acts: str


class Diagram(NamedTuple):
    """A state machine to be drawn."""

    title: str
    where: str
    start: str
    arrows: tuple[Arrow, ...]
    over: str = ""
    """The state that is the end, if there is one."""


def transaction(title: str, where: str, table: Table, start: Cell) -> Diagram:
    """Draw a table of ``signaling.transactions``."""
    arrows = tuple(
        Arrow(state.name, cell.state.name, trigger.value, _doing(cell))
        for state, row in table.items()
        for trigger, cell in row.items()
    )
    return Diagram(title, f"signaling/transactions/{where}", start.state.name, arrows, "TERMINATED")


def _doing(cell: Cell) -> str:
    acts = [act.value for act in cell.acts]
    if cell.running:
        acts.append("timers " + " ".join(timer.value for timer in cell.running))
    return ", ".join(acts)


def call(
    title: str,
    where: str,
    start: AnyState,
    table: Mapping[AnyState, Mapping[AnyCue, tuple[AnyState, tuple[AnyAct, ...]]]],
) -> Diagram:
    """Draw a table of ``signaling.calls``."""
    arrows = tuple(
        Arrow(state.name, target.name, cue.value, ", ".join(act.value for act in acts))
        for state, row in table.items()
        for cue, (target, acts) in row.items()
    )
    return Diagram(title, f"signaling/calls/{where}", start.name, arrows)


def usage(title: str, table: subscription.Table) -> Diagram:
    """Draw a table of ``signaling.dialogs.subscription``."""
    arrows = tuple(
        Arrow(phase.name, target.name, cue.value, "")
        for phase, row in table.items()
        for cue, target in row.items()
    )
    start, over = subscription.Phase.ASKED.name, subscription.Phase.OVER.name
    return Diagram(title, "signaling/dialogs/subscription.py", start, arrows, over)


def mermaid(diagram: Diagram) -> Iterator[str]:
    """Yield the lines of a diagram; triggers that do the same share an arrow."""
    shared: dict[tuple[str, str, str], list[str]] = {}
    for source, target, trigger, acts in diagram.arrows:
        shared.setdefault((source, target, acts), []).append(trigger)
    yield "stateDiagram-v2"
    yield f"    [*] --> {diagram.start}"
    for (source, target, acts), triggers in shared.items():
        label = " or ".join(triggers) + (f" / {acts}" if acts else "")
        yield f"    {source} --> {target}: {label}"
    if diagram.over:
        yield f"    {diagram.over} --> [*]"


def timers() -> Iterator[str]:
    """Yield the rows of the table of timers."""
    for timer, row in LENGTHS.items():
        over_tcp = "not used" if row.reliable is None else _length(row, row.reliable)
        doubles = row.doubles_to and f"up to {row.doubles_to}".replace("up to no limit", "always")
        yield f"| {timer.value} | {_length(row, row.unreliable)} | {over_tcp} | {doubles} |"


def _length(row: Length, multiple: float) -> str:
    if not multiple:
        return "0 s"
    if row.unit == "seconds":
        return f"{multiple:g} s"
    return row.unit if multiple == 1 else f"{multiple:g}·{row.unit}"


TRANSACTION_DIAGRAMS = (
    transaction("INVITE client", "invite_client.py", invite_client.TABLE, invite_client.START),
    transaction("INVITE server", "invite_server.py", invite_server.TABLE, invite_server.START),
    transaction("Non-INVITE client", "client.py", client.TABLE, client.START),
    transaction("Non-INVITE server", "server.py", server.TABLE, server.START),
)
CALL_DIAGRAMS = (
    call("A call we place", "states.py", calls.State.PLACING, calls.OUTGOING),
    call("A call we are offered", "states.py", calls.State.OFFERED, calls.INCOMING),
    call("An offer of ours in mid-call", "exchange.py", exchange.Stage.IDLE, exchange.TABLE),
    call("Hold and resume", "holding.py", holding.Stage.IDLE, holding.TABLE),
    call("A transfer we ask for", "transfer.py", transfer.Stage.WAITING, transfer.TRANSFEROR),
    call("A transfer we are asked for", "referral.py", referral.Turn.ASKED, referral.TRANSFEREE),
)
SUBSCRIPTION_DIAGRAMS = (
    usage("The subscription of a REFER we sent", subscription.SUBSCRIBER),
    usage("The subscription of a REFER we got", subscription.NOTIFIER),
)


def page() -> str:
    """Return the whole page."""
    sections = [
        HEAD,
        TRANSACTIONS + "\n".join(timers()) + "\n",
        *_drawn(TRANSACTION_DIAGRAMS),
        CALLS,
        *_drawn(CALL_DIAGRAMS),
        *_drawn(SUBSCRIPTION_DIAGRAMS),
    ]
    return "\n".join(sections)


def _drawn(diagrams: Iterable[Diagram]) -> Iterator[str]:
    for diagram in diagrams:
        lines = "\n".join(mermaid(diagram))
        yield f"### {diagram.title}\n\n`{diagram.where}`\n\n```mermaid\n{lines}\n```\n"


def main(arguments: list[str]) -> int:
    """Do what is asked; return the exit code."""
    parser = argparse.ArgumentParser(description="Print the state machines as Mermaid.")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked.add_argument("--check", action="store_true", help=f"fail if {PAGE.name} is not current")
    options = parser.parse_args(arguments)
    text = page()
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
    elif not options.check:
        print(text)
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("docs/states.md is not current: run tools/diagrams.py --write", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
