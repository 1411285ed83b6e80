from signaling.sip.grammar import A_TOKEN
from signaling.sip.names import COMPACT, LISTS, NAMES, REQUIRED, SINGLE, SPELLING


def test_every_name_is_known_by_its_lower_case() -> None:
    assert {SPELLING[name.lower()] for name in NAMES} == NAMES
    assert all(A_TOKEN.fullmatch(name) for name in NAMES)
    assert len({name.lower() for name in NAMES}) == len(NAMES)


def test_the_short_forms_are_those_of_rfc_3261_7_3_3_and_later() -> None:
    of_rfc_3261 = {"c", "e", "f", "i", "k", "l", "m", "s", "t", "v"}
    assert of_rfc_3261 < COMPACT.keys()
    assert all(SPELLING[short] == name for short, name in COMPACT.items())
    assert len(set(COMPACT.values())) == len(COMPACT)


def test_what_may_be_there_once_is_no_list() -> None:
    assert not LISTS & set(SINGLE)
    assert {*SINGLE, *REQUIRED, *LISTS} <= NAMES
