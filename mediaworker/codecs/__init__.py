"""Codecs: array in, array out; no state outside columns."""
