from pathlib import Path

import pytest

from tests.peers.sipp import Sipp

pytestmark = pytest.mark.peer("sipp")


def test_two_sipps_call_each_other(tmp_path: Path) -> None:
    with (
        Sipp(tmp_path, "uas", calls=5) as uas,
        Sipp(tmp_path, "uac", remote=f"127.0.0.1:{uas.port}", calls=5) as uac,
    ):
        uac.finish().check(5)
        outcome = uas.finish()
    outcome.check(5)
    assert "INVITE sip:service@127.0.0.1" in outcome.messages


def test_a_call_that_nobody_answers_is_a_failure(tmp_path: Path) -> None:
    extra = ["-max_invite_retrans", "1"]
    with Sipp(tmp_path, "uac", remote="127.0.0.1:9", calls=1, extra=extra) as uac:
        outcome = uac.finish()
    with pytest.raises(AssertionError, match="0 of 1 calls"):
        outcome.check(1)
