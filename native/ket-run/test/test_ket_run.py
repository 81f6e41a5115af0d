#!/usr/bin/env python3
"""Tests of the ket-run program as it is shipped (or of the one in KET_RUN).

    test_ket_run.py [-v] [Class[.test]]       the committed program for this machine
    KET_RUN=/path/to/other test_ket_run.py    another build, such as sanitize.sh makes

Only the standard library. What needs root is skipped, saying so, without it.
"""

import base64
import fcntl
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
DIST = HERE.parent.parent / "dist" / "ket-run"
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "amd64")
KET_RUN = os.environ.get("KET_RUN") or str(DIST / f"ket-run-{ARCH}")
SHIPPED = "KET_RUN" not in os.environ
ROOT = os.geteuid() == 0


def can_unshare():
    if not ROOT or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-mpf", "true"], capture_output=True).returncode == 0


CAN_UNSHARE = can_unshare()
needs_unshare = unittest.skipUnless(CAN_UNSHARE, "needs root and unshare (namespaces)")


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="ket-run-test-"))
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.state = self.dir / "state"
        self.results = self.dir / "results"
        self.state.mkdir()
        self.results.mkdir()

    def folders(self):
        return ["--state", str(self.state), "--results", str(self.results)]

    def wrap_args(self, *argv, limit=20000, grace=1000, extra=()):
        return [KET_RUN, "wrap", *self.folders(), "--nonce", "n-1", "--uid", "u-1", "--limit-ms", str(limit),
                "--grace-ms", str(grace), *extra, "--", *argv]

    def wrap(self, *argv, limit=20000, grace=1000, extra=(), **kw):
        kw.setdefault("capture_output", True)
        kw.setdefault("timeout", 60)
        return subprocess.run(self.wrap_args(*argv, limit=limit, grace=grace, extra=extra), **kw)

    def start(self, *argv, **kw):
        popen = {k: kw.pop(k) for k in ("stdout", "stderr", "stdin") if k in kw}
        popen.setdefault("stdout", subprocess.PIPE)
        p = subprocess.Popen(self.wrap_args(*argv, **kw), **popen)
        self.addCleanup(self.end, p)
        return p

    def start_into_small_pipe(self, *argv, **kw):
        """The smallest pipe there is, made before anything can be written to it."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, 1031, 4096)  # F_SETPIPE_SZ
        p = self.start(*argv, stdout=writer, **kw)
        os.close(writer)
        p.stdout = os.fdopen(reader, "rb")
        return p

    def end(self, p):
        if p.poll() is None:
            p.kill()
        p.wait()
        for stream in (p.stdout, p.stderr):
            if stream:
                stream.close()

    def record(self):
        return json.loads((self.state / "record.json").read_text())

    def console(self):
        return (self.state / "console.log").read_bytes()

    def run_(self, *argv, **kw):
        kw.setdefault("capture_output", True)
        return subprocess.run([KET_RUN, *argv], timeout=60, **kw)

    def manifest(self):
        r = self.run_("manifest", *self.folders())
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(r.stdout, (self.state / "manifest.ndjson").read_bytes())
        lines = r.stdout.splitlines(keepends=True)
        end = json.loads(lines[-1])
        self.assertTrue(end["end"])
        self.assertEqual(end["manifest_sha256"], hashlib.sha256(b"".join(lines[:-1])).hexdigest())
        entries = [json.loads(line) for line in lines[:-1]]
        files = [e for e in entries if e["type"] == "file"]
        self.assertEqual((end["files"], end["bytes"]), (len(files), sum(e["size"] for e in files)))
        self.sha = end["manifest_sha256"]
        return entries

    def stream(self, offset, length=None):
        more = [] if length is None else ["--length", str(length)]
        r = self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", str(offset), *more)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r.stdout

    def wait_for(self, what, seconds=10):
        end = time.monotonic() + seconds
        while not what():
            self.assertLess(time.monotonic(), end, "waited in vain")
            time.sleep(0.01)


def path_of(entry):
    return base64.b64decode(entry["path_b64"]) if "path_b64" in entry else entry["path"].encode()


class ExitCodes(Case):
    def test_every_exit_code(self):
        for code in range(256):
            r = self.wrap("/bin/sh", "-c", f"exit {code}")
            self.assertEqual(r.returncode, code)
            self.assertEqual((self.record()["exit_code"], self.record()["signal"]), (code, None))

    def test_death_by_signal(self):
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE, signal.SIGUSR1):
            r = self.wrap("/bin/sh", "-c", f"kill -{int(number)} $$")
            self.assertEqual(r.returncode, 128 + number)
            self.assertEqual((self.record()["exit_code"], self.record()["signal"]), (128 + number, number))

    def test_commands_that_cannot_run(self):
        script = self.dir / "script"
        script.write_text("#!/no/such/interpreter\n")
        script.chmod(0o755)
        plain = self.dir / "plain"
        plain.write_text("x")
        rubbish = self.dir / "rubbish"
        rubbish.write_bytes(b"\x01\x02\x03")
        rubbish.chmod(0o755)
        for argv0, code, text in (("no-such-command", 127, "PATH"), ("/no/such/file", 127, "No such file"),
                                  (str(script), 127, "interpreter"), (str(plain), 126, "Permission denied"),
                                  (str(rubbish), 126, "architecture"), ("/", 126, "Permission denied")):
            if argv0 == str(rubbish) and not SHIPPED:
                continue  # other C libraries than the shipped one hand it to a shell
            r = self.wrap(argv0)
            self.assertEqual(r.returncode, code, argv0)
            self.assertIn(text, r.stderr.decode())
            self.assertIn(text, self.record()["exec_error"])
            self.assertEqual(self.record()["exit_code"], code)

    def test_folder(self):
        r = self.wrap("/bin/pwd", extra=["--dir", str(self.results)])
        self.assertEqual(r.stdout.decode().strip(), str(self.results))
        r = self.wrap("/bin/pwd", extra=["--dir", "/no/such/folder"])
        self.assertEqual(r.returncode, 126)
        self.assertIn("cannot enter", self.record()["exec_error"])

    def test_path_search_and_arguments_unchanged(self):
        r = self.wrap("printf", "%s|", "a b", "", "--", "é\n")
        self.assertEqual(r.stdout.decode(), "a b||--|é\n|")

    def test_own_mistakes_are_125_and_leave_no_record(self):
        for args in (["--state", str(self.state)], self.wrap_args()[2:],
                     [a if a != str(self.state) else "/no/such" for a in self.wrap_args("true")[2:]]):
            r = self.run_("wrap", *args)
            self.assertEqual(r.returncode, 125)
            self.assertTrue(r.stderr)
        self.assertFalse((self.state / "record.json").exists())

    def test_usage_errors_are_2(self):
        for args in ([], ["nothing"], ["manifest"], ["ack", "--state", "x", "--manifest", "short"],
                     ["stream", *self.folders(), "--manifest", "0" * 64, "--offset", "-1"],
                     ["keep", "--state", "x", "--until", "9223372036854775808"],
                     ["keep", "--state", "x", "--state", "y", "--until", "1"], ["version", "x"]):
            self.assertEqual(self.run_(*args).returncode, 2, args)
        self.assertEqual(self.run_("version").stdout, b"ket-run 1\n")


class Record(Case):
    def test_fields(self):
        before = time.time() * 1000
        self.wrap("/bin/sh", "-c", "sleep 0.3; echo out; echo error >&2")
        r = self.record()
        self.assertEqual(set(r), {
            "v", "nonce", "uid", "argv0", "started_ms", "ended_ms", "duration_ms", "exit_code", "signal", "timed_out",
            "running", "term_received", "exec_error", "oom_kills", "memory_peak_bytes", "cpu_usec", "cgroup", "stdout_bytes",
            "stderr_bytes", "console_bytes", "console_error", "stdout_error", "stderr_error", "usage_error"})
        self.assertEqual((r["v"], r["nonce"], r["uid"], r["argv0"]), (1, "n-1", "u-1", "/bin/sh"))
        self.assertEqual((r["stdout_bytes"], r["stderr_bytes"], r["console_bytes"]), (4, 6, 10))
        self.assertTrue(before - 1000 <= r["started_ms"] <= r["ended_ms"] <= time.time() * 1000 + 1000)
        self.assertTrue(300 <= r["duration_ms"] < 3000)
        self.assertFalse(r["timed_out"])
        for key in ("term_received", "exec_error", "console_error", "stdout_error", "stderr_error", "usage_error"):
            self.assertIsNone(r[key])

    def test_started_first_and_record_by_rename(self):
        fifo = self.dir / "go"
        os.mkfifo(fifo)
        (self.state / "record.json").write_text("old")
        old = os.stat(self.state / "record.json").st_ino
        self.start("/bin/sh", "-c", f"read x < {fifo}")
        self.wait_for((self.state / "started.json").exists)
        started = json.loads((self.state / "started.json").read_text())
        self.assertEqual((started["v"], started["nonce"], started["uid"]), (1, "n-1", "u-1"))
        self.assertEqual((self.state / "record.json").read_text(), "old")
        fifo.write_text("x\n")
        self.wait_for(lambda: (self.state / "record.json").read_text() != "old")
        self.assertEqual(self.record()["exit_code"], 0)
        self.assertNotEqual(os.stat(self.state / "record.json").st_ino, old)
        self.assertEqual([f for f in os.listdir(self.state) if f.startswith(".")], [])

    def test_odd_texts_make_valid_json(self):
        name = self.dir / 'q"u\\o\nte'
        os.symlink("/bin/true", name)
        self.wrap(str(name))
        self.assertEqual(self.record()["argv0"], str(name))
        self.wrap(b"/no/\xff")
        self.assertEqual(self.record()["argv0"], "/no/\ufffd")


class Counters(Case):
    def group(self, files):
        root = self.dir / "cgroup"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return root

    def test_version_2(self):
        g = self.group({"cgroup.controllers": "cpu memory\n", "memory.current": "1000\n", "memory.peak": "5000\n",
                        "memory.events": "low 0\noom 1\noom_kill 3\noom_group_kill 9\n",
                        "cpu.stat": "usage_usec 100\nuser_usec 7\n"})
        script = f"printf 'oom 2\\noom_kill 5\\n' > {g}/memory.events; echo usage_usec 350 > {g}/cpu.stat; echo 9000 > {g}/memory.peak"
        self.wrap("/bin/sh", "-c", script, extra=["--cgroup-root", str(g)])
        r = self.record()
        self.assertEqual((r["cgroup"], r["oom_kills"], r["cpu_usec"], r["memory_peak_bytes"]), (2, 2, 250, 9000))

    def test_version_2_without_peak_keeps_its_own(self):
        g = self.group({"cgroup.controllers": "", "memory.current": "1000\n"})
        script = f"echo 70000 > {g}/memory.current; sleep 1.3; echo 10 > {g}/memory.current"
        self.wrap("/bin/sh", "-c", script, extra=["--cgroup-root", str(g)])
        r = self.record()
        self.assertEqual((r["memory_peak_bytes"], r["oom_kills"], r["cpu_usec"]), (70000, None, None))
        lines = [json.loads(line) for line in (self.state / "usage.ndjson").read_text().splitlines()]
        self.assertEqual([line["memory_bytes"] for line in lines], [70000, 10])
        self.assertTrue(950 <= lines[0]["ms"] <= 1300)

    def test_version_1(self):
        g = self.group({"memory/memory.usage_in_bytes": "1\n", "memory/memory.max_usage_in_bytes": "77\n",
                        "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
                        "cpu,cpuacct/cpuacct.usage": "1000000\n"})
        script = f"echo 'oom_kill 2' > {g}/memory/memory.oom_control; echo 5000000 > {g}/cpu,cpuacct/cpuacct.usage"
        self.wrap("/bin/sh", "-c", script, extra=["--cgroup-root", str(g)])
        r = self.record()
        self.assertEqual((r["cgroup"], r["oom_kills"], r["cpu_usec"], r["memory_peak_bytes"]), (1, 1, 4000, 77))

    def test_none_and_rubbish(self):
        self.wrap("true", extra=["--cgroup-root", "/no/such"])
        self.assertEqual((self.record()["cgroup"], self.record()["memory_peak_bytes"]), (0, None))
        g = self.group({"cgroup.controllers": "", "memory.current": "max\n", "memory.peak": "9" * 60,
                        "memory.events": "oom_kill", "cpu.stat": "\0\0"})
        self.wrap("true", extra=["--cgroup-root", str(g)])
        r = self.record()
        self.assertEqual((r["cgroup"], r["oom_kills"], r["cpu_usec"], r["memory_peak_bytes"]), (2, None, None, None))

    @unittest.skipUnless(shutil.which("gcc"), "needs gcc")
    def test_lines_grow_rarer(self):
        g = self.group({"cgroup.controllers": "", "memory.current": "1\n"})
        sources = [str(HERE / "src" / f) for f in ("usage.c", "cgroup.c", "json_write.c", "utf8.c", "base.c")]
        program = str(self.dir / "usage_test")
        subprocess.run(["gcc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-I", str(HERE / "src"), "-o", program,
                        str(HERE / "test" / "usage_test.c"), *sources], check=True)
        r = subprocess.run([program, str(self.state), str(g)], capture_output=True, text=True)
        # 10,000 seconds each, then every 2nd, every 4th: 10,000 + 20,000 + 40,000 = 70,000.
        self.assertEqual(r.stdout.split(), ["30000", "every", "8"])
        self.assertLess(abs((self.state / "usage.ndjson").read_text().count("\n") - 30000), 3)


class Output(Case):
    def test_200_megabytes_identical(self):
        size = 200 << 20
        script = f"import sys\nb=bytes(range(256))*256\nfor i in range({size >> 16}): sys.stdout.buffer.write(b)"
        p = self.start(sys.executable, "-c", script, limit=120000)
        mine, total = hashlib.sha256(), 0
        while True:
            data = p.stdout.read(1 << 20)
            if not data:
                break
            mine.update(data)
            total += len(data)
        self.assertEqual((p.wait(60), total), (0, size))
        with open(self.state / "console.log", "rb") as f:
            theirs = hashlib.file_digest(f, "sha256") if hasattr(hashlib, "file_digest") else hashlib.sha256(f.read())
        self.assertEqual(mine.hexdigest(), theirs.hexdigest())
        self.assertEqual(mine.hexdigest(), hashlib.sha256(bytes(range(256)) * (size >> 8)).hexdigest())
        self.assertEqual((self.record()["stdout_bytes"], self.record()["console_bytes"]), (size, size))

    def test_streams_stay_apart_and_order_is_kept_in_each(self):
        r = self.wrap("/bin/sh", "-c", "for i in 1 2 3; do echo o$i; echo e$i >&2; done")
        self.assertEqual((r.stdout, r.stderr), (b"o1\no2\no3\n", b"e1\ne2\ne3\n"))
        self.assertEqual(sorted(self.console().split()), sorted((r.stdout + r.stderr).split()))

    def test_comes_at_once(self):
        p = self.start("/bin/sh", "-c", "printf now; sleep 3")
        t = time.monotonic()
        self.assertEqual(p.stdout.read(3), b"now")
        self.assertLess(time.monotonic() - t, 1)
        self.wait_for(lambda: self.console() == b"now", 1)

    def test_slow_reader_loses_nothing(self):
        data = b"0123456789abcdef" * 20000
        (self.results / "data").write_bytes(data)
        p = self.start_into_small_pipe("/bin/cat", str(self.results / "data"))
        time.sleep(3)  # longer than anything ket-run waits for after the end, but a stall
        got = b""
        while len(got) < len(data):
            part = os.read(p.stdout.fileno(), 30000)
            if not part:
                break
            got += part
            time.sleep(0.01)
        self.assertEqual(got, data)
        self.assertEqual(p.wait(10), 0)
        self.assertEqual(self.console(), data)
        self.assertIsNone(self.record()["stdout_error"])

    def test_slow_reader_after_the_end_loses_nothing(self):
        # Little enough for the command to end while nobody reads.
        p = self.start_into_small_pipe("head", "-c", "60000", "/dev/zero")
        time.sleep(3)
        self.assertEqual(len(p.stdout.read()), 60000)
        self.assertEqual(p.wait(10), 0)
        self.assertLess(self.record()["duration_ms"], 1500)

    def test_reader_that_takes_nothing_holds_neither_limit_nor_end(self):
        t = time.monotonic()
        p = self.start("/bin/sh", "-c", "yes & exec yes >&2", limit=500, grace=300, stderr=subprocess.PIPE)
        self.assertEqual(p.wait(30), 128 + 15)
        self.assertLess(time.monotonic() - t, 14)
        r = self.record()
        self.assertTrue(r["timed_out"])
        self.assertLess(r["duration_ms"], 2000)
        self.assertTrue(r["stdout_error"])
        self.assertTrue(r["stderr_error"])

    def test_reader_gone(self):
        p = self.start(sys.executable, "-c", "print('x' * 1000000)")
        p.stdout.close()
        p.stdout = None
        self.assertEqual(p.wait(20), 0)
        self.assertEqual(len(self.console()), 1000001)
        self.assertEqual(self.record()["stdout_error"], "Broken pipe")

    def test_closed_standard_descriptors(self):
        args = " ".join(self.wrap_args("/bin/sh", "-c", "'cat; echo x; exit 5'"))
        for closed in ("<&-", ">&-", "<&- >&- 2>&-"):
            (self.state / "console.log").unlink(missing_ok=True)
            r = subprocess.run(["/bin/sh", "-c", f"{args} {closed}"], capture_output=True, timeout=20)
            self.assertEqual(r.returncode, 5, (closed, r.stderr))
            self.assertEqual(self.console(), b"x\n", closed)
            self.assertEqual(self.record()["stdout_error"] is not None, ">" in closed, closed)

    def test_stdin_passes_through(self):
        self.assertEqual(self.wrap("/bin/cat", input=b"given").stdout, b"given")

    def test_one_pipe_for_both(self):
        r = self.wrap("/bin/sh", "-c", "yes o | head -c 300000; yes e | head -c 300000 >&2", stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, capture_output=False)
        self.assertEqual((r.stdout.count(b"o"), r.stdout.count(b"e")), (150000, 150000))

    @needs_unshare
    def test_full_volume(self):
        for i in range(300):  # a manifest that needs more than what the record gives back
            (self.results / f"{i}").write_bytes(b"")
        folders = " ".join(self.folders())
        script = ('mount -t tmpfs -o size=3m none "$1" && shift && "$@" >/dev/null; code=$?;'
                  f'{KET_RUN} manifest {folders} >/dev/null && {KET_RUN} ack --state {self.state} --manifest {"0" * 64} || exit 1;'
                  f'cp -r {self.state} {self.dir}/copy; exit $code')
        args = self.wrap_args("/bin/sh", "-c", "yes | head -c 8000000; exit 9")
        r = subprocess.run(["unshare", "-m", "/bin/sh", "-c", script, "sh", str(self.state), *args],
                           capture_output=True, timeout=30)
        self.assertEqual(r.returncode, 9, r.stderr)
        record = json.loads((self.dir / "copy" / "record.json").read_text())
        self.assertEqual((record["stdout_bytes"], record["console_error"]), (8000000, "No space left on device"))
        self.assertEqual(record["console_bytes"], (self.dir / "copy" / "console.log").stat().st_size)
        self.assertLess(record["console_bytes"], 3 << 20)
        self.assertTrue((self.dir / "copy" / "manifest.ndjson").exists())

    def test_console_that_cannot_be_opened(self):
        (self.state / "console.log").mkdir()
        self.assertEqual(self.wrap("/bin/sh", "-c", "echo x; exit 3").returncode, 3)
        self.assertEqual(self.record()["console_error"], "Is a directory")


class Processes(Case):
    def test_grandchild_that_keeps_the_pipe(self):
        t = time.monotonic()
        r = self.wrap("/bin/sh", "-c", "sleep 1000 & echo $!; exit 4")
        self.assertEqual(r.returncode, 4)
        self.assertLess(time.monotonic() - t, 2)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(r.stdout), 0)

    def test_grandchild_that_ignores_term_is_killed(self):
        t = time.monotonic()
        r = self.wrap("/bin/sh", "-c", "(trap '' TERM; while :; do sleep 0.05; done) & echo $!; exit 4", grace=500)
        self.assertEqual(r.returncode, 4)
        self.assertTrue(0.5 < time.monotonic() - t < 3)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(r.stdout), 0)

    def test_grandchild_outside_the_group_that_goes_on_writing(self):
        t = time.monotonic()
        r = self.wrap("/bin/sh", "-c", "setsid sh -c 'i=0; while [ $i -lt 80 ]; do echo y; sleep 0.05; i=$((i+1)); done' & exit 4")
        self.assertEqual(r.returncode, 4)
        self.assertTrue(1.5 < time.monotonic() - t < 3.5)

    def test_last_words_of_what_is_left_are_kept(self):
        r = self.wrap("/bin/sh", "-c", "(trap 'echo bye; exit' TERM; while :; do sleep 0.02; done) & sleep 0.2; exit 0")
        self.assertEqual((r.returncode, r.stdout), (0, b"bye\n"))

    def test_last_words_wait_for_a_slow_reader(self):
        script = ("import os,signal,time\ndef bye(*a):\n os.write(1, b'b' * 60000)\n os._exit(0)\nsignal.signal(15, bye)\n"
                  "if os.fork(): time.sleep(0.3); os._exit(0)\ntime.sleep(20)")
        p = self.start_into_small_pipe(sys.executable, "-c", script)
        time.sleep(2)
        self.assertEqual(len(p.stdout.read()), 60000)
        self.assertEqual(p.wait(10), 0)

    def test_term_and_others_are_passed_on(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2):
            script = f"import signal,sys,time\nsignal.signal({int(number)}, lambda *a: sys.exit(33))\nprint('on', flush=True)\ntime.sleep(20)"
            p = self.start(sys.executable, "-c", script)
            self.assertEqual(p.stdout.read(3), b"on\n")
            p.send_signal(number)
            self.assertEqual(p.wait(10), 33)
            user = number in (signal.SIGUSR1, signal.SIGUSR2)
            self.assertEqual(self.record()["term_received"], None if user else int(number))
            self.assertFalse(self.record()["timed_out"])

    def test_term_reaches_the_whole_group(self):
        p = self.start("/bin/sh", "-c", "sleep 100; echo after")
        self.wait_for((self.state / "started.json").exists)
        time.sleep(0.2)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(10), 143)
        self.assertEqual((self.record()["signal"], self.record()["term_received"]), (15, 15))

    def test_outside_term_that_is_ignored_ends_in_kill_and_a_record(self):
        p = self.start("/bin/sh", "-c", "trap '' TERM; echo on; while :; do sleep 0.05; done", grace=400)
        self.assertEqual(p.stdout.read(3), b"on\n")
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(10), 137)
        self.assertEqual((self.record()["term_received"], self.record()["timed_out"]), (15, False))

    def test_limit(self):
        t = time.monotonic()
        r = self.wrap("sleep", "100", limit=400)
        self.assertEqual(r.returncode, 143)
        self.assertTrue(0.4 <= time.monotonic() - t < 2)
        self.assertEqual((self.record()["timed_out"], self.record()["signal"]), (True, 15))
        self.assertEqual(self.record()["running"], "sleep 100")
        self.assertIsNone(self.record()["term_received"])

    def test_limit_then_kill(self):
        r = self.wrap("/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", limit=300, grace=500)
        self.assertEqual(r.returncode, 137)
        self.assertEqual((self.record()["timed_out"], self.record()["signal"]), (True, 9))
        self.assertTrue(800 <= self.record()["duration_ms"] < 2500)

    def test_limit_with_an_orderly_end_keeps_the_code_but_says_so(self):
        r = self.wrap(sys.executable, "-c", "import signal,sys,time\nsignal.signal(15, lambda *a: sys.exit(0))\ntime.sleep(9)",
                      limit=800, grace=5000)
        self.assertEqual((r.returncode, self.record()["timed_out"]), (0, True))

    def test_command_gets_a_clean_signal_state(self):
        # Not through a shell, which would clear them itself.
        r = self.wrap("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status", preexec_fn=lambda: signal.signal(13, 0))
        self.assertEqual([int(line.split()[1], 16) & 0x7fffffff for line in r.stdout.splitlines()], [0, 0])

    def test_no_descriptor_leaks_into_the_command(self):
        r = self.wrap("/bin/sh", "-c", "ls /proc/self/fd")
        self.assertEqual(r.stdout.split(), [b"0", b"1", b"2", b"3"])  # 3: the listing itself

    @needs_unshare
    def test_as_process_1(self):
        def inside(script, **kw):
            return subprocess.run(["unshare", "-mpf", "--mount-proc", "--kill-child", *self.wrap_args("/bin/sh", "-c", script, **kw)],
                                  capture_output=True, timeout=30)
        # Orphans are reaped: the second look finds no zombie.
        r = inside("(setsid sleep 0.1 & exit); sleep 0.5; cat /proc/1/comm; cat /proc/[0-9]*/stat | grep -c ' Z '")
        self.assertEqual(r.stdout.split(), [b"ket-run-amd64"[:15] if SHIPPED else Path(KET_RUN).name.encode()[:15], b"0"])
        self.assertEqual(r.returncode, 1)
        # A signal that the command sends to process 1 is passed on to it.
        r = inside("trap 'exit 44' TERM; kill -TERM 1; while :; do sleep 0.02; done")
        self.assertEqual((r.returncode, self.record()["term_received"]), (44, 15))
        self.assertEqual(inside("sleep 60", limit=300).returncode, 143)

    @needs_unshare
    def test_empty_root_read_only(self):
        """As in a scratch image: nothing but the program and the volumes."""
        root = self.dir / "root"
        for d in ("ket", "results", "state"):
            (root / d).mkdir(parents=True)
        shutil.copy(KET_RUN, root / "ket" / "ket-run")
        if not SHIPPED:
            self.skipTest("only the static program runs in an empty root")
        script = ('mount --bind "$0" "$0" && mount -t tmpfs none "$0/results" && mount -t tmpfs none "$0/state" && '
                  'mount -o remount,ro,bind "$0" && chmod 777 "$0/state" && '
                  'chroot --userspec=65532:65532 "$0" /ket/ket-run wrap --state /state --results /results --nonce a --uid b '
                  '--limit-ms 5000 --grace-ms 100 -- /ket/ket-run version && cat "$0/state/record.json" && '
                  'chroot --userspec=65532:65532 "$0" /ket/ket-run manifest --state /state --results /results | tail -1')
        r = subprocess.run(["unshare", "-mpf", "/bin/sh", "-c", script, str(root)], capture_output=True, timeout=20)
        lines = r.stdout.splitlines()
        self.assertEqual((r.returncode, lines[0]), (0, b"ket-run 1"), r.stderr)
        self.assertEqual(json.loads(lines[1])["exit_code"], 0)
        self.assertTrue(json.loads(lines[2])["end"])


ODD_NAMES = [b"new\nline", b'quo"te', b"back\\slash", b"\xff\xfe", b"\xc3\xa9", b"x" * 255, b"\x01\x7f", b" ", b"-dash",
             b"\xed\xa0\x80", b"tab\t", b"\xf0\x9f\x98\x80", b"..."]


class Manifest(Case):
    def fill(self):
        (self.results / "a").write_bytes(b"hello\n")
        (self.results / "d" / "e").mkdir(parents=True)
        (self.results / "d" / "e" / "f").write_bytes(b"f" * 100000)
        (self.results / "empty").write_bytes(b"")
        (self.state / "console.log").write_bytes(b"log\n")

    def test_entries(self):
        self.fill()
        os.utime(self.results / "a", ns=(0, 1234567890123456789))
        os.chmod(self.results / "a", 0o640)
        entries = self.manifest()
        self.assertEqual([(e["root"], e["path"]) for e in entries],
                         [("results", "a"), ("results", "d/e/f"), ("results", "empty"), ("state", "console.log")])
        self.assertEqual(entries[0], {"root": "results", "path": "a", "size": 6, "mtime_ms": 1234567890123, "mode": "0640",
                                      "sha256": hashlib.sha256(b"hello\n").hexdigest(), "type": "file"})

    def test_hash_at_every_block_boundary(self):
        for n in [*range(0, 130), 65535, 65536, 65537, 131072]:
            (self.results / f"{n}").write_bytes(bytes(i * 7 & 255 for i in range(n)))
        for e in self.manifest():
            data = bytes(i * 7 & 255 for i in range(int(e["path"])))
            self.assertEqual((e["size"], e["sha256"]), (len(data), hashlib.sha256(data).hexdigest()))

    def test_same_for_unchanged_files_and_other_for_changed(self):
        self.fill()
        self.manifest()
        first = self.sha
        self.run_("ack", "--state", str(self.state), "--manifest", first)
        self.run_("keep", "--state", str(self.state), "--until", "1")
        self.manifest()
        self.assertEqual(self.sha, first)
        (self.results / "a").write_bytes(b"Hello\n")
        self.manifest()
        self.assertNotEqual(self.sha, first)

    def test_order_is_by_bytes_whatever_the_folder_says(self):
        for name in (b"b", b"a/z", b"a.b", b"a-", b"B", b"\xff", b"\xc3\xa9"):
            path = os.fsencode(self.results) + b"/" + name
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(os.fsdecode(path)).write_bytes(b"")
        paths = [path_of(e) for e in self.manifest()]
        self.assertEqual(paths, sorted(paths))
        self.assertEqual(len(paths), 7)

    def test_odd_names(self):
        for name in ODD_NAMES:
            with open(os.fsencode(self.results) + b"/" + name, "wb") as f:
                f.write(name)
        entries = self.manifest()
        self.assertEqual(sorted(map(path_of, entries)), sorted(ODD_NAMES))
        self.assertEqual(sum("path_b64" in e for e in entries), 2)
        self.assertEqual(self.stream(0), b"".join(sorted(ODD_NAMES)))

    def test_what_is_not_a_file(self):
        os.symlink("/etc/passwd", self.results / "link")
        os.symlink(b"\xff", os.fsencode(self.results) + b"/odd")
        os.symlink("/etc", self.results / "folder")
        os.symlink("loop", self.results / "loop")
        os.mkfifo(self.results / "fifo")
        import socket
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.bind(str(self.results / "socket"))
        t = time.monotonic()
        entries = {e["path"]: e for e in self.manifest()}
        self.assertLess(time.monotonic() - t, 5)
        self.assertEqual({p: e["type"] for p, e in entries.items()}, {
            "link": "symlink", "odd": "symlink", "folder": "symlink", "loop": "symlink", "fifo": "other", "socket": "other"})
        self.assertEqual(entries["link"]["target"], "/etc/passwd")
        self.assertEqual(base64.b64decode(entries["odd"]["target_b64"]), b"\xff")

    def test_deep_folders_end_in_an_error_not_in_a_crash(self):
        fd = os.open(self.results, os.O_RDONLY)
        for _ in range(30):
            os.mkdir("n" * 200, dir_fd=fd)
            next_fd = os.open("n" * 200, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = next_fd
        os.close(fd)
        entries = self.manifest()
        self.assertEqual([e["type"] for e in entries], ["error"])
        self.assertIn("too long", entries[0]["error"])
        subprocess.run(["rm", "-rf", str(self.results)], check=True)

    def test_missing_results_folder_is_told(self):
        self.results.rmdir()
        self.assertEqual(self.manifest(), [{"root": "results", "path": "", "error": "No such file or directory", "type": "error"}])

    @needs_unshare
    def test_unreadable_is_told(self):
        self.fill()
        os.chmod(self.results / "a", 0)
        os.chmod(self.results / "d", 0)
        for d in (self.dir, self.state):
            os.chmod(d, 0o777)
        program = shutil.copy(KET_RUN, self.dir / "ket-run")
        r = subprocess.run([program, "manifest", *self.folders()], capture_output=True, user=65532, group=65532)
        self.assertEqual(r.returncode, 0, r.stderr)
        entries = [json.loads(line) for line in r.stdout.splitlines()[:-1]]
        self.assertEqual([(e["path"], e.get("error")) for e in entries[:3]],
                         [("a", "Permission denied"), ("d", "Permission denied"), ("empty", None)])

    def test_20000_files(self):
        for i in range(20000):
            d = self.results / f"d{i % 40}"
            if i < 40:
                d.mkdir()
            (d / f"file-{i}").write_bytes(b"%d" % i)
        t = time.monotonic()
        entries = self.manifest()
        self.assertEqual(len(entries), 20000)
        expected = b"".join((self.results / e["path"]).read_bytes() for e in entries)
        self.assertEqual(self.stream(0), expected)
        self.assertEqual(self.stream(len(expected) - 10), expected[-10:])
        self.assertLess(time.monotonic() - t, 20)

    def test_files_that_vanish_and_grow_meanwhile(self):
        stop = threading.Event()

        def churn():
            i = 0
            while not stop.is_set():
                i += 1
                d = self.results / f"d{i % 5}"
                d.mkdir(exist_ok=True)
                (d / "x").write_bytes(b"y" * i)
                shutil.rmtree(self.results / f"d{(i + 2) % 5}", ignore_errors=True)
                with open(self.results / "grow", "ab") as f:
                    f.write(b"z" * 100000)
                    if f.tell() > 20 << 20:
                        f.truncate(0)

        t = threading.Thread(target=churn)
        t.start()
        try:
            for _ in range(30):
                for e in self.manifest():
                    self.assertEqual(e["type"], "file", e)
        finally:
            stop.set()
            t.join()

    def test_stdout_that_fails(self):
        self.fill()
        with open("/dev/full", "wb") as full:
            r = subprocess.run([KET_RUN, "manifest", *self.folders()], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual((r.returncode, b"No space left" in r.stderr), (1, True))
        self.manifest()
        for args in (["stream", *self.folders(), "--manifest", self.sha, "--offset", "0"],
                     ["cat", *self.folders(), "--root", "results", "--path", "a", "--offset", "0"], ["version"]):
            with open("/dev/full", "wb") as full:
                r = subprocess.run([KET_RUN, *args], stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(r.returncode, 1, args)
            r = subprocess.run(["/bin/sh", "-c", '"$@" >&-', "sh", KET_RUN, *args], stderr=subprocess.PIPE)
            self.assertEqual(r.returncode, 1, args)

    def test_stdout_reader_that_leaves(self):
        (self.results / "big").write_bytes(bytes(4 << 20))
        self.manifest()
        p = subprocess.Popen([KET_RUN, "stream", *self.folders(), "--manifest", self.sha, "--offset", "0"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.read(10)
        p.stdout.close()
        self.assertIn(b"Broken pipe", p.stderr.read())
        p.stderr.close()
        self.assertEqual(p.wait(10), 1)


class Caps(Case):
    def capped(self, **caps):
        options = [word for name, value in caps.items() for word in (f"--most-{name.replace('_', '-')}", str(value))]
        r = self.run_("manifest", *self.folders(), *options)
        self.assertEqual(r.returncode, 0, r.stderr)
        entries = [json.loads(line) for line in r.stdout.splitlines()[:-1]]
        self.sha = json.loads(r.stdout.splitlines()[-1])["manifest_sha256"]
        taken = [e["path"] for e in entries if e["type"] == "file"]
        return taken, {e["path"]: e["error"] for e in entries if e["type"] == "error"}

    def test_what_is_over_a_cap_is_left_out_and_named(self):
        for name, size in (("a", 10), ("b", 100), ("c", 10), ("d", 10)):
            (self.results / name).write_bytes(b"x" * size)
        self.assertEqual(self.capped(file_bytes=100, bytes=130, files=4), (["a", "b", "c", "d"], {}))
        one = "left out: over the cap of one file"
        self.assertEqual(self.capped(file_bytes=99), (["a", "c", "d"], {"b": one, "": "1 files left out over the caps"}))
        many = "left out: over the cap of the number of files"
        self.assertEqual(self.capped(files=2), (["a", "b"], {"c": many, "d": many, "": "2 files left out over the caps"}))
        whole = "left out: over the cap of all files together"
        # What fits behind it is still taken.
        self.assertEqual(self.capped(bytes=30), (["a", "c", "d"], {"b": whole, "": "1 files left out over the caps"}))
        self.assertEqual(self.stream(0), b"x" * 30)

    def test_many_are_counted_and_not_all_named(self):
        for i in range(50):
            (self.results / f"{i:02}").write_bytes(b"x")
        taken, errors = self.capped(files=5)
        self.assertEqual((len(taken), len(errors), errors[""]), (5, 21, "45 files left out over the caps"))

    def test_the_record_has_no_cap(self):
        self.wrap("/bin/echo", "said")
        (self.results / "a").write_bytes(b"x")
        taken, errors = self.capped(file_bytes=0, bytes=0, files=0)
        self.assertEqual(set(errors), {"", "a"})
        self.assertIn("record.json", taken)
        self.assertIn("console.log", taken)

    def test_a_huge_file_is_not_read(self):
        with open(self.results / "huge", "wb") as f:
            f.truncate(1 << 42)
        began = time.monotonic()
        self.assertEqual(self.capped(file_bytes=1 << 31)[0], [])
        self.assertLess(time.monotonic() - began, 5)


class Tell(Case):
    def tell(self, text):
        return self.run_("tell", "--state", str(self.state), "--unavailable", text)

    def test_the_file_is_replaced_whole_and_is_no_result(self):
        self.assertEqual(self.tell('{"releases":{"shop":"gone"}}').returncode, 0)
        self.assertEqual(json.loads((self.state / "unavailable.json").read_text()), {"releases": {"shop": "gone"}})
        self.assertEqual((self.state / "unavailable.json").stat().st_mode & 0o444, 0o444)
        self.assertEqual(self.tell('{"releases":{}}').returncode, 0)
        self.assertEqual((self.state / "unavailable.json").read_text(), '{"releases":{}}')
        self.assertEqual([e["path"] for e in self.manifest()], [])

    def test_wrong_arguments_and_no_folder(self):
        self.assertEqual(self.run_("tell", "--state", str(self.state)).returncode, 2)
        self.assertEqual(self.run_("tell", "--state", "/no/such", "--unavailable", "{}").returncode, 1)


class Stream(Case):
    def setUp(self):
        super().setUp()
        self.parts = [b"", b"a", b"bb" * 100, b"c" * 65536, b"", b"d" * 300001, b"e"]
        for i, part in enumerate(self.parts):
            (self.results / f"{i}").write_bytes(part)
        (self.state / "console.log").write_bytes(b"log")
        self.whole = b"".join(self.parts) + b"log"
        self.manifest()

    def test_every_class_of_offset(self):
        edges, at = {0}, 0
        for part in [*self.parts, b"log"]:
            at += len(part)
            edges |= {max(0, at - 1), at, min(at + 1, len(self.whole))}
        for offset in sorted(edges):
            self.assertEqual(self.stream(offset), self.whole[offset:])
            for length in (0, 1, 2, 70000):
                self.assertEqual(self.stream(offset, length), self.whole[offset:offset + length])
        self.assertEqual(self.stream(5, 2**63 - 1), self.whole[5:])

    def test_resume_in_pieces(self):
        got = b""
        while len(got) < len(self.whole):
            got += self.stream(len(got), 77777)
        self.assertEqual(got, self.whole)

    def test_offset_behind_the_end(self):
        r = self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", str(len(self.whole) + 1))
        self.assertEqual((r.returncode, r.stdout), (2, b""))

    def test_another_manifest_is_refused(self):
        for sha in ("0" * 64, self.sha[:-1] + ("0" if self.sha[-1] != "0" else "1")):
            r = self.run_("stream", *self.folders(), "--manifest", sha, "--offset", "0")
            self.assertEqual((r.returncode, r.stdout), (4, b""))
            self.assertIn(b"is not", r.stderr)
        (self.results / "new").write_bytes(b"")
        old = self.sha
        self.manifest()
        r = self.run_("stream", *self.folders(), "--manifest", old, "--offset", "0")
        self.assertEqual(r.returncode, 4)

    def test_damaged_or_missing_manifest_is_refused(self):
        saved = self.state / "manifest.ndjson"
        good = saved.read_bytes()
        for bad in (good.replace(b'"size":1,', b'"size":2,'), good[:-1], good[:300], b"", b"\n", good + b"x", good + good):
            saved.write_bytes(bad)
            r = self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", "0")
            self.assertEqual((r.returncode, r.stdout), (4, b""), bad[-100:])
        saved.unlink()
        self.assertEqual(self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", "0").returncode, 4)
        os.mkfifo(saved)
        self.assertEqual(self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", "0").returncode, 4)

    def test_changed_files_keep_the_offsets(self):
        (self.results / "3").write_bytes(b"short")
        (self.results / "2").unlink()
        (self.results / "5").write_bytes(b"d" * 400000)
        expected = b"a" + bytes(200) + b"short" + bytes(65531) + b"d" * 300001 + b"e" + b"log"
        self.assertEqual(self.stream(0), expected)
        self.assertEqual(self.stream(150, 1000), expected[150:1150])
        r = self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", "0")
        self.assertIn(b"2 files are shorter", r.stderr)

    def test_swapped_for_a_link_stays_inside(self):
        secret = self.dir / "secret"
        secret.mkdir()
        (secret / "s").write_bytes(b"SECRET")
        (self.results / "z").mkdir()
        (self.results / "z" / "s").write_bytes(b"public")
        self.manifest()
        self.assertIn(b"public", self.stream(0))
        os.remove(self.results / "z" / "s")
        os.symlink(secret / "s", self.results / "z" / "s")
        self.assertNotIn(b"SECRET", self.stream(0))
        shutil.rmtree(self.results / "z")
        os.symlink(secret, self.results / "z")
        data = self.stream(0)
        self.assertNotIn(b"SECRET", data)
        self.assertIn(bytes(6) + b"log", data)
        os.remove(self.results / "z")
        (self.results / "z").mkdir()
        os.mkfifo(self.results / "z" / "s")
        self.assertNotIn(b"SECRET", self.stream(0))

    def test_forged_manifest_stays_inside(self):
        (self.dir / "secret").write_bytes(b"SECRET")
        for path in ("../secret", "/etc/passwd", "a/../../secret", "./0", "", "a//b", "0\\u0000"):
            for key in ("path", "path_b64"):
                if key == "path_b64" and "\\" in path:
                    continue
                value = path if key == "path" else base64.b64encode(path.encode()).decode()
                line = b'{"root":"results","path":"x","%s":"%s","size":6,"type":"file"}\n' % (key.encode(), value.encode())
                self.sha = hashlib.sha256(line).hexdigest()
                (self.state / "manifest.ndjson").write_bytes(
                    line + b'{"end":true,"files":1,"bytes":6,"manifest_sha256":"%s"}\n' % self.sha.encode())
                r = self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", "0")
                self.assertEqual((r.returncode, r.stdout), (4, b""), line)

    def test_sizes_that_overflow_are_refused(self):
        line = b'{"root":"results","path":"x","size":9223372036854775807,"type":"file"}\n' * 2
        self.sha = hashlib.sha256(line).hexdigest()
        (self.state / "manifest.ndjson").write_bytes(
            line + b'{"end":true,"files":1,"bytes":6,"manifest_sha256":"%s"}\n' % self.sha.encode())
        r = self.run_("stream", *self.folders(), "--manifest", self.sha, "--offset", "0", "--length", "10")
        self.assertEqual(r.returncode, 4)

    def test_cat(self):
        def cat(*more, root="state", path="console.log"):
            return self.run_("cat", *self.folders(), "--root", root, "--path", path, *more)
        self.assertEqual(cat().stdout, b"log")
        self.assertEqual(cat("--offset", "1").stdout, b"og")
        self.assertEqual(cat("--offset", "1", "--length", "1").stdout, b"o")
        self.assertEqual(cat("--offset", "99").stdout, b"")
        self.assertEqual(cat("--offset", str(2**63 - 1)).returncode, 0)
        self.assertEqual(len(cat("--offset", "1", root="results", path="5").stdout), 300000)
        self.assertEqual(cat(path="missing").returncode, 5)
        self.assertEqual(cat(path="no/folder").returncode, 5)
        self.assertEqual(cat(path="../secret").returncode, 2)
        self.assertEqual(cat(root="etc").returncode, 2)
        os.symlink("/etc/passwd", self.results / "link")
        os.mkfifo(self.results / "fifo")
        for path in ("link", "fifo"):
            r = cat(root="results", path=path)
            self.assertEqual((r.returncode, r.stdout), (1, b""))


class Deliver(Case):
    def setUp(self):
        super().setUp()
        (self.results / "a").write_bytes(b"a" * 100000)
        (self.results / "b").write_bytes(b"b")
        (self.state / "console.log").write_bytes(b"log")

    def deliver(self, stdin, *more):
        return self.run_("deliver", *self.folders(), *more, input=stdin)

    def marks(self):
        return {n: (self.state / n).read_text() for n in ("ack", "hold") if (self.state / n).exists()}

    def test_the_manifest_then_the_bytes_then_the_acknowledgement_of_just_them(self):
        r = self.deliver(b"ack\n")
        self.assertEqual((r.returncode, r.stderr), (0, b""))
        self.assertEqual(self.marks()["ack"][-1], "\n")
        marked = self.marks()["ack"][:-1]
        saved = (self.state / "manifest.ndjson").read_bytes()
        self.assertEqual(r.stdout, saved + b"a" * 100000 + b"b" + b"log")
        self.manifest()
        self.assertEqual(self.marks(), {"ack": self.sha + "\n"})
        self.assertEqual(marked, self.sha)

    def test_caps_are_those_of_manifest(self):
        r = self.deliver(b"ack\n", "--most-file-bytes", "10")
        self.assertTrue(r.stdout.endswith(b"}\nblog"), r.stdout[-100:])
        self.assertIn(b"left out", r.stdout)

    def test_stay(self):
        self.assertEqual(self.deliver(b"keep 1234567890123\n").returncode, 0)
        self.assertEqual(self.marks(), {"hold": "1234567890123\n"})

    def test_without_a_word_nothing_is_marked(self):
        for stdin in (b"", b"ack", b"keep 12"):
            self.assertEqual(self.deliver(stdin).returncode, 6, stdin)
        for stdin in (b"\n", b"ACK\n", b"ack \n", b"keep\n", b"keep x\n", b"keep -1\n", b"keep 9223372036854775808\n"):
            r = self.deliver(stdin)
            self.assertEqual(r.returncode, 2, stdin)
            self.assertIn(b"not \"ack\"", r.stderr)
        self.assertEqual(self.deliver(b"k" * 1000 + b"\n").returncode, 6)
        self.assertEqual(self.marks(), {})

    def test_the_word_may_come_late_and_only_after_it_the_mark(self):
        p = subprocess.Popen([KET_RUN, "deliver", *self.folders()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(self.end, p)
        self.addCleanup(p.stdin.close)
        self.wait_for(lambda: (self.state / "manifest.ndjson").exists())
        size = (self.state / "manifest.ndjson").stat().st_size + 100004
        self.assertEqual(len(p.stdout.read(size)), size)
        time.sleep(0.3)
        self.assertIsNone(p.poll())
        self.assertEqual(self.marks(), {})
        p.stdin.write(b"a")
        p.stdin.flush()
        time.sleep(0.1)
        self.assertIsNone(p.poll())
        p.stdin.write(b"ck\n")
        p.stdin.flush()
        self.assertEqual(p.wait(5), 0)
        self.assertEqual(list(self.marks()), ["ack"])

    def test_a_reader_that_leaves_gets_no_mark(self):
        (self.results / "large").write_bytes(bytes(4 << 20))
        p = subprocess.Popen([KET_RUN, "deliver", *self.folders()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        self.addCleanup(self.end, p)
        self.addCleanup(p.stdin.close)
        p.stdin.write(b"ack\n")
        p.stdin.flush()
        p.stdout.read(1000)
        p.stdout.close()
        self.assertEqual(p.wait(10), 1)
        self.assertEqual(self.marks(), {})


class Hold(Case):
    def hold(self, contact=20000, grace=20000, prefix=(), log=None):
        self.log = log or self.dir / "termination-log"
        args = [*prefix, KET_RUN, "hold", *self.folders(), "--nonce", "n-1", "--uid", "u-1", "--contact-ms", str(contact),
                "--grace-ms", str(grace), "--termination-log", str(self.log)]
        p = subprocess.Popen(args, stderr=subprocess.PIPE)
        self.addCleanup(self.end, p)
        time.sleep(0.25)
        return p

    def message(self):
        return json.loads(self.log.read_text())

    def ack(self):
        r = self.run_("ack", "--state", str(self.state), "--manifest", self.sha)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_ack_after_term(self):
        self.wrap("/bin/sh", "-c", "exit 6")
        (self.results / "a").write_bytes(b"12345")
        p = self.hold()
        entries = self.manifest()
        p.terminate()
        time.sleep(0.3)
        self.assertIsNone(p.poll())
        self.ack()
        t = time.monotonic()
        self.assertEqual(p.wait(5), 0)
        self.assertLess(time.monotonic() - t, 0.15)
        size = sum(e["size"] for e in entries)
        message = self.message()
        self.assertGreaterEqual(message.pop("duration_ms"), 0)
        message.pop("oom_kills")  # of the control group that the test runs in
        self.assertEqual(message, {"v": 1, "nonce": "n-1", "acked": True, "reason": "acked", "record": True, "exit_code": 6,
                                   "signal": None, "timed_out": False, "files": len(entries), "bytes": size,
                                   "manifest_sha256": self.sha, "names": "a"})
        self.assertEqual((self.state / "ack").read_text(), self.sha + "\n")

    def test_the_message_tells_of_a_signal_and_of_the_limit(self):
        self.wrap("/bin/sh", "-c", "sleep 60", limit=200)
        p = self.hold(contact=200)
        p.terminate()
        self.assertEqual(p.wait(5), 3)
        m = self.message()
        self.assertEqual((m["record"], m["exit_code"], m["signal"], m["timed_out"]), (True, 143, 15, True))

    def test_names_that_do_not_fit_are_left_out_and_the_message_stays_small(self):
        for i in range(200):
            (self.results / f"file-{i:03}-{'x' * 40}").write_bytes(b"")
        (self.results / ("\x01" * 200)).write_bytes(b"")
        p = self.hold(contact=200)
        p.terminate()
        self.assertEqual(p.wait(5), 3)
        self.assertLess(self.log.stat().st_size, 4096)
        m = self.message()
        self.assertEqual(m["files"], 201)
        names = m["names"].split("\n")
        self.assertEqual(names[-1], "...")
        self.assertLess(len(names), 30)
        self.assertTrue(set(names[:-1]) <= {f.name for f in self.results.iterdir()})

    def test_names_that_would_make_it_too_long_are_no_reason_to_say_nothing(self):
        for i in range(4):
            (self.results / (chr(1 + i) * 240)).write_bytes(b"")
        p = self.hold(contact=200)
        p.terminate()
        self.assertEqual(p.wait(5), 3)
        m = self.message()
        self.assertEqual(m["files"], 4)
        self.assertNotIn("names", m)

    def test_waits_for_term_while_the_suite_runs(self):
        self.sha = "0" * 64
        p = self.hold()
        self.ack()
        self.ack()
        time.sleep(0.4)
        self.assertIsNone(p.poll())
        p.terminate()
        self.assertEqual(p.wait(5), 0)
        self.assertEqual((self.message()["record"], self.message()["exit_code"], self.message()["files"]), (False, None, None))

    def test_ignores_every_polite_signal(self):
        p = self.hold()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
            p.send_signal(number)
        time.sleep(0.3)
        self.assertIsNone(p.poll())

    def test_grace(self):
        p = self.hold(grace=500)
        time.sleep(0.5)
        self.assertIsNone(p.poll())  # the grace begins with TERM
        t = time.monotonic()
        p.terminate()
        self.assertEqual(p.wait(5), 3)
        self.assertTrue(0.5 <= time.monotonic() - t < 1)
        self.assertEqual((self.message()["acked"], self.message()["reason"]), (False, "grace"))

    def test_no_contact(self):
        (self.results / "a").write_bytes(b"12345")
        p = self.hold(contact=400)
        time.sleep(0.5)
        self.assertIsNone(p.poll())  # silence counts from TERM on
        t = time.monotonic()
        p.terminate()
        self.assertEqual(p.wait(5), 3)
        self.assertTrue(0.4 <= time.monotonic() - t < 1)
        m = self.message()
        self.assertEqual((m["acked"], m["reason"], m["files"], m["bytes"]), (False, "no-contact", 1, 5))

    def test_every_command_is_a_contact(self):
        (self.results / "a").write_bytes(b"1")
        self.manifest()
        commands = [["manifest", *self.folders()], ["stream", *self.folders(), "--manifest", self.sha, "--offset", "0"],
                    ["cat", *self.folders(), "--root", "results", "--path", "a"], ["keep", "--state", str(self.state), "--until", "1"]]
        p = self.hold(contact=700)
        p.terminate()
        for command in [*commands, *commands]:
            time.sleep(0.4)
            self.run_(*command)
            self.assertIsNone(p.poll(), command)
        self.assertEqual(p.wait(5), 3)

    def test_keep_outlasts_silence_until_its_time(self):
        p = self.hold(contact=200)
        self.run_("keep", "--state", str(self.state), "--until", str(int(time.time() * 1000) + 1500))
        p.terminate()
        time.sleep(1)
        self.assertIsNone(p.poll())
        self.assertEqual(p.wait(5), 3)
        self.assertEqual(self.message()["reason"], "no-contact")

    def test_keep_does_not_outlast_the_grace(self):
        p = self.hold(grace=400, contact=100)
        self.run_("keep", "--state", str(self.state), "--until", str(2**62))
        p.terminate()
        self.assertEqual(p.wait(5), 3)
        self.assertEqual(self.message()["reason"], "grace")

    def test_foreign_or_broken_record_is_none(self):
        for text in ('{"nonce":"other","uid":"u-1","exit_code":0}', '{"nonce":"n-1","uid":"u-1","exit_code":0', "", "[]",
                     '{"nonce":"n-1","exit_code":0}'):
            (self.state / "record.json").write_text(text)
            p = self.hold(grace=0)
            p.terminate()
            p.wait(5)
            self.assertEqual((self.message()["record"], self.message()["exit_code"]), (False, None), text)

    def test_termination_log_that_cannot_be_written(self):
        self.sha = "0" * 64
        p = self.hold(log=Path("/no/such/folder/log"))
        self.ack()
        p.terminate()
        self.assertEqual(p.wait(5), 0)

    @needs_unshare
    def test_as_process_1(self):
        self.sha = "0" * 64
        # The shell reports the inner process by the only child that it has.
        p = self.hold(prefix=["unshare", "-pf", "--kill-child"])
        children = Path(f"/proc/{p.pid}/task/{p.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(p.poll())
        self.ack()
        self.assertEqual(p.wait(5), 0)

    def test_long_transfer_is_contact_while_it_moves(self):
        (self.results / "big").write_bytes(bytes(8 << 20))
        self.manifest()
        p = self.hold(contact=1500)
        s = subprocess.Popen([KET_RUN, "stream", *self.folders(), "--manifest", self.sha, "--offset", "0"], stdout=subprocess.PIPE)
        self.addCleanup(self.end, s)
        p.terminate()
        for _ in range(25):
            s.stdout.read(300000)
            time.sleep(0.1)
        self.assertIsNone(p.poll())
        # Now nobody reads any more: that is silence.
        self.assertEqual(p.wait(6), 3)


class Share(Case):
    """Which tests a shard runs: every name in exactly one shard, and the shards equally long."""

    def setUp(self):
        super().setUp()
        self.durations = self.dir / "durations.tsv"

    def share(self, names, shard=None, shards=None, durations=None, *args, **env):
        set_ = {"KET_SHARD": shard, "KET_SHARDS": shards, "KET_DURATIONS": durations, **env}
        clean = {k: v for k, v in os.environ.items() if not k.startswith("KET_")}
        clean.update((k, str(v)) for k, v in set_.items() if v is not None)
        data = names if isinstance(names, bytes) else "".join(f"{name}\n" for name in names).encode()
        return self.run_("share", *args, input=data, env=clean)

    def split(self, names, shards, durations=None):
        """What each shard gets."""
        parts = []
        for shard in range(shards):
            r = self.share(names, shard, shards, durations)
            self.assertEqual(r.returncode, 0, r.stderr)
            parts.append(r.stdout.decode().splitlines())
        return parts

    def know(self, seconds):
        self.durations.write_text("".join(f"{s}\t{name}\n" for name, s in seconds.items()))
        return self.durations

    def test_every_name_in_exactly_one_shard_in_its_order(self):
        for seed in range(25):
            rng = random.Random(seed)
            names = [f"tests/test_{i} [ä {rng.random()}]" for i in range(rng.randrange(1, 60))]
            durations = self.know({n: round(rng.uniform(0, 9), rng.randrange(8)) for n in names if rng.random() < 0.7})
            shards = rng.randrange(1, 8)
            parts = self.split(names, shards, durations)
            self.assertEqual(sorted(n for part in parts for n in part), sorted(names))
            for part in parts:
                self.assertEqual(part, [n for n in names if n in part])
            shuffled = rng.sample(names, len(names))
            self.assertEqual([set(p) for p in self.split(shuffled, shards, durations)], [set(p) for p in parts])

    def test_40_cases_in_4_shards_end_within_a_fifth_of_their_mean(self):
        worst = 0
        for seed in range(50):
            rng = random.Random(seed)
            took = {f"case {i}": round(rng.uniform(0.05, 3), 3) for i in range(40)}
            sums = [sum(took[n] for n in part) for part in self.split(took, 4, self.know(took))]
            worst = max(worst, max(sums) / (sum(sums) / 4))
        self.assertLess(worst, 1.2)
        self.assertGreater(worst, 1)

    def test_longest_first_to_the_least_loaded(self):
        # b (5) to the first, c and d (3) to the second, a to the first: 6 and 6, with two names each.
        took = {"a": 1, "b": 5, "c": 3, "d": 3, "e": 0.5, "f": 0.5}
        self.assertEqual(self.split(took, 2, self.know(took)), [["a", "b", "e"], ["c", "d", "f"]])
        # Equal in time: the one with fewer names.
        took = {"a": 2, "b": 1, "c": 1, "d": 4, "e": 1}
        self.assertEqual(self.split(took, 2, self.know(took)), [["d", "e"], ["a", "b", "c"]])

    def test_unknown_counts_as_the_median_of_the_known_or_a_second_or_as_told(self):
        def said(names, durations):
            return self.share(names, 0, 1, durations).stderr.decode()

        known = {"a": 2, "b": 10, "c": 30, "elsewhere": 1000, "further": 1000}
        self.assertIn(" of 52 s; how long 1 of them", said(["a", "b", "c", "new"], self.know(known)))
        self.assertIn(" of 3 s; how long 3 of them", said(["x", "y", "z"], self.know(known)))
        self.assertIn(" of 3 s", said(["x", "y", "z"], None))
        self.assertIn(" of 62 s", said(["a", "b", "x", "y"], self.know({**known, "": 25})))

    def test_numbers(self):
        for text, seconds in (("12", 12), ("0012.9999999", 12), ("9.", 9), ("99999999999999999999999", 86400), ("86400.1", 86400)):
            self.durations.write_text(f"{text}\ta\n5\tb")
            self.assertIn(f" of {seconds + 5} s", self.share(["a", "b"], 0, 1, self.durations).stderr.decode(), text)
        # The longest of several.
        self.durations.write_text("3\ta\n7\ta\n4\ta\n")
        self.assertIn(" of 7 s", self.share(["a"], 0, 1, self.durations).stderr.decode())

    def test_repeated_names_and_empty_lines(self):
        parts = self.split(["a", "", "b", "a", "c", "a"], 2)
        self.assertEqual(parts, [["a", "c"], ["b"]])
        self.assertEqual(self.share(b"x\ny", 0, 1).stdout, b"x\ny\n")

    def test_without_time_they_are_as_many(self):
        parts = self.split([f"t{i}" for i in range(12)], 4, self.know({f"t{i}": 0 for i in range(12)}))
        self.assertEqual([len(part) for part in parts], [3, 3, 3, 3])

    def test_outside_ket_there_is_one_shard(self):
        self.assertEqual(self.share(["a", "b"]).stdout, b"a\nb\n")

    def test_options_stand_above_the_environment(self):
        durations = self.know({"a": 9, "b": 1, "c": 1})
        given = ["--shard", "1", "--shards", "2", "--durations", str(durations)]
        r = self.share(["a", "b", "c"], 0, 1, "/no/such/file", *given)
        self.assertEqual((r.returncode, r.stdout), (0, b"b\nc\n"), r.stderr)

    def test_a_shard_without_names_says_so_in_junit(self):
        parts = [self.share(["a", "b"], i, 4, None, KET_RESULTS=self.results) for i in range(4)]
        self.assertEqual([(r.returncode, r.stdout) for r in parts], [(0, b"a\n"), (0, b"b\n"), (0, b""), (0, b"")])
        files = sorted(p.name for p in self.results.iterdir())
        self.assertEqual(files, ["empty-shard-2.xml", "empty-shard-3.xml"])
        text = (self.results / files[1]).read_text()
        self.assertIn('name="shard 3"><skipped message="no test is left for it: 2 for 4 shards"/>', text)
        self.assertEqual(self.share(["a"], 1, 2, None, KET_RESULTS="/no/such/folder").returncode, 1)

    def test_bad_input_is_an_error(self):
        def broken(text):
            self.durations.write_bytes(text)
            return self.share(["a"], 0, 1, self.durations)

        cases = {
            "there is no name on stdin": [self.share([], 0, 1), self.share(b"\n\n", 0, 2)],
            "stdin: has a zero byte": [self.share(b"a\0b\n", 0, 1)],
            "one is given, the other is not": [self.share(["a"], 0), self.share(["a"], None, 2)],
            "counted from 0": [self.share(["a"], 2, 2), self.share(["a"], 0, 0), self.share(["a"], 0, 1001)],
            "KET_SHARD: not a number": [self.share(["a"], "x", 2), self.share(["a"], "-1", 2), self.share(["a"], "", 2)],
            "KET_SHARDS: not a number": [self.share(["a"], 0, "2 ")],
            "cannot open the durations /no/such/file": [self.share(["a"], 0, 1, "/no/such/file")],
            "durations.tsv, line 2: not seconds": [broken(b"1\ta\n\n"), broken(b"1\ta\n1e3\tb"), broken(b"1\ta\n\tb\n"),
                                                   broken(b"1\ta\n.\tb\n"), broken(b"1\ta\n1 b\n"), broken(b"1\ta\n-1\tb\n")],
            "durations.tsv: has a zero byte": [broken(b"1\ta\0")],
            "unknown option": [self.share(["a"], 0, 1, None, "--sharp", "1")],
        }
        for said, runs in cases.items():
            for r in runs:
                self.assertEqual((r.returncode, r.stdout), (2, b""), (said, r.stderr))
                self.assertIn(said, r.stderr.decode())

    def test_too_long_a_list(self):
        self.assertEqual(self.share(b"x" * (64 << 20) + b"\n", 0, 1).returncode, 2)
        self.assertEqual(self.share(b"x" * ((64 << 20) - 1) + b"\n", 0, 1).returncode, 0)

    def test_200000_names(self):
        rng = random.Random(1)
        took = {f"package.module.Class.test_{i}": round(rng.expovariate(2), 4) for i in range(200_000)}
        began = time.monotonic()
        parts = self.split(took, 3, self.know(took))
        self.assertLess(time.monotonic() - began, 30)
        sums = [sum(took[n] for n in part) for part in parts]
        self.assertLess(max(sums) - min(sums), 0.01)

    def test_stdout_that_fails(self):
        with open("/dev/full", "wb") as full:
            r = subprocess.run([KET_RUN, "share"], input=b"a\n", stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(r.returncode, 1)


class Probe(Case):
    """What a pod finds in the network, against servers on the loopback."""

    def ask(self, *probes, code=0):
        text = "".join(json.dumps(p) + "\n" for p in probes) + "\n"
        p = subprocess.Popen([KET_RUN, "probe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.close, p)
        # As in an exec, stdin stays open: the empty line ends the list.
        p.stdin.write(text.encode())
        p.stdin.flush()
        out, err = p.stdout.read(), p.stderr.read()
        self.assertEqual(p.wait(20), code, err)
        return {a["id"]: a for a in map(json.loads, out.splitlines())} if code == 0 else err.decode()

    def close(self, p):
        self.end(p)
        p.stdin.close()

    def one(self, **probe):
        return self.ask({"id": 7, **probe})[7]

    def listener(self):
        s = socket.socket()
        self.addCleanup(s.close)
        s.bind(("127.0.0.1", 0))
        s.listen(64)
        return s, s.getsockname()[1]

    def replies(self, *texts):
        """A server that gives one connection after another one of the texts, and closes."""
        s, port = self.listener()

        def work():
            for text in texts:
                c, _ = s.accept()
                c.recv(4096)
                c.sendall(text)
                c.close()

        t = threading.Thread(target=work, daemon=True)
        t.start()
        return port

    def server(self):
        p = subprocess.Popen([KET_RUN, "answer", "--port", "0"], stdout=subprocess.PIPE)
        self.addCleanup(self.end, p)
        return int(p.stdout.readline().split()[1])

    def test_names(self):
        a = self.ask({"id": 1, "kind": "dns", "host": "localhost"}, {"id": 2, "kind": "dns", "host": "nothing.invalid"})
        self.assertTrue(a[1]["ok"])
        self.assertIn("127.0.0.1", a[1]["addresses"].split())
        self.assertEqual((a[2]["ok"], a[2]["stage"]), (False, "dns"))
        self.assertIn(a[2]["error"], ("not-found", "no-answer"))

    def test_a_port_that_takes_connections_and_one_that_does_not(self):
        s, port = self.listener()
        a = self.one(kind="tcp", host="127.0.0.1", port=port)
        self.assertEqual((a["ok"], a["address"], a["error"]), (True, "127.0.0.1", None))
        s.close()
        a = self.one(kind="tcp", host="127.0.0.1", port=port)
        self.assertEqual((a["ok"], a["stage"], a["error"]), (False, "connect", "refused"))

    def test_an_answer(self):
        port = self.replies(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope\"")
        a = self.one(kind="http", host="127.0.0.1", port=port, path="/x?y")
        self.assertEqual((a["ok"], a["status"], a["body"], a["cut"]), (True, 404, 'nope"', False))

    def test_answers_of_other_forms(self):
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: x\r\n\r\n"
        interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
        large = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + b"\xff" * 9000
        for text, status, body, cut in (
            (chunked, 200, "abcde", False),
            (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", False),
            (b"HTTP/1.1 302 Found\nContent-Length: 0\n\n", 302, "", False),
            (interim, 204, "", False),
            (large, 200, "\ufffd" * 4096, True),
        ):
            with self.subTest(text=text[:20]):
                a = self.one(kind="http", host="127.0.0.1", port=self.replies(text))
                self.assertEqual((a["ok"], a["status"], a["body"], a["cut"]), (True, status, body, cut))

    def test_what_is_no_whole_answer(self):
        for text, error in (
            (b"220 mail\r\n", "not-http"),
            (b"", "closed"),
            (b"HTTP/1.1 200 OK\r\nContent-Le", "closed"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "closed"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "not-http"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20000, "not-http"),
        ):
            with self.subTest(text=text[:40]):
                a = self.one(kind="http", host="127.0.0.1", port=self.replies(text))
                self.assertEqual((a["ok"], a["stage"]), (False, "http"))
                self.assertIn(a["error"], (error, "reset"))

    def test_a_server_that_says_nothing_costs_the_limit(self):
        _, port = self.listener()
        began = time.monotonic()
        a = self.one(kind="http", host="127.0.0.1", port=port, limit_ms=300)
        self.assertEqual((a["ok"], a["stage"], a["error"]), (False, "http", "timeout"))
        self.assertLess(time.monotonic() - began, 5)

    def test_connections_are_used_again(self):
        a = self.one(kind="http", host="127.0.0.1", port=self.server(), path="/count/a", requests=1000, connections=10)
        self.assertEqual((a["requests"], a["opened"], a["body"]), (1000, 10, "sockets 10 requests 1000\n"))

    def test_a_client_without_keep_alive_is_seen(self):
        a = self.one(kind="http", host="127.0.0.1", port=self.server(), path="/count/a", requests=30, connections=10,
                     keep_alive=False)
        self.assertEqual((a["requests"], a["opened"], a["body"]), (30, 30, "sockets 30 requests 30\n"))

    def test_each_word_counts_alone(self):
        port = self.server()
        for word in ("a", "b"):
            a = self.one(kind="http", host="127.0.0.1", port=port, path=f"/count/{word}", requests=3, connections=2)
            self.assertEqual(a["body"], "sockets 2 requests 3\n")
        self.assertEqual(self.one(kind="http", host="127.0.0.1", port=port)["body"], "ket\n")

    def test_many_at_once(self):
        port = self.server()
        a = self.ask(*({"id": i, "kind": "tcp", "host": "127.0.0.1", "port": port} for i in range(200)))
        self.assertEqual((sorted(a), all(x["ok"] for x in a.values())), (list(range(200)), True))

    def test_what_cannot_be_probed(self):
        good = {"id": 1, "kind": "tcp", "host": "x", "port": 1}
        for over in ({"id": -1}, {"kind": "udp"}, {"port": 0}, {"port": 65536}, {"host": ""}, {"host": "a\r\nb"},
                     {"kind": "http", "path": "x"}, {"kind": "http", "path": "/ HTTP/1.1\r\nX: y"},
                     {"connections": 65}, {"limit_ms": 0}, {"more": 1}):
            with self.subTest(over=over):
                self.assertIn("probe 1: not one that can be made", self.ask({**good, **over}, code=2))
        self.assertIn("no probe", self.ask(code=2))

    def test_the_server_ends_on_term(self):
        p = subprocess.Popen([KET_RUN, "answer", "--port=0"], stdout=subprocess.PIPE)
        self.addCleanup(self.end, p)
        p.stdout.readline()
        p.terminate()
        self.assertEqual(p.wait(5), 0)


class Connect(Case):
    """A connection of the pod, carried over stdin and stdout, against servers on the loopback."""

    def open(self, port, *more, host="127.0.0.1"):
        p = subprocess.Popen([KET_RUN, "connect", "--host", host, "--port", str(port), *more], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.close, p)
        return p

    def close(self, p):
        self.end(p)
        if p.stdin:
            p.stdin.close()

    def serve(self, work):
        s = socket.socket()
        self.addCleanup(s.close)
        s.bind(("127.0.0.1", 0))
        s.listen(8)

        def run():
            c, _ = s.accept()
            with c:
                work(c)

        t = threading.Thread(target=run, daemon=True)
        t.start()
        self.addCleanup(t.join, 20)
        return s.getsockname()[1]

    def told(self, p):
        return json.loads(p.stderr.readline())

    def test_bytes_pass_both_ways_and_the_end_of_each_is_told(self):
        sent = os.urandom(3_000_000)
        seen = []

        def echo(c):
            data = b"".join(iter(lambda: c.recv(65536), b""))
            seen.append(data)
            c.sendall(data)

        p = self.open(self.serve(echo))
        self.assertEqual(self.told(p)["open"], True)
        p.stdin.write(sent)
        p.stdin.close()
        self.assertEqual(p.stdout.read(), sent)
        self.assertEqual(seen, [sent])
        self.assertEqual(self.told(p), {"end": len(sent)})
        self.assertEqual(p.wait(10), 0)

    def test_both_directions_at_once_do_not_hold_each_other_up(self):
        half = os.urandom(4_000_000)
        got = []

        def full(c):
            t = threading.Thread(target=c.sendall, args=(half,))
            t.start()
            data = b""
            while len(data) < len(half):
                data += c.recv(65536)
            got.append(data)
            t.join()

        p = self.open(self.serve(full))
        self.told(p)
        writer = threading.Thread(target=lambda: (p.stdin.write(half), p.stdin.flush()), daemon=True)
        writer.start()
        # Nothing is read until the other side has everything: what comes meanwhile waits.
        self.wait_for(lambda: got, 20)
        self.assertEqual(p.stdout.read(len(half)), half)
        writer.join(10)
        self.assertEqual(got, [half])

    def test_the_end_of_the_other_side_is_told_and_the_command_stays_for_the_reader(self):
        p = self.open(self.serve(lambda c: c.sendall(b"bye")))
        self.told(p)
        self.assertEqual(self.told(p), {"end": 3})
        self.assertIsNone(p.poll())
        self.assertEqual(p.stdout.read(3), b"bye")
        p.stdin.close()
        self.assertEqual(p.wait(10), 0)

    def test_a_reset_is_no_end(self):
        def reset(c):
            c.recv(1)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

        p = self.open(self.serve(reset))
        self.told(p)
        p.stdin.write(b"xx")
        p.stdin.flush()
        end = self.told(p)
        self.assertEqual((end["end"], end["error"]), (0, "reset"))
        self.assertEqual(p.wait(10), 0)

    def test_what_takes_no_connection(self):
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        s.close()
        for host, stage, errors in (("127.0.0.1", "connect", ("refused",)),
                                    ("nothing.invalid", "dns", ("not-found", "no-answer"))):
            with self.subTest(host=host):
                p = self.open(port, host=host)
                told = self.told(p)
                self.assertEqual((told["open"], told["stage"]), (False, stage))
                self.assertIn(told["error"], errors)
                self.assertEqual(p.wait(20), 1)

    def test_it_ends_when_nobody_reads(self):
        def flood(c):
            try:
                while True:
                    c.sendall(b"x" * 65536)
            except OSError:
                pass

        p = self.open(self.serve(flood))
        self.told(p)
        p.stdout.close()
        self.assertEqual(p.wait(10), 1)

    def test_wrong_arguments(self):
        for more in ((), ("--host", "x"), ("--host", "x", "--port", "0"), ("--host", "x", "--port", "65536"),
                     ("--host", "x", "--port", "1", "--limit-ms", "0"), ("--host", "x", "--port", "1", "y")):
            with self.subTest(more=more):
                self.assertEqual(self.run_("connect", *more).returncode, 2)


@unittest.skipUnless(SHIPPED, "another program is tested")
class Build(unittest.TestCase):
    def test_two_builds_and_dist_are_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            # From a copy under another name too: no path may be in the program.
            copy = Path(b) / "another place"
            shutil.copytree(HERE, copy / "native" / "ket-run")
            subprocess.run([str(HERE / "build.sh"), a], check=True, capture_output=True)
            subprocess.run([str(copy / "native/ket-run/build.sh")], check=True, capture_output=True)
            for arch in ("amd64", "arm64"):
                data = (Path(a) / f"ket-run-{arch}").read_bytes()
                self.assertEqual(data, (copy / "dist/ket-run" / f"ket-run-{arch}").read_bytes())
                self.assertEqual(data, (DIST / f"ket-run-{arch}").read_bytes(), "dist is out of date: run build.sh")

    def test_static_and_small(self):
        for arch, machine in (("amd64", 62), ("arm64", 183)):
            data = (DIST / f"ket-run-{arch}").read_bytes()
            self.assertEqual((data[:4], data[18]), (b"\x7fELF", machine))
            self.assertLess(len(data), 200_000)
            self.assertNotIn(b"/ld-musl", data)
            self.assertNotIn(b"/home", data)
            self.assertNotIn(b"/root", data)


if __name__ == "__main__":
    unittest.main()
