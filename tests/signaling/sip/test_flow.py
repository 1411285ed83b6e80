from signaling.sip.flow import Flow


def test_the_transport_is_that_of_the_listener() -> None:
    assert Flow("udp:192.0.2.1:5060", "192.0.2.2", 5060).transport == "udp"
    assert Flow("tcp:[::1]:5060", "::2", 5060, "3").transport == "tcp"


def test_all_but_udp_retransmit_by_themselves() -> None:
    assert not Flow("udp:192.0.2.1:5060", "192.0.2.2", 5060).reliable
    assert Flow("tcp:192.0.2.1:5060", "192.0.2.2", 5060).reliable
