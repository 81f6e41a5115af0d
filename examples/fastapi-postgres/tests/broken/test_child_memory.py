"""A helper process is killed for memory, the test does not look at how it ended, and passes.

The exit code is 0 and the JUnit file is green: only the container's own count of kills tells.
"""

import subprocess
import sys
from pathlib import Path


def test_that_ignores_how_its_helper_ended():
    helper = subprocess.run([sys.executable, Path(__file__).with_name("memory.py")])
    print(f"the helper ended with {helper.returncode}", flush=True)
