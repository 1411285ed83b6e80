"""The columnar media engine: all streams of a worker advance together."""
