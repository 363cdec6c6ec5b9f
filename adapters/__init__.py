"""Implementations of domain/ports.py; siblings never import each other."""
