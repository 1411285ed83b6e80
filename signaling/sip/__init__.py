"""The wire of RFC 3261 as data and pure functions."""
