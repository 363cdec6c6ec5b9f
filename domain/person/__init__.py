"""A person, by concern.

A module of a concern registers its events, its part of the state, its commands and their decisions
(`person.py`). All modules of the package are imported here, so a new one needs no entry in a list.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
