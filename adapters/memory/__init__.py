"""In memory: the reference that the conformance suites are written against."""
