import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.errors import ParseError
from signaling.sip.grammar import A_GEN_VALUE, A_TOKEN
from signaling.sip.values import (
    MOST_PIECES,
    join_parameters,
    parameter,
    quote,
    split_list,
    split_parameters,
    unquote,
)

ONE_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", [""]),
        (" , ,", [""]),
        ("a", ["a"]),
        ("a,b ,\tc", ["a", "b", "c"]),
        (",a,,b,", ["a", "b"]),
        ('"a,b" <sip:c>,d', ['"a,b" <sip:c>', "d"]),
        ('"a\\",b", c', ['"a\\",b"', "c"]),
        ("<sip:a,b>;c=d , <sip:e>", ["<sip:a,b>;c=d", "<sip:e>"]),
        ('a, "b, c', ["a", '"b, c']),
        ("a, <b, c", ["a", "<b, c"]),
        ('<a">, b', ['<a">', "b"]),
    ],
)
def test_lists_split_outside_quotes_and_brackets(value: str, elements: list[str]) -> None:
    assert split_list(value) == elements


@given(st.lists(ONE_LINE, min_size=1, max_size=5))
def test_quoted_texts_never_split(texts: list[str]) -> None:
    quoted = [quote(text) for text in texts]
    assert split_list(" , ".join(quoted)) == quoted


def test_endless_lists_and_parameters_are_refused() -> None:
    for value in ("," * (MOST_PIECES + 1), '"' + "," * (MOST_PIECES + 1)):
        with pytest.raises(ParseError):
            split_list(value)
    with pytest.raises(ParseError):
        split_parameters(";a" * (MOST_PIECES + 1))


@given(ONE_LINE)
def test_a_quoted_string_is_read_back(text: str) -> None:
    assert unquote(quote(text)) == text


@pytest.mark.parametrize("text", ["", '"', "a", '"a', 'a"'])
def test_what_is_not_quoted_stays(text: str) -> None:
    assert unquote(text) == text


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", ()),
        (";lr", (("lr", None),)),
        (" ; tag = x;lr", (("tag", "x"), ("lr", None))),
        (';a="b;c=\\"d" ; e', (("a", 'b;c="d'), ("e", None))),
        (';a="";b=c', (("a", ""), ("b", "c"))),
        (";tag=a=b", (("tag", "a=b"),)),
    ],
)
def test_parameters_are_split(text: str, parameters: tuple[tuple[str, str | None], ...]) -> None:
    assert split_parameters(text) == parameters


NAMES = st.from_regex(A_TOKEN, fullmatch=True)
VALUES = st.one_of(st.none(), ONE_LINE, st.from_regex(A_GEN_VALUE, fullmatch=True))


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5).map(tuple))
def test_parameters_are_read_back(parameters: tuple[tuple[str, str | None], ...]) -> None:
    assert split_parameters(join_parameters(parameters)) == parameters


def test_a_parameter_is_found_in_any_case() -> None:
    parameters = (("Tag", "A"), ("LR", None), ("tag", "b"))
    assert parameter(parameters, "tag") == "A"
    assert parameter(parameters, "lr") == ""
    assert parameter(parameters, "ttl") is None
