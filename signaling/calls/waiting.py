"""A command of an application whose reply is still owed."""

import msgspec


class Waiting(msgspec.Struct, frozen=True):
    """Whom the reply goes to."""

    session: str
    command: int
