"""Makes the coverage of the running service complete: `python -m shop.flush_coverage`.

Asks the server in this container (`shop.measured`) to write its data, waits until that is
done, and writes coverage.xml and lcov.info beside it.
"""

import os
import signal
import sys
import time
import uuid
from pathlib import Path

import coverage

from shop.measured import DONE, PID, REQUEST

LIMIT_SECONDS = 20


def main() -> int:
    if not PID.exists():
        print("the service does not run under coverage.py (coverage.enabled in the chart)", file=sys.stderr)
        return 1
    token = uuid.uuid4().hex
    REQUEST.write_text(token)
    os.kill(int(PID.read_text()), signal.SIGUSR1)
    deadline = time.monotonic() + LIMIT_SECONDS
    while not DONE.exists() or DONE.read_text() != token:
        if time.monotonic() > deadline:
            print(f"the service has not written its data within {LIMIT_SECONDS} s", file=sys.stderr)
            return 1
        time.sleep(0.05)

    data = Path(os.environ["COVERAGE_FILE"])
    measured = coverage.Coverage(data_file=str(data))
    measured.load()
    measured.xml_report(outfile=str(data.with_name("coverage.xml")))
    measured.lcov_report(outfile=str(data.with_name("lcov.info")))
    percent = measured.report(show_missing=True)
    print(f"{percent:.1f} % of the service's lines were executed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
