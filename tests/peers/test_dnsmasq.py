from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.peers.dnsmasq import Dnsmasq

pytestmark = pytest.mark.peer("dnsmasq")


def test_it_says_what_it_was_told_and_is_gone_afterwards(tmp_path: Path) -> None:
    with Dnsmasq(tmp_path, ["srv-host=_sip._udp.one.test,a.one.test,5070,1,2"]) as server:
        asked = dns.message.make_query("_sip._udp.one.test", "SRV")
        answer = dns.query.udp(asked, "127.0.0.1", port=server.port, timeout=5.0)
        assert "1 2 5070 a.one.test." in str(answer.answer[0])
        assert server.queries("SRV", "_sip._udp.one.test") == 1
    assert not server.alive()
