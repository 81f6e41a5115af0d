"""The service under coverage.py: `python -m shop.measured`. For test runs only.

The same server as in production, plus: on SIGUSR1 all data so far is written to
COVERAGE_FILE, and the request found in REQUEST is copied to DONE. `shop.flush_coverage`
is the other end.
"""

import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path

import coverage

STATE = Path(tempfile.gettempdir())
PID = STATE / "shop-measured.pid"
REQUEST = STATE / "shop-measured.request"
DONE = STATE / "shop-measured.done"


def main() -> None:
    measured = coverage.Coverage()
    measured.start()
    asked = threading.Event()

    def save_when_asked() -> None:
        # In a thread, not in the signal handler: the main thread may hold coverage's lock.
        while True:
            asked.wait()
            asked.clear()
            request = REQUEST.read_text()
            measured.save()
            shutil.copyfile(REQUEST, partial := DONE.with_suffix(".part"))
            if partial.read_text() == request:  # else a newer request came: the next round answers it
                partial.replace(DONE)

    threading.Thread(target=save_when_asked, name="save-coverage", daemon=True).start()
    signal.signal(signal.SIGUSR1, lambda number, frame: asked.set())
    # uvicorn ends by raising the signal again that ended it; let that be an ordinary exit.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    PID.write_text(str(os.getpid()))

    import uvicorn  # now, so that the import of shop.main is measured too

    try:
        uvicorn.run("shop.main:app", host="0.0.0.0", port=int(os.environ.get("PORT", "8080")))
    finally:
        measured.stop()
        measured.save()


if __name__ == "__main__":
    main()
