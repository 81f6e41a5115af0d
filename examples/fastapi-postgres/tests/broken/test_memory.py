"""The test process itself takes more memory than its container may have."""

import memory


def test_that_takes_too_much():
    memory.take()
