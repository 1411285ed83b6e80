"""Measurements: what a call costs, how even the packets are, how much delay is added."""
