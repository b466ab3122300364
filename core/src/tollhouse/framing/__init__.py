"""Framings: how a byte stream is cut into the raw frames that a dialect's decoder reads."""
