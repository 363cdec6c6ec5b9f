"""Lambda entry points. The local engine calls the same handlers with the same events."""

import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Modules are never collected: the garbage collector took a tenth of a cold import.
    # bootstrap.py, which every handler imports, enables it again.
    gc.disable()
