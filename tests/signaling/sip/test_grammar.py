import re

import pytest

from signaling.sip import grammar


@pytest.mark.parametrize(
    ("rule", "text", "matches"),
    [
        (grammar.TOKEN, "aZ09-.!%*_+`'~", True),
        (grammar.TOKEN, "", False),
        (grammar.TOKEN, "a b", False),
        (grammar.TOKEN, "\N{LATIN SMALL LETTER E WITH ACUTE}", False),
        (grammar.QUOTED, '""', True),
        (grammar.QUOTED, '"\\"\\\\\\\0 \t\N{SNOWMAN}"', True),
        (grammar.QUOTED, '"\0"', False),
        (grammar.QUOTED, '"a"b"', False),
        (grammar.QUOTED, '"a\\"', False),
        (grammar.QUOTED, '"a\r\nb"', False),
        (grammar.HOST, "a.b.", True),
        (grammar.HOST, "[::1]", True),
        (grammar.HOST, "a..b", False),
        (grammar.HOST, ".a", False),
        (grammar.HOST, "[fe80::1%eth0]", False),
        (grammar.USER, "a%20b;c=d?/&$,+", True),
        (grammar.USER, "a%2", False),
        (grammar.USER, "a:b", False),
        (grammar.PASSWORD, "", True),
        (grammar.PASSWORD, "a;b", False),
        (grammar.URI_PARAMETERS, ";a;b=[c]/:&+$", True),
        (grammar.URI_PARAMETERS, ";a=", False),
        (grammar.URI_PARAMETERS, ";;a", False),
        (grammar.URI_HEADERS, "?a=&b=c", True),
        (grammar.URI_HEADERS, "?a=b&", False),
        (grammar.PARAMETERS, ' ; a = "b" ;c', True),
        (grammar.PARAMETERS, ";a b", False),
        (grammar.SIP_VERSION.pattern, "sip/12.0", True),
        (grammar.SIP_VERSION.pattern, "SIP/2.0 ", False),
        (grammar.MEDIA_TYPE.pattern, "a / b ; c=d", True),
        (grammar.MEDIA_TYPE.pattern, "a", False),
    ],
)
def test_the_rules(rule: str, text: str, matches: bool) -> None:
    assert bool(re.fullmatch(rule, text)) is matches


def test_no_repetition_backtracks() -> None:
    """A repetition is possessive, one of a group is in an atomic group, as the module promises."""
    patterns = {
        name: str(getattr(value, "pattern", value))
        for name, value in vars(grammar).items()
        if name.isupper() and name != "UNRESERVED"
    }
    assert len(patterns) > 30
    for name, pattern in patterns.items():
        outside = re.sub(r"\\.|\[(?:\\.|[^\\\]])*\]", "x", pattern)
        assert re.search(r"\)[*+?]\+", outside) is None, f"possessive group in {name}: {outside}"
        single = re.sub(r"\)[*+]\)", "", outside)
        assert re.search(r"[*+](?!\+)(?<![*+?}]\+)", single) is None, f"{name}: {outside}"
        assert len(re.findall(r"\)[*+]", outside)) <= outside.count("(?>"), f"{name}: {outside}"
