"""A person: their own log of sessions, read marks and rooms."""
