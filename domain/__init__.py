"""The chat domain: aggregates, folds, wire models and use cases. No I/O (see
docs/architecture.md)."""
