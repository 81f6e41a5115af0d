"""Never ends, and does not end when asked to."""

import signal
import time


def test_that_never_ends():
    signal.signal(signal.SIGTERM, lambda number, frame: print("asked to end; not yet", flush=True))
    for second in range(3600):
        print(f"still waiting after {second} s", flush=True)
        time.sleep(1)
