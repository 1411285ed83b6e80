"""TLS: our certificate, whom we trust, and whether a server is the one we meant (RFC 5922)."""

import ipaddress
import ssl
from collections.abc import Iterator, Mapping
from typing import cast

from bus.errors import SettingsError
from bus.settings import TlsSettings
from signaling.sip.errors import SipError
from signaling.sip.uri import parse_uri

Certificate = Mapping[str, object]
"""What ``ssl.SSLObject.getpeercert()`` returns; empty: none was shown, or it was not verified."""


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return what our TLS listeners serve with.  Raises SettingsError, which names the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, settings)
    if settings.verify_client:
        _trust(context, settings)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return what we connect to others with.  Raises SettingsError, which names the file.

    The subject is not checked in here: the library does not know ``sip:`` URIs in a certificate,
    and takes wildcards, which RFC 5922 7.2 forbids.  ``proves`` does it after the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    if settings.certificate:
        _show(context, settings)
    if settings.verify_server:
        _trust(context, settings)
    else:
        context.verify_mode = ssl.CERT_NONE
    return context


def proves(certificate: Certificate, domain: str) -> bool:
    """Whether a certificate is of a domain or an address (RFC 5922 7.1 and 7.2).

    If it names SIP domains as URIs those alone count, else its DNS names and addresses.
    """
    wanted = domain.strip("[]").removesuffix(".").lower()
    return wanted in set(identities(certificate))


def identities(certificate: Certificate) -> list[str]:
    """Return the domains and addresses that a certificate proves."""
    entries = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    domains = list(_sip_domains(value for kind, value in entries if kind == "URI"))
    if domains:
        return domains
    named = [value for kind, value in entries if kind in ("DNS", "IP Address")]
    return [_plain(value) for value in named]


def why(error: Exception, domain: str) -> str:
    """Say what was wrong with a handshake."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"bad certificate of {domain}: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS with {domain}: {error}"
        case TimeoutError():
            return f"no connection to {domain} in time"
        case _:
            return f"{domain}: {error}"


def _sip_domains(uris: Iterator[str]) -> Iterator[str]:
    for text in uris:
        try:
            uri = parse_uri(text)
        except SipError:
            continue
        if uri.scheme == "sip" and uri.user is None:
            yield _plain(uri.host)


def _plain(name: str) -> str:
    lower = name.strip("[]").removesuffix(".").lower()
    if ":" in lower:  # IPv6, which the library writes without compressing it
        return str(ipaddress.ip_address(lower))
    return lower


def _show(context: ssl.SSLContext, settings: TlsSettings) -> None:
    try:
        context.load_cert_chain(settings.certificate, settings.key or None)
    except (OSError, ssl.SSLError) as error:
        files = f"{settings.certificate} {settings.key}".strip()
        raise SettingsError(f"tls.certificate: cannot use {files}: {_said(error)}") from None


def _trust(context: ssl.SSLContext, settings: TlsSettings) -> None:
    try:
        if settings.authorities:
            context.load_verify_locations(settings.authorities)
        else:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        said = _said(error)
        raise SettingsError(f"tls.authorities: cannot use {settings.authorities}: {said}") from None


def _said(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "it is not PEM"
    return error.strerror or str(error)
