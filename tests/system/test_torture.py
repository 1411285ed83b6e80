"""RFC 4475 and RFC 5118 against the live engine, in a namespace with nothing but ``lo``."""

import json
from typing import cast

import pytest

from tests.peers.material import TortureMessage, torture_messages
from tests.peers.namespace import run_module

pytestmark = [pytest.mark.peer("capture", "namespace"), pytest.mark.timeout(300)]

MESSAGES = torture_messages()
FAILURES = {400, 405, 415, 416, 420, 501, 505}
OVER_TCP = {
    "clerr.dat": "discard",  # the body that it announces never ends
    "baddn.dat": "discard",  # its header never ends
    "inv2543.dat": "400",  # without a Content-Length, which a stream needs (RFC 3261, 18.3)
    "dblreq.dat": "any",  # on a stream it is two requests
}
"""What is right over TCP where that is not what is right over UDP."""

Results = dict[tuple[str, str], list[int]]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return the answers by message and transport, from one run of them all."""
    if not MESSAGES:
        pytest.skip("the torture messages are not beside the checkout")
    output = run_module(
        "tests.system.torture", str(tmp_path_factory.mktemp("torture")), seconds=280
    )
    lines = [cast("dict[str, object]", json.loads(line)) for line in output.splitlines()]
    return {
        (str(line.get("message", "call")), str(line.get("transport", ""))): cast(
            "list[int]", line.get("answers", [line.get("gap")])
        )
        for line in lines
    }


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_answered_as_the_rfc_says(
    results: Results, message: TortureMessage, transport: str
) -> None:
    answers = results[message.name, transport]
    expected = OVER_TCP.get(message.name, "") if transport == "tcp" else ""
    expected = expected or message.expected
    assert as_expected(expected, answers), f"{expected}, but {answers}"


def as_expected(expected: str, answers: list[int]) -> bool:
    return any(_matches(word, answers) for word in expected.split("|"))


def _matches(word: str, answers: list[int]) -> bool:
    match word:
        case "any":
            return True
        case "discard" | "response":
            return answers == []
        case "accept" | "accept_first":
            return bool(answers) and not set(answers) & (FAILURES - {405, 501})
        case status:
            return {answer for answer in answers if answer >= 200} == {int(status)}


def test_the_running_call_did_not_notice(results: Results) -> None:
    (gap,) = results["call", ""]
    assert gap < 0.1
