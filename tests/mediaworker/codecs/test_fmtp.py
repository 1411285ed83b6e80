from mediaworker.codecs.fmtp import parse_parameters, whole


def test_names_and_values() -> None:
    text = " UseInbandFEC=1; maxplaybackrate = 16000 ;stereo; ;=3"
    expected = {"useinbandfec": "1", "maxplaybackrate": "16000", "stereo": ""}
    assert parse_parameters(text) == expected
    assert parse_parameters("") == {}


def test_a_number_or_the_default() -> None:
    for text, expected in (("24000", 24000), ("", 7), ("-1", 7), ("1e3", 7), ("9" * 40, 7)):
        assert whole({"rate": text}, "rate", 7) == expected
    assert whole({}, "rate", 7) == 7
