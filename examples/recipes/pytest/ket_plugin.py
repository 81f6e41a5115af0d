"""pytest under ket: shards, retries of failed cases, a limit per test, services that are gone.

Beside the tests' own files: `pytest -p ket_plugin --junitxml="$KET_RESULTS/junit.xml"`. Outside ket it does nothing.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

KET_RUN = os.environ.get("KET_RUN", "/ket/bin/ket-run")
LIMIT_SECONDS = 300


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """With pytest-timeout no test takes longer than five minutes, unless a limit is set."""
    if config.pluginmanager.hasplugin("timeout") and "PYTEST_TIMEOUT" not in os.environ:
        if config.getoption("timeout") is None and not config.getini("timeout"):
            config.option.timeout = LIMIT_SECONDS


def case_name(item):
    """`classname.name` of a test, as pytest writes it into JUnit."""
    path, bracket, parameters = item.nodeid.partition("[")
    file, *names = path.split("::")
    module = re.sub(r"\.py$", "", file.replace("/", "."))
    prefix = item.config.getoption("junitprefix", None)
    return ".".join(filter(None, [prefix, module, *names])) + bracket + parameters


def to_retry(names):
    file = os.environ.get("KET_RETRY_CASES")
    if not file:
        return names
    wanted = set(Path(file).read_text().splitlines())
    again = [name for name in names if name in wanted]
    if not again:
        raise pytest.UsageError(f"none of the {len(wanted)} cases to be retried is here")
    return again


def of_this_shard(names):
    if os.environ.get("KET_SHARDS", "1") == "1":
        return names
    done = subprocess.run([KET_RUN, "share"], input="\n".join(names), capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise pytest.UsageError(done.stderr.strip())
    print(done.stderr.strip())
    return done.stdout.splitlines()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    by_item = [(item, case_name(item)) for item in items]
    mine = set(of_this_shard(to_retry([name for _, name in by_item])))
    left_out = [item for item, name in by_item if name not in mine]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item, name in by_item if name in mine]
    config.ket_has_none = not mine and bool(by_item)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """More shards than tests: that there is none for this one is no error, and ket-run has put it on record."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and getattr(session.config, "ket_has_none", False):
        session.exitstatus = pytest.ExitCode.OK


def pytest_runtest_setup(item):
    """A service that ket sees broken is a reason to skip, not to fail."""
    file = Path(os.environ.get("KET_UNAVAILABLE_FILE", ""))
    if file.is_file():
        gone = json.loads(file.read_text())["releases"]
        if gone:
            pytest.skip("; ".join(f"{release} is unavailable: {why}" for release, why in sorted(gone.items())))
