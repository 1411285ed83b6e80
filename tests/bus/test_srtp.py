from bus.codec import encode
from bus.srtp import SUITES, Crypto, masked
from bus.streams import Remote

LINE = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20|1:4"


def test_keys_of_a_description_are_masked() -> None:
    expected = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:***|2^20|1:4"
    assert masked(LINE) == expected
    assert masked(f"v=0\r\n{LINE}\r\n{LINE.replace('inline', 'INLINE')};inline:abc\r\n") == (
        f"v=0\r\n{expected}\r\n{expected.replace('inline', 'INLINE')};inline:***\r\n"
    )
    assert masked("a=crypto:1 X inline:cut off he") == "a=crypto:1 X inline:*** off he"


def test_keys_are_not_shown_but_sent() -> None:
    crypto = Crypto(suite="AEAD_AES_128_GCM", ours=b"our secret", theirs=b"their secret")
    remote = Remote(
        address="192.0.2.1",
        port=4000,
        rtcp_port=4001,
        codec="PCMU",
        payload_type=0,
        receive_payload_type=0,
        crypto=crypto,
    )
    assert "secret" not in f"{remote} {remote!r} {[remote]}"
    assert b"our secret" in encode(crypto)


def test_each_suite_has_a_key_and_a_salt() -> None:
    assert SUITES == {
        "AEAD_AES_256_GCM": 44,
        "AEAD_AES_128_GCM": 28,
        "AES_CM_128_HMAC_SHA1_80": 30,
        "AES_CM_128_HMAC_SHA1_32": 30,
    }
