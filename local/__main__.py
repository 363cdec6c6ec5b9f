"""`python -m local` is the `parley` command."""

import sys

from local.cli import main

sys.exit(main())
