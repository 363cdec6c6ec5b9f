"""`make stack`: builds, deploys into MiniStack and serves the web app until it is stopped."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tools.stack.building import ensure_built
from tools.stack.emulator import REGION, StackError
from tools.stack.running import running


def main() -> int:
    parser = argparse.ArgumentParser(prog="make stack", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="of the web app")
    parser.add_argument("--emulator-port", type=int, default=0, help="of MiniStack; 0: a free one")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        print("Building the functions (sam build) …", flush=True)
        ensure_built("x86_64")
        print("Deploying the stack into MiniStack (sam deploy) …", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="parley-stack-") as folder,
            running(Path(folder), options.port, options.emulator_port) as stack,
        ):
            print(f"AWS endpoint {stack.emulator.url} (region {REGION}, key and secret `test`)")
            for name, value in sorted(stack.outputs.items()):
                print(f"  {name:24} {value}")
            print(f"Parley is ready at {stack.web}", flush=True)
            signal.pause()
    except (StackError, OSError) as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
