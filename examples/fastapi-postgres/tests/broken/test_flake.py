"""Fails the first time, passes after that."""

import os


def test_steady():
    assert True


def test_that_needs_a_second_attempt():
    assert int(os.environ["KET_ATTEMPT"]) >= 2, "the first attempt fails"
