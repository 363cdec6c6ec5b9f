"""The cost of a deployed stack, from its own API calls (docs/cost.md)."""
