"""The local engine: the same handlers in one durable process."""
