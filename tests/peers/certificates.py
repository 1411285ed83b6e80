"""Certificates for one test, made with openssl: an authority and what it signed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: the certificate and its key; an authority's signs others."""

    certificate: Path
    key: Path


def authority(folder: Path, name: str = "authority") -> Certificate:
    """Make the authority that a test trusts."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl(
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        made.key,
        "-out",
        made.certificate,
        "-days",
        "2",
        "-subj",
        f"/CN={name}",
    )
    return made


def signed(folder: Path, by: Certificate, name: str = "localhost", *others: str) -> Certificate:
    """Make a certificate for a host name (and others, or ``sip:`` URIs) and for 127.0.0.1."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    wish = folder / f"{name}.csr"
    _openssl(
        "req",
        "-new",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        made.key,
        "-out",
        wish,
        "-subj",
        f"/CN={name}",
    )
    names = [("URI:" if ":" in other else "DNS:") + other for other in (name, *others)]
    extensions = folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={','.join([*names, 'IP:127.0.0.1'])}\n")
    _openssl(
        "x509",
        "-req",
        "-in",
        wish,
        "-CA",
        by.certificate,
        "-CAkey",
        by.key,
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        extensions,
        "-out",
        made.certificate,
    )
    return made


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"openssl {arguments}:\n{done.stderr}"
