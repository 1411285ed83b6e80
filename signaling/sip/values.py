"""The pieces that header values are made of: lists, parameters, quoted strings (RFC 3261 7.3.1)."""

import re
from typing import Final

from signaling.sip.errors import ParseError
from signaling.sip.grammar import A_GEN_VALUE, A_PARAMETER, ELEMENT

Parameters = tuple[tuple[str, str | None], ...]
"""Names as they came, values without their quotes; None where there is no ``=``."""

MOST_PIECES: Final = 500
"""Of a list or of parameters; longer ones are an attack on our time."""

QUOTED_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
NEEDS_ESCAPE: Final = re.compile(r'["\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f]')


def split_list(value: str) -> list[str]:
    """Split at the commas outside quotes and ``<>``; empty elements are dropped, if not all are.

    Raises ParseError for far too many of them.
    """
    if value.count(",") > MOST_PIECES:
        raise ParseError(400, "Too many values in a list", detail=value)
    plain = '"' not in value and "<" not in value
    pieces = value.split(",") if plain else _split_quoted(value)
    return [element for piece in pieces if (element := piece.strip(" \t"))] or [""]


def _split_quoted(value: str) -> list[str]:
    elements: list[str] = []
    at = 0
    while at < len(value) and (found := ELEMENT.match(value, at)):
        elements.append(found.group(1))
        at = found.end()
    return elements


def split_parameters(text: str) -> Parameters:
    """Read ``;name=value;flag``, which has matched PARAMETERS.

    Raises ParseError for far too many of them.
    """
    if not text:
        return ()
    if text.count(";") > MOST_PIECES:
        raise ParseError(400, "Too many parameters", detail=text)
    if '"' in text:
        return tuple(
            (name, unquote(value) if value else None)
            for name, value in A_PARAMETER.findall(text)  # no value is an empty group
        )
    pairs: list[tuple[str, str | None]] = []
    for piece in text.split(";")[1:]:
        name, equals, value = piece.partition("=")
        pairs.append((name.strip(" \t"), value.strip(" \t") if equals else None))
    return tuple(pairs)


def join_parameters(parameters: Parameters) -> str:
    """Write ``;name=value;flag``, with quotes where a value needs them."""
    return "".join(
        f";{name}" if value is None else f";{name}={_gen_value(value)}"
        for name, value in parameters
    )


def _gen_value(value: str) -> str:
    return value if A_GEN_VALUE.fullmatch(value) else quote(value)


def parameter(parameters: Parameters, name: str) -> str | None:
    """Return a value by its name in any case; empty for a flag, None where it is absent."""
    for key, value in parameters:
        if key == name or key.lower() == name:
            return value or ""
    return None


def quote(text: str) -> str:
    """Write a quoted-string."""
    return f'"{NEEDS_ESCAPE.sub(_escaped, text)}"'


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found.group()}"


def unquote(text: str) -> str:
    """Read a quoted-string; any other text is returned as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    inner = text[1:-1]
    return QUOTED_PAIR.sub(r"\1", inner) if "\\" in inner else inner
