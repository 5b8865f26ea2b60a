"""Unisono: the specification as text and as data."""
