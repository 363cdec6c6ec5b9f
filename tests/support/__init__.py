"""Builders and fakes shared by the tests.

- `support.aggregates`: given, when, then for one log;
- `support.chat`: `memory_chat()`, `person()`, `run_consumers()`: the use cases over memory.
"""
