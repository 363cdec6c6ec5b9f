"""Projections: folds from events to rows of views, and queries over them."""
