"""What every message body is."""

import msgspec


class Body(msgspec.Struct, tag_field="verb", frozen=True, kw_only=True):
    """Base of all bodies; the tag field is ``verb``."""
