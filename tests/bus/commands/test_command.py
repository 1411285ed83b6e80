import argparse
from pathlib import Path

from bus.commands.command import Command, Options, run_dir_flag


class Flags(Options, frozen=True):
    count: int = 1


def test_flags_become_typed_options() -> None:
    seen: list[Flags] = []

    def configure(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=1)
        run_dir_flag(parser, "where")

    def run(options: Flags) -> int:
        seen.append(options)
        return 7

    command = Command("try", "tries", Flags, configure, run)
    parser = argparse.ArgumentParser()
    command.configure(parser)
    assert command.run(parser.parse_args(["--count", "3", "--run-dir", "d", "--json"])) == 7
    assert command.run(parser.parse_args([])) == 7
    assert seen == [Flags(count=3, run_dir=Path("d"), json=True), Flags()]
