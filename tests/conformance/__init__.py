"""One suite per port; every backend runs it. The in-memory one is the reference."""
