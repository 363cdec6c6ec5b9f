"""Routes of the HTTP API: one module here for each feature.

`load` imports every module of this package, so a new feature adds its module and edits no list.
"""

from importlib import import_module
from pkgutil import iter_modules

from functions.routing import Router

router = Router()


def load() -> Router:
    """Returns the router with the routes of all modules of this package."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return router
