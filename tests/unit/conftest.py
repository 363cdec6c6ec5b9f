"""Properties run fifty fixed cases here; `-m long` variants draw a thousand fresh ones."""

from hypothesis import settings

settings.register_profile("short", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("short")
