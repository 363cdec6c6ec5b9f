"""Sealing with a key per person."""
