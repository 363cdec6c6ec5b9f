"""What the use cases need of the world, a module for each concern.

Adapters implement these protocols; the conformance suites (tests/conformance) say what an
implementation must keep. Importers name the module of the concern.
"""
