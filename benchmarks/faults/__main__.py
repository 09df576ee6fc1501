"""`make faults`: what becomes of the service when the machine or its clients fail it; takes three minutes.

Says what came of each fault (or of those named as arguments); exit 1 if it is not well.
"""

import resource
import sys
from typing import Final

from benchmarks.faults import clients, machine

FAULTS: Final = {
    fault.__name__.replace("_", "-"): fault
    for fault in (
        machine.killed_workers,
        machine.full_disk,
        machine.spoiled_artifact,
        machine.clock_jump,
        clients.byte_a_second,
        clients.disconnects,
        clients.idle_connections,
    )
}


def main() -> None:
    """Run them one after another."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * clients.IDLE)), hard))
    failed = 0
    for name in sys.argv[1:] or FAULTS:
        good, outcome = FAULTS[name]()
        failed += not good
        print(f"{'ok' if good else 'FAILED':<6} {name}: {outcome}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
