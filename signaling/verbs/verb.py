"""What a verb is: a function that applies a command of a client."""

from collections.abc import Callable
from typing import Any

from signaling.calls.call import Waiting
from signaling.clients import Client
from signaling.core import Core

Verb = Callable[[Core, Client, Waiting, Any], None]
"""It replies itself (now or later) or raises a ``RefusedError``, which is the reply."""

Verbs = dict[type, Verb]
