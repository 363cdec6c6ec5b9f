"""A room: its events, state and decisions."""
