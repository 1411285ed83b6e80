from signaling.sip.message import Request, every, first

REQUEST = Request(method="A", uri="sip:b", headers=[("Via", "1"), ("To", "2"), ("Via", "3")])


def test_first() -> None:
    assert first(REQUEST, "Via") == "1"
    assert first(REQUEST, "via") is None


def test_every() -> None:
    assert every(REQUEST, "Via") == ["1", "3"]
    assert every(REQUEST, "From") == []
