"""Lambda entry points. The local engine calls the same handlers with the same events."""
