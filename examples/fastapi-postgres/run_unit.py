"""The unit tests with nothing but Python 3.11: no cluster, no installed package.

`python3 run_unit.py [NAME…]` runs tests/unit (or the named files in it) and writes JUnit
to reports/junit.xml. The exit code is 0 when at least one test ran and none failed.
"""

import re
import sys
import time
import unittest
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPORT = HERE / "reports" / "junit.xml"


def printable(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "\N{REPLACEMENT CHARACTER}", text)


class Result(unittest.TextTestResult):
    """Prints like unittest's own result and keeps one JUnit case per test."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.cases = []

    def startTest(self, test):
        super().startTest(test)
        self._started = time.perf_counter()
        self._findings = []

    def _find(self, kind, message, details=""):
        self._findings.append((kind, message, details))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._find("failure", f"{err[0].__name__}: {err[1]}", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        if hasattr(test, "_testMethodName"):
            self._find("error", f"{err[0].__name__}: {err[1]}", self.errors[-1][1])
        else:  # setUpClass or setUpModule: no test was started
            self._record(test.id(), 0.0, [("error", str(err[1]), self.errors[-1][1])])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            kind = "failure" if issubclass(err[0], test.failureException) else "error"
            kept = self.failures if kind == "failure" else self.errors
            self._find(kind, f"{subtest._subDescription()} {err[0].__name__}: {err[1]}", kept[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._find("skipped", reason)

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._find("failure", "expected to fail, but succeeded")

    def stopTest(self, test):
        super().stopTest(test)
        self._record(test.id(), time.perf_counter() - self._started, self._findings)

    def _record(self, name, seconds, findings):
        self.cases.append((*name.rsplit(".", 1), seconds, findings))


def junit(cases, started, seconds) -> ET.ElementTree:
    worst = [
        next((kind for kind in ("error", "failure", "skipped") if kind in [f[0] for f in case[3]]), "")
        for case in cases
    ]
    counts = {
        "tests": str(len(cases)),
        "failures": str(worst.count("failure")),
        "errors": str(worst.count("error")),
        "skipped": str(worst.count("skipped")),
        "time": f"{seconds:.3f}",
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", {"name": "unit", "timestamp": started.isoformat(), **counts})
    for (group, name, took, findings), kind in zip(cases, worst, strict=True):
        case = ET.SubElement(suite, "testcase", {"classname": group, "name": name, "time": f"{took:.3f}"})
        chosen = [finding for finding in findings if finding[0] == kind]
        if chosen:
            node = ET.SubElement(case, kind, {"message": printable(chosen[0][1])})
            node.text = printable("\n".join(finding[2] or finding[1] for finding in findings))
    ET.indent(root)
    return ET.ElementTree(root)


def main(names) -> int:
    sys.path[:0] = [str(HERE / "app"), str(HERE / "tests" / "unit")]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)  # never leave the report of an earlier run
    loader = unittest.TestLoader()
    if names:
        suite = loader.loadTestsFromNames([Path(name).stem for name in names])
    else:
        suite = loader.discover(str(HERE / "tests" / "unit"))
    started, clock = datetime.now(UTC), time.perf_counter()
    result = unittest.TextTestRunner(resultclass=Result, verbosity=2, stream=sys.stdout).run(suite)
    junit(result.cases, started, time.perf_counter() - clock).write(REPORT, encoding="utf-8", xml_declaration=True)
    if not result.cases:
        print("no test was found", file=sys.stderr)
        return 2
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
