"""The RFC's figures as text, to hold the tables against, each state with each trigger."""

from collections.abc import Iterator

from signaling.transactions.machine import Cell, Cue, State, Table, Timer, Trigger

TRIGGERS: tuple[Trigger, ...] = (*Cue, *Timer)


def described(cell: Cell | None) -> str:
    """Return ``state: acts | timers``; ``=`` for timers that go on, empty for no cell."""
    if cell is None:
        return ""
    acts = ", ".join(act.value for act in cell.acts)
    timers = "=" if cell.running is None else ", ".join(timer.value for timer in cell.running)
    return f"{cell.state.value}: {acts} | {timers}".replace(":  |", ": - |").rstrip()


def cells(table: Table) -> dict[tuple[State, str], str]:
    """Return every state with every trigger as text; those without a cell are left out."""
    pairs = ((state, trigger) for state in State for trigger in TRIGGERS)
    texts = {(s, t.value): described(table.get(s, {}).get(t)) for s, t in pairs}
    return {pair: text for pair, text in texts.items() if text}


def drawn(figure: str) -> dict[tuple[State, str], str]:
    """Read lines of ``state + trigger -> state: acts | timers``."""
    return dict(_lines(figure))


def _lines(figure: str) -> Iterator[tuple[tuple[State, str], str]]:
    for line in filter(None, map(str.strip, figure.splitlines())):
        before, _, after = line.partition(" -> ")
        state, _, trigger = before.partition(" + ")
        yield (State(state.strip()), trigger.strip()), after.strip()


def reached(table: Table) -> set[State]:
    """Return the states that a table names as a next state."""
    return {cell.state for row in table.values() for cell in row.values()}


def startable(table: Table, state: State, start: Cell) -> set[Timer]:
    """Return the timers that can run in a state."""
    entries = [cell for row in table.values() for cell in row.values()] + [start]
    named = {t for cell in entries if cell.state is state for t in cell.running or ()}
    return named
