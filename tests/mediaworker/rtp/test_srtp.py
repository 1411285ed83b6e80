"""RFC 3711 appendix B, RFC 7714 sections 16 and 17; libsrtp as the independent witness."""

import os

import pytest

from bus.srtp import SUITES
from mediaworker.rtp.rtcp import SenderInfo, report
from mediaworker.rtp.srtp import (
    LONGEST_MASTER,
    PROFILES,
    Direction,
    Keys,
    Suite,
    context,
    derive,
    direction,
    open_report,
    seal_report,
)
from tests.mediaworker.secure import receiver, sender

CM = PROFILES[Suite.AES_CM_128_HMAC_SHA1_80]
GCM = PROFILES[Suite.AEAD_AES_128_GCM], PROFILES[Suite.AEAD_AES_256_GCM]
SALT = bytes.fromhex("517569642070726f2071756f")
RTCP = bytes.fromhex(
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61"
    "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
)
SEALED = (
    "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32d"
    "c676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
    "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50"
    "a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
)


@pytest.fixture(params=list(PROFILES), ids=lambda suite: suite.name)
def suite(request: pytest.FixtureRequest) -> Suite:
    found: Suite = request.param
    return found


def drawn(suite: Suite) -> tuple[bytes, Direction]:
    master = os.urandom(SUITES[suite.name])
    return master, direction(PROFILES[suite], master)


def test_suites_are_those_of_signaling() -> None:
    sizes = {suite.name: profile.key + profile.salt for suite, profile in PROFILES.items()}
    assert sizes == SUITES
    assert max(sizes.values()) == LONGEST_MASTER


def test_key_derivation_as_in_rfc3711_b3() -> None:
    master = "E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6"
    keys = derive(CM, bytes.fromhex(master), 0)
    assert keys.cipher.hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert keys.salt.hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert keys.mac.hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


def test_a_key_may_be_followed_by_anything() -> None:
    master = os.urandom(SUITES["AES_CM_128_HMAC_SHA1_80"])
    assert derive(CM, master.ljust(LONGEST_MASTER, b"\0"), 3) == derive(CM, master, 3)


@pytest.mark.parametrize("strength", [0, 1])
def test_reports_as_in_rfc7714_17(strength: int) -> None:
    profile = GCM[strength]
    keys = context(profile, Keys(bytes(range(profile.key)), b"", SALT))
    sealed = seal_report(profile, keys, RTCP, 0x5D4)
    assert sealed.hex() == SEALED[strength]
    assert open_report(profile, keys, sealed) == (0x5D4, RTCP)


@pytest.mark.parametrize("size", [0, 8, 16, 60])
def test_reports_go_both_ways_with_libsrtp(suite: Suite, size: int) -> None:
    master, keys = drawn(suite)
    theirs = sender(master, suite.name)
    other = receiver(master, suite.name)
    info = SenderInfo(1 << 40, 2, 3, 4) if size else None
    compound = report(7, "x" * size, info, ())
    for index in (1, 2, 3):
        received = theirs.protect_rtcp(compound)
        assert open_report(PROFILES[suite], keys.reports, received) == (index, compound)
        sent = seal_report(PROFILES[suite], keys.reports, compound, index)
        assert other.unprotect_rtcp(sent) == compound
        assert compound[8:] not in sent


def test_what_is_not_authentic_is_no_report(suite: Suite) -> None:
    profile, (_, keys) = PROFILES[suite], drawn(suite)
    sealed = seal_report(profile, keys.reports, report(7, "x", None, ()), 5)
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        assert open_report(profile, keys.reports, changed) is None, at
        assert open_report(profile, keys.reports, sealed[:at]) is None
    assert open_report(profile, drawn(suite)[1].reports, sealed) is None
    assert open_report(profile, keys.packets, sealed) is None


@pytest.mark.parametrize("suite", [each for each in PROFILES if not PROFILES[each].aead])
def test_a_report_that_is_not_encrypted_is_refused(suite: Suite) -> None:
    """Nothing of the kind was agreed upon, even if its tag is right (GCM covers the bit)."""
    _, keys = drawn(suite)
    plain = report(7, "x", None, ()) + (5).to_bytes(4)
    mac = keys.reports.mac.copy()
    mac.update(plain)
    assert open_report(PROFILES[suite], keys.reports, plain + mac.finalize()[:10]) is None
