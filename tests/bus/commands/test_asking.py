import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from bus.commands.asking import (
    NOT_UNDERSTOOD,
    QUESTION,
    Answer,
    Decision,
    Redirect,
    Reject,
    Terminal,
    understood,
)
from tests.bus.test_call import run


@pytest.mark.parametrize(
    ("line", "decision"),
    [
        ("\n", Answer()),
        ("a\n", Answer()),
        ("answer", Answer()),
        (" r \n", Reject(486)),
        ("r 603\n", Reject(603)),
        ("reject 404", Reject(404)),
        ("d sip:a@b", Redirect("sip:a@b")),
        ("redirect sip:a@b:5070;transport=tcp\n", Redirect("sip:a@b:5070;transport=tcp")),
        ("r 200", None),
        ("r 700", None),
        ("r x", None),
        ("d", None),
        ("d somewhere", None),
        ("yes", None),
    ],
)
def test_what_is_understood(line: str, decision: Decision | None) -> None:
    assert understood(line) == decision


class Person:
    """Sits at a terminal."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.shown = ""

    def types(self, text: str) -> None:
        os.write(self.line, text.encode())

    async def sees(self, text: str) -> None:
        """Read the screen until this is on it, and on from there."""
        while text not in self.shown:
            self.shown += (await asyncio.to_thread(os.read, self.line, 4096)).decode()
        self.shown = self.shown.partition(text)[2]


@contextmanager
def sitting() -> Generator[tuple[Person, Terminal], None, None]:
    here, there = os.openpty()
    try:
        with os.fdopen(there, "r") as keys, os.fdopen(os.dup(there), "w") as screen:
            yield Person(here), Terminal(keys, screen)
    finally:
        os.close(here)


def test_it_asks_until_it_understands() -> None:
    async def scenario() -> None:
        with sitting() as (person, terminal):
            deciding = asyncio.create_task(terminal.decide("sip:a@b calls"))
            await person.sees(QUESTION)
            person.types("perhaps\n")
            await person.sees(NOT_UNDERSTOOD)
            await person.sees(QUESTION)
            person.types("d sip:c@d\n")
            assert await deciding == Redirect("sip:c@d")

    run(scenario)


def test_one_question_at_a_time_and_a_caller_who_gave_up_makes_room() -> None:
    async def scenario() -> None:
        with sitting() as (person, terminal):
            first = asyncio.create_task(terminal.decide("first"))
            await person.sees(QUESTION)
            second = asyncio.create_task(terminal.decide("second"))
            await asyncio.sleep(0)
            first.cancel()
            await person.sees("second")
            await person.sees(QUESTION)
            person.types("\n")
            assert await second == Answer()
            assert first.cancelled()

    run(scenario)


def test_the_end_of_the_input_is_a_refusal() -> None:
    async def scenario() -> None:
        with sitting() as (person, terminal):
            deciding = asyncio.create_task(terminal.decide("sip:a@b calls"))
            await person.sees(QUESTION)
            person.types("\x04")
            assert await deciding == Reject(480)

    run(scenario)
