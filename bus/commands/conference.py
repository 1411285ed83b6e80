"""``offhook conference``: open one, let calls in and out, play and record, list, end."""

import argparse
import asyncio

from bus.calls import Ok
from bus.commands.command import Command, Options, run_dir_flag
from bus.commands.output import Output
from bus.commands.reaching import running_engine
from bus.engine import Engine
from bus.errors import BadRequestError
from bus.ids import CallId
from bus.playing import absolute, parse_source
from bus.routing import (
    ConferenceInfo,
    Conferences,
    EndConference,
    Join,
    Leave,
    ListConferences,
    OpenConference,
    Opened,
    PlayConference,
    RecordConference,
)

ACTS = ("open", "join", "leave", "list", "play", "record", "end")
MOST = {"open": 0, "list": 0, "leave": 1, "end": 1}
"""How many words follow; two of any other."""


class ConferenceOptions(Options, frozen=True):
    """Flags of ``conference``."""

    act: str
    words: list[str]
    role: str = "speak"
    to: str = ""
    gain: float = 0.0
    muted: bool = False


def _flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("act", choices=ACTS, help="what to do")
    parser.add_argument(
        "words",
        metavar="WORD",
        nargs="*",
        help="join CONFERENCE CALL, leave CALL, play CONFERENCE WHAT, record CONFERENCE FILE.wav"
        " (or '' to stop), end CONFERENCE",
    )
    parser.add_argument(
        "--role",
        choices=("speak", "listen", "whisper"),
        default="speak",
        help="listen: is not heard; whisper: is heard by --to alone",
    )
    parser.add_argument("--to", metavar="CALL", default="", help="whom a member whispers to")
    parser.add_argument("--gain", metavar="DB", type=float, default=0.0, help="of a member")
    parser.add_argument("--muted", action="store_true", help="the member is not heard for now")
    run_dir_flag(parser, "the engine that is meant")


def _run(options: ConferenceOptions) -> int:
    wanted = MOST.get(options.act, 2)
    if len(options.words) != wanted:
        raise BadRequestError(f"{options.act} takes {wanted} words, not {len(options.words)}")
    return asyncio.run(_do(options))


async def _do(options: ConferenceOptions) -> int:
    output, words = Output(options.json), [*options.words, "", ""]
    async with running_engine(options.run_dir) as engine:
        match options.act:
            case "open":
                await _open(engine, output)
            case "list":
                for info in (await engine.ask(ListConferences(), Conferences)).conferences:
                    _tell(output, info)
            case _:
                await engine.ask(_request(options, words[0], words[1]), Ok)
                call = words[0] if options.act == "leave" else ""
                call = words[1] if options.act == "join" else call
                text = " ".join([options.act, *options.words])
                facts = {} if options.act == "leave" else {"conference": words[0]}
                output.tell(f"conference_{options.act}", text, call=call, facts=facts)
    return 0


async def _open(engine: Engine, output: Output) -> None:
    reply = await engine.ask(OpenConference(until_empty=False), Opened)
    facts = {"conference": reply.conference}
    output.tell("conference_open", reply.conference, facts=facts)


def _request(
    options: ConferenceOptions, first: str, second: str
) -> Join | Leave | PlayConference | RecordConference | EndConference:
    match options.act:
        case "join":
            return Join(
                conference=first,
                call=CallId(second),
                role=options.role,
                to=CallId(options.to),
                gain=options.gain,
                muted=options.muted,
            )
        case "leave":
            return Leave(call=CallId(first))
        case "play":
            return PlayConference(conference=first, source=parse_source(second))
        case "record":
            return RecordConference(conference=first, path=absolute(second))
        case _:
            return EndConference(conference=first)


def _tell(output: Output, info: ConferenceInfo) -> None:
    members = [
        f"{each.call} ({each.role}{' ' + each.to if each.to else ''}{', muted' * each.muted})"
        for each in info.members
    ]
    text = f"{info.conference} on {info.worker or 'no worker yet'}: {', '.join(members) or 'empty'}"
    facts = {
        "conference": info.conference,
        "worker": info.worker,
        "members": [str(each.call) for each in info.members],
        "record": info.record,
    }
    output.tell("conference", text, facts=facts)


CONFERENCE = Command(
    "conference", "let several callers hear each other", ConferenceOptions, _flags, _run
)
