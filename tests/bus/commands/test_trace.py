import signal
from pathlib import Path

from bus.commands.trace import in_a_line
from bus.tracing import TracedMessage
from tests.bus.commands.running import Offhook, lines_of, offhook, talking
from tests.peers.engine import Engine
from tests.peers.processes import eventually

LADDER = """\
-INVITE 1 (sendrecv)------------>|
<-------------------100 INVITE 1-|
<-------------------180 INVITE 1-|
<--------200 INVITE 1 (sendrecv)-|
-ACK 1-------------------------->|"""


def test_a_message_in_a_line() -> None:
    text = "BYE sip:a SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n"
    sent = TracedMessage(0.0625, "sent", "udp:192.0.2.1:5060", "192.0.2.2:5070", "7@h", text)
    came = TracedMessage(0.0625, "received", "udp:192.0.2.1:5060", "192.0.2.2:5070", "7@h", text)
    assert in_a_line(sent).endswith(".062  192.0.2.1:5060 -> 192.0.2.2:5070  BYE 2  7@h")
    assert "192.0.2.2:5070 -> 192.0.2.1:5060" in in_a_line(came)


def test_the_ladder_of_a_call_while_it_lives_and_afterwards(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with talking(live, tmp_path) as (caller, callee):
        call = str(caller.of("dialled")[0]["call"])
        eventually("the ACK is there", lambda: "ACK" in offhook("trace", call, *run_dir).stdout)
        done = offhook("trace", call, *run_dir)
        head, *rungs = done.stdout.splitlines()
        assert head.split() == ["caller", "callee"]
        assert [rung.partition("|")[2] for rung in rungs] == LADDER.splitlines()
        caller.signal(signal.SIGINT)
        callee.wait_for("ended")
    done = offhook("trace", call, *run_dir, "--json")
    messages = lines_of(done.stdout)
    assert [message["direction"] for message in messages[:2]] == ["sent", "received"]
    assert str(messages[-1]["text"]).startswith("SIP/2.0 200 OK")
    assert {message["event"] for message in messages} == {"sip"}
    by_sip_call_id = offhook("trace", str(messages[0]["sip_call_id"]), *run_dir, "--full").stdout
    assert by_sip_call_id.count("INVITE sip:someone@") == 2  # as it was sent, and received
    assert "v=0" in by_sip_call_id


def test_all_messages_are_followed(live: Engine, tmp_path: Path) -> None:
    run_dir = ("--run-dir", live.run_dir)
    with Offhook(tmp_path, "trace", *run_dir) as watcher:
        watcher.wait_for("ready")
        offhook("call", f"sip:nobody@{live.sip}", *run_dir)
        eventually("the ACK is seen", lambda: len(watcher.of("sip")) >= 6)
        assert str(watcher.of("sip")[0]["text"]).startswith("INVITE sip:nobody@")
        watcher.signal(signal.SIGINT)
        assert watcher.wait(5) == 0


def test_a_call_that_is_not_known_is_one_line(live: Engine) -> None:
    done = offhook("trace", "nobody", "--run-dir", live.run_dir)
    assert done.returncode == 1
    assert done.stderr == "offhook trace: no SIP message of 'nobody' is known (any more)\n"
