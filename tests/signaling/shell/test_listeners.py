"""Sockets as the settings name them."""

import socket

import pytest

from bus.errors import LaunchError
from signaling.shell.listeners import open_listener


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_port_0_takes_a_free_one(transport: str) -> None:
    listener, opened = open_listener(f"{transport}:127.0.0.1:0", "")
    with opened:
        assert opened.getsockname() == ("127.0.0.1", listener.port)
        assert listener.port > 0
        assert listener.name == f"{transport}:127.0.0.1:{listener.port}"
        assert (listener.transport, listener.bind) == (transport, "127.0.0.1")
        assert not opened.getblocking()


def test_a_datagram_socket_holds_a_burst() -> None:
    _, opened = open_listener("udp:127.0.0.1:0", "")
    with opened, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        ours, usual = (s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for s in (opened, plain))
        assert ours >= usual


def test_what_peers_are_told_is_advertised_or_found() -> None:
    told, opened = open_listener("udp:127.0.0.1:0", "198.51.100.7")
    opened.close()
    anywhere, opened = open_listener("udp:0.0.0.0:0", "")
    opened.close()
    assert (told.bind, told.host) == ("127.0.0.1", "198.51.100.7")
    assert anywhere.bind == "0.0.0.0"
    assert anywhere.host not in ("0.0.0.0", "")


def test_a_listener_may_tell_a_place_of_its_own() -> None:
    """1:1 NAT: it goes before what is advertised for all."""
    told, opened = open_listener("udp:127.0.0.1:0/203.0.113.5:5070", "198.51.100.7")
    opened.close()
    assert (told.host, told.port) == ("203.0.113.5", 5070)
    told, opened = open_listener("udp:127.0.0.1:0/[2001:db8::5]", "")
    opened.close()
    assert (told.host, f"udp:127.0.0.1:{told.port}") == ("2001:db8::5", told.name)


def test_any_ipv4_address_and_any_ipv6_address_can_have_the_same_port() -> None:
    four, opened = open_listener("udp:0.0.0.0:0", "")
    with opened:
        _, other = open_listener(f"udp:[::]:{four.port}", "")
        other.close()


def test_an_ipv6_address_is_named_in_brackets() -> None:
    listener, opened = open_listener("udp:[::1]:0", "")
    with opened:
        assert (listener.name, listener.host) == (f"udp:[::1]:{listener.port}", "::1")


def test_an_address_in_use_is_said_in_one_line() -> None:
    listener, opened = open_listener("udp:127.0.0.1:0", "")
    with opened, pytest.raises(LaunchError, match=f"cannot open {listener.name}: .*in use"):
        open_listener(listener.name, "")
