"""Lambda entry points. The local engine calls the same handlers with the same events."""

import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # Modules stay: looking for garbage among them took a tenth of a cold import. bootstrap.py,
    # which every handler imports, has it looked for again.
    gc.disable()
