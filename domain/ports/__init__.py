"""The ports of the use cases, a module for each concern.

Adapters implement these protocols; the conformance suites (tests/conformance) define the rules of
an implementation. Import from the module of the concern.
"""
