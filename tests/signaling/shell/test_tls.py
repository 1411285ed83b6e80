"""Certificates: what they prove, and what becomes of a connection whose peer proves nothing."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from bus.errors import SettingsError
from bus.settings import TlsSettings
from signaling.effects import Input, Received, Send, TransportFailed
from signaling.shell.tls import client_context, identities, proves, server_context, why
from signaling.sip.flow import Flow
from tests.bus.waiting import until
from tests.peers.certificates import Certificate, authority, signed
from tests.signaling.shell.serving import MESSAGE, end_of, listening, serving


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def trusted(folder: Path) -> Certificate:
    return authority(folder)


@pytest.fixture(scope="module")
def ours(folder: Path, trusted: Certificate) -> Certificate:
    return signed(folder, trusted, "ours.example.com")


@pytest.fixture(scope="module")
def strange(folder: Path) -> Certificate:
    return signed(folder, authority(folder, "stranger"), "theirs.example.com")


def tls(own: Certificate, trusted: Certificate, **more: bool) -> TlsSettings:
    return TlsSettings(
        certificate=str(own.certificate),
        key=str(own.key),
        authorities=str(trusted.certificate),
        **more,
    )


def names(*entries: tuple[str, str]) -> Mapping[str, object]:
    return {"subjectAltName": entries}


@pytest.mark.parametrize(
    ("certificate", "domain", "proven"),
    [
        (names(("DNS", "Example.com")), "example.COM.", True),
        (names(("DNS", "sip.example.com")), "example.com", False),
        (names(("DNS", "*.example.com")), "sip.example.com", False),
        (names(("URI", "sip:example.com"), ("DNS", "a.example.net")), "example.com", True),
        (names(("URI", "sip:example.com"), ("DNS", "a.example.net")), "a.example.net", False),
        (names(("URI", "https://example.com"), ("DNS", "example.com")), "example.com", True),
        (names(("URI", "sip:bob@example.com")), "example.com", False),
        (names(("IP Address", "192.0.2.1")), "192.0.2.1", True),
        (names(("IP Address", "2001:DB8:0:0:0:0:0:1")), "[2001:db8::1]", True),
        (names(), "example.com", False),
        ({}, "example.com", False),
    ],
)
def test_what_a_certificate_proves(
    certificate: Mapping[str, object], domain: str, proven: bool
) -> None:
    """RFC 5922 7.1 and 7.2."""
    assert proves(certificate, domain) is proven
    assert bool(identities(certificate)) or not proven


def reached(fed: list[Input], count: int) -> bool:
    return len(fed) == count


def test_a_call_over_tls_comes_and_goes(ours: Certificate, trusted: Certificate) -> None:
    async def scenario() -> None:
        here, there = list[Input](), list[Input]()
        settings = tls(ours, trusted)
        async with (
            listening("tls:127.0.0.1:0", here, tls=settings) as (network, mine),
            listening("tls:127.0.0.1:0", there, tls=settings) as (other, theirs),
        ):
            for count, domain in enumerate(("ours.example.com", ""), 1):  # "": by its address
                flow = Flow(mine.name, "127.0.0.1", theirs.port, domain=domain)
                network.send(Send(flow, MESSAGE))
                await until(partial(reached, there, count))
            assert len(network.connections) == 1
            (given, _) = there
            assert isinstance(given, Received)
            other.send(Send(given.flow, MESSAGE))
            await until(lambda: here)
            assert isinstance(here[0], Received)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("domain", "which", "reason"),
    [
        ("other.example.com", "ours", "bad certificate of other.example.com: it names ours.exam"),
        ("theirs.example.com", "strange", "bad certificate of theirs.example.com: .*issuer"),
    ],
)
def test_a_bad_certificate_is_named_and_nothing_is_sent(
    ours: Certificate, strange: Certificate, trusted: Certificate,
    domain: str, which: str, reason: str,
) -> None:  # fmt: skip
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(100))

    async def scenario() -> None:
        fed = list[Input]()
        shown = ours if which == "ours" else strange
        server = server_context(tls(shown, trusted))
        async with (
            serving(serve, ssl=server) as (host, port),
            listening("tls:127.0.0.1:0", fed, tls=tls(ours, trusted)) as (network, listener),
        ):
            network.send(Send(Flow(listener.name, host, port, domain=domain), MESSAGE))
            await until(lambda: fed)
            (given,) = fed
            assert isinstance(given, TransportFailed)
            assert not given.flow.connection
            assert re.match(reason, given.reason), given.reason

    asyncio.run(scenario())
    assert not heard


def test_a_server_need_not_prove_anything_if_told_so(
    ours: Certificate, strange: Certificate, trusted: Certificate
) -> None:
    async def scenario() -> None:
        here, there = list[Input](), list[Input]()
        async with (
            listening("tls:127.0.0.1:0", there, tls=tls(strange, trusted)) as (_, theirs),
            listening("tls:127.0.0.1:0", here, tls=tls(ours, trusted, verify_server=False)) as (
                network,
                mine,
            ),
        ):
            network.send(Send(Flow(mine.name, "127.0.0.1", theirs.port), MESSAGE))
            await until(lambda: there)

    asyncio.run(scenario())


@pytest.mark.parametrize("shown", ["none", "strange", "ours"])
def test_a_client_must_show_a_certificate_if_told_so(
    ours: Certificate, strange: Certificate, trusted: Certificate, shown: str
) -> None:
    async def scenario() -> None:
        fed = list[Input]()
        settings = tls(ours, trusted, verify_client=True)
        context = ssl.create_default_context(cafile=str(trusted.certificate))
        if shown != "none":
            own = ours if shown == "ours" else strange
            context.load_cert_chain(own.certificate, own.key)
        async with listening("tls:127.0.0.1:0", fed, tls=settings) as (_, listener):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", listener.port, ssl=context, server_hostname="ours.example.com"
            )
            writer.write(MESSAGE)
            if shown == "ours":
                await until(lambda: fed)
            else:
                with suppress(ssl.SSLError):
                    assert await end_of(reader)
                assert not fed
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    asyncio.run(scenario())


def test_files_that_cannot_be_used_are_named(tmp_path: Path, ours: Certificate) -> None:
    (tmp_path / "text").write_text("no certificate")
    with pytest.raises(SettingsError, match=r"tls.certificate: .*/none: No such file"):
        server_context(TlsSettings(certificate=str(tmp_path / "none")))
    with pytest.raises(SettingsError, match=r"tls.certificate: .*/text"):
        server_context(TlsSettings(certificate=str(tmp_path / "text")))
    with pytest.raises(SettingsError, match=r"tls.authorities: .*/none: No such file"):
        client_context(TlsSettings(authorities=str(tmp_path / "none")))


def test_why_there_was_no_connection() -> None:
    assert why(TimeoutError(), "a") == "no connection to a in time"
    assert why(OSError(111, "refused"), "a") == "a: [Errno 111] refused"
    assert why(ssl.SSLError(1, "x"), "a").startswith("no TLS with a: ")
