import io
import json

from bus.calls import Ended, Outcome, Progress, Quality
from bus.commands.output import Output, table
from bus.ids import CallId


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


RINGING = Progress(call=CallId("c1"), status=180, reason="Ringing")


def test_programs_get_an_object_with_event_call_and_at() -> None:
    stream = io.StringIO()
    Output(True, stream).event(RINGING, "ringing", at=5.0)
    wanted = {"event": "progress", "call": "c1", "at": 5.0, "status": 180, "reason": "Ringing"}
    assert wanted.items() <= json.loads(stream.getvalue()).items()


def test_nested_facts_are_plain() -> None:
    stream = io.StringIO()
    ended = Ended(call=CallId("c1"), outcome=Outcome.BUSY, quality=Quality(packets_sent=3))
    Output(True, stream).event(ended, "", at=5.0)
    line = json.loads(stream.getvalue())
    assert (line["outcome"], line["quality"]["packets_sent"]) == ("busy", 3)


def test_without_a_call_and_an_instant_both_are_there_still() -> None:
    stream = io.StringIO()
    Output(True, stream).tell("ready", "waiting", facts={"listeners": ("udp:1",)})
    line = json.loads(stream.getvalue())
    assert (line["event"], line["call"], line["listeners"]) == ("ready", "", ["udp:1"])
    assert line["at"] > 1e9


def test_people_get_the_text() -> None:
    stream = io.StringIO()
    Output(False, stream).event(RINGING, "180 Ringing")
    assert stream.getvalue() == "180 Ringing\n"


def test_the_live_line_gives_way_to_what_is_printed() -> None:
    stream = Terminal()
    output = Output(False, stream)
    output.live("up 00:01")
    output.live("up 00:01")  # nothing new, nothing drawn
    output.tell("x", "digit 1")
    output.live("")
    drawn = "\rup 00:01\x1b[K"
    assert stream.getvalue() == f"{drawn}\r\x1b[Kdigit 1\n{drawn}\r\x1b[K"


def test_there_is_no_live_line_without_a_terminal_or_for_programs() -> None:
    for output in (Output(False, pipe := io.StringIO()), Output(True, pipe := Terminal())):
        output.live("up")
        assert not output.has_live_line
        assert pipe.getvalue() == ""


def test_a_table_is_aligned() -> None:
    assert table([("A", "LONG"), ("wide", "x")]) == "A     LONG\nwide  x"
