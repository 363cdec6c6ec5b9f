"""Implementations of domain/ports; siblings never import each other."""
