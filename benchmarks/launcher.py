"""`python -I -S benchmarks/launcher.py DESCRIPTOR COMMAND...`: runs it and writes to DESCRIPTOR, as JSON, what it took.

A process begins with the peak memory of the one that started it. This one imports next to nothing, so that the peak of a small
program is its own and not that of the benchmarks.
"""

import json
import os
import sys
import time


def main() -> None:
    report, command = int(sys.argv[1]), sys.argv[2:]
    begun = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_CLOSE, report)])
    _, status, usage = os.wait4(process, 0)
    took = {
        "seconds": time.perf_counter() - begun,
        "processor": usage.ru_utime + usage.ru_stime,
        "kibibytes": usage.ru_maxrss,
        "code": os.waitstatus_to_exitcode(status),
    }
    os.write(report, json.dumps(took).encode())


if __name__ == "__main__":
    main()
