"""What a deployed stack costs, from its own API calls (docs/cost.md)."""
