"""Where the `helmkeel` command begins: what it imports takes half a second, in which an interrupt just ends it."""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the command."""
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell's background job is not
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing has begun, so there is nothing to leave in order, and no traceback to show
    from service.cli import main as run

    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()
