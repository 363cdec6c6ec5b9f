"""Projections: folds from events to rows of views, and what is asked of them."""
