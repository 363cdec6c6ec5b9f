"""In-memory adapters: the reference for the conformance suites."""
