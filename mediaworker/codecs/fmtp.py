"""The parameters of a codec as ``a=fmtp`` has them: ``name=value;name=value`` (RFC 4855)."""


def parse_parameters(text: str) -> dict[str, str]:
    """Return values by name, in small letters; a name without a value has an empty one."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip().lower() for name, _, value in pairs if name.strip()}


def whole(parameters: dict[str, str], name: str, default: int) -> int:
    """Return a number of them, ``default`` if it is not there or none."""
    text = parameters.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else default
