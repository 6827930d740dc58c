#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What ./reveil shows while it builds and installs, and what ctrl-C and SIGTERM
leave, also of ./reveil test.

usage: test_build.py REVEIL [unittest arguments...]

The script runs in a tree of its own, with a simulated meson, ninja and apt-get,
which continue when the test tells them to. Nothing is built.
"""

import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

REVEIL = os.path.abspath(sys.argv.pop(1))
SECONDS = 300  # when a run that has not ended is a hang, on any machine
TOOLS = ("sh", "dirname", "basename", "readlink", "sed", "id", "flock", "env",
         "rm", "mkdir", "cat", "chmod", "cp", "sleep", "ls", "mktemp", "date",
         "tail", "mv")
# A compiler may be a link to ccache, which looks for the true one on the PATH.
CC = f"""#!/bin/sh
PATH='{os.environ["PATH"]}' exec '{shutil.which("cc")}' "$@"
"""

# They wait in short sleeps: a shell may lose a signal for a child that it is
# about to start.
MESON = """#!/bin/sh
# meson setup [OPTION...] DIRECTORY ROOT
[ ! -e "$TREE/meson-waits" ] || {
    echo > "$TREE/waiting"
    while :; do sleep 0.1; done
}
shift
while case $1 in -*) ;; *) false ;; esac; do shift; done
mkdir -p "$1" && echo > "$1/build.ninja"
"""
NINJA = """#!/bin/sh
# ninja -C DIRECTORY TARGET
stop() { echo > "$TREE/tidied"; exit 130; }
trap stop INT
case $* in
*' -n '*) [ -x "$2/cli/reveil" ] && echo 'ninja: no work to do.'; exit ;;
*build.ninja) exit ;;
esac
i=0
while [ $i -lt 40 ]; do
    i=$((i + 1))
    echo "[$i/40] Compiling $i"
    [ $i -ne 20 ] || [ ! -e "$TREE/ninja-waits" ] || {
        echo > "$TREE/waiting"
        while :; do sleep 0.1; done
    }
    [ $i -ne 30 ] || [ ! -e "$TREE/ninja-fails" ] || {
        echo 'FAILED: thirty'
        echo 'thirty.c: no good'
        exit 1
    }
done
mkdir -p "$2/cli"
printf '#!/bin/sh\\necho "ran $*"\\necho "said $*" >&2\\n' > "$2/cli/reveil"
chmod +x "$2/cli/reveil"
"""
APT_GET = """#!/bin/sh
case $1 in
update) echo > "$TREE/updated"; exit ;;
esac
[ -e "$TREE/updated" ] || { echo 'E: no lists'; exit 100; }
for at in 0.0000 50.0000 100.0000; do
    echo "dlstatus:1:$at:Retrieving file 1 of 1"
done
for at in 12.5000 50.0000 100.0000; do
    echo "pmstatus:ninja-build:$at:Unpacking"
done
cp "$TREE/ninja" "$TREE/bin/ninja"
"""
# In the place of tests/tools/run-suite.
RUN_SUITE = """#!/bin/sh
case $1 in
--names) [ ! -e "$TREE/no-such-name" ] || exit 2; exit ;;
esac
stop() { echo > "$TREE/tidied"; exit 130; }
trap stop TERM
echo "1 0 0" >> "$1"
[ ! -e "$TREE/suite-waits" ] || {
    echo > "$TREE/waiting"
    while :; do sleep 0.1; done
}
"""
FOR_TESTS = ("pkg-config", "gcc", "gcov", "clang-format", "spin", "python3",
             "curl", "wrk", "nginx", "strace", "gdb", "valgrind", "addr2line",
             "git", "patat", "pandoc", "redis-benchmark", "chromium")
SUDO = """#!/bin/sh
[ "$1" != -n ] || shift
exec env "$@"
"""


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="reveil-build-")
        self.addCleanup(folder.cleanup)
        self.tree = folder.name
        os.mkdir(self.path("bin"))
        shutil.copy(REVEIL, self.path("reveil"))
        for name in TOOLS:
            os.symlink(shutil.which(name), self.path("bin", name))
        for name, text in (("bin/cc", CC),
                           ("bin/meson", MESON), ("bin/ninja", NINJA),
                           ("bin/apt-get", APT_GET), ("bin/sudo", SUDO),
                           ("bin/dpkg", "#!/bin/sh\n")):
            self.write(name, text)

    def path(self, *names):
        return os.path.join(self.tree, *names)

    def write(self, name, text=""):
        with open(self.path(name), "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(self.path(name), 0o755)

    def start(self, *words, **options):
        return subprocess.Popen(
            [self.path("reveil"), *(words or ("demo", "x"))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, start_new_session=True,
            env={"PATH": self.path("bin"), "TREE": self.tree, "LC_ALL": "C"},
            **options)

    def run_it(self):
        with self.start(stderr=subprocess.PIPE) as child:
            out, err = child.communicate(timeout=SECONDS)
            return child.returncode, out, err

    def until_it_waits(self, child):
        end = time.monotonic() + SECONDS
        while not os.path.exists(self.path("waiting")):
            self.assertIsNone(child.poll())
            self.assertLess(time.monotonic(), end)
            time.sleep(0.005)


class Build(Tree):
    def interrupt(self):
        """Ctrl-C, as a terminal does: to the whole group."""
        with self.start(stderr=subprocess.PIPE) as child:
            self.until_it_waits(child)
            os.killpg(child.pid, signal.SIGINT)
            child.communicate(timeout=SECONDS)
            self.assertEqual(child.returncode, -signal.SIGINT)

    def check_good(self):
        status, out, err = self.run_it()
        self.assertEqual((status, out), (0, "ran demo x\n"), err)
        self.assertTrue(err.endswith("said demo x\n"), err)
        return err.splitlines()[:-1]

    def test_now_and_then_a_line_where_there_is_no_terminal(self):
        lines = self.check_good()
        self.assertEqual([line for line in lines if "/40" in line],
                         [f"reveil: building {i}/40"
                          for i in range(4, 44, 4)])
        self.assertFalse([line for line in lines if "about" in line], lines)
        self.assertFalse([line for line in lines if "\r" in line], lines)
        self.assertEqual(self.check_good(), [], "all was there")

    def test_one_line_that_changes_on_a_terminal(self):
        terminal, stderr = pty.openpty()
        shown = b""
        with self.start(stderr=stderr) as child:
            os.close(stderr)
            while True:
                try:
                    shown += os.read(terminal, 4096)
                except OSError:
                    break  # no other process has it open
            self.assertEqual(child.stdout.read(), "ran demo x\n")
        os.close(terminal)
        for i in range(1, 41):
            self.assertIn(b"\r\x1b[Kreveil: building %d/40" % i, shown)
        self.assertNotIn(b"40/40\n", shown)
        self.assertTrue(shown.endswith(b"\r\x1b[Ksaid demo x\r\n"), shown)

    def test_what_ninja_said_is_told_when_it_fails(self):
        self.write("ninja-fails")
        status, out, err = self.run_it()
        self.assertEqual((status, out), (1, ""))
        self.assertIn("FAILED: thirty\nthirty.c: no good\n", err)
        self.assertNotIn("Compiling", err)
        os.unlink(self.path("ninja-fails"))
        self.check_good()

    def test_after_ctrl_c_in_the_build_the_next_run_goes_on(self):
        self.write("ninja-waits")
        self.interrupt()
        self.assertTrue(os.path.exists(self.path("tidied")),
                        "ninja has ended first")
        os.unlink(self.path("ninja-waits"))
        self.check_good()

    def test_after_ctrl_c_in_the_set_up_the_next_run_begins_anew(self):
        self.write("meson-waits")
        self.interrupt()
        self.assertFalse(os.path.exists(self.path("build", ".reveil")))
        os.unlink(self.path("meson-waits"))
        self.check_good()

    def test_packages_show_how_far_they_are(self):
        os.rename(self.path("bin/ninja"), self.path("ninja"))
        lines = self.check_good()
        self.assertEqual([line for line in lines if line.endswith(" %")],
                         ["reveil: downloading 50 %",
                          "reveil: downloading 100 %",
                          "reveil: installing 12 %",
                          "reveil: installing 50 %",
                          "reveil: installing 100 %"])


class Tests(Tree):
    """./reveil test, with a simulated run of the tests."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("tests", "tools"))
        self.write("tests/tools/run-suite", RUN_SUITE)
        self.write("libclang_rt.fuzzer-x.a")
        self.write("bin/clang", f"#!/bin/sh\necho '{self.tree}'\n")
        for name in FOR_TESTS:
            self.write("bin/" + name, "#!/bin/sh\n")

    def said(self, *words):
        with self.start("test", *words, stderr=subprocess.STDOUT) as child:
            out, _ = child.communicate(timeout=SECONDS)
            return child.returncode, out

    def end_by(self, number, whom):
        self.write("suite-waits")
        with self.start("test", "--quick", stderr=subprocess.PIPE) as child:
            self.until_it_waits(child)
            whom(child.pid, number)
            try:
                child.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
            self.assertEqual(child.returncode, 128 + number)
        self.assertTrue(os.path.exists(self.path("tidied")),
                        "the tests have ended first")

    def test_sigterm_to_the_script_alone_ends_the_tests(self):
        self.end_by(signal.SIGTERM, os.kill)

    def test_ctrl_c_ends_the_tests(self):
        self.end_by(signal.SIGINT, os.killpg)

    def test_sigint_to_the_script_alone_ends_the_tests(self):
        self.end_by(signal.SIGINT, os.kill)

    def test_the_sum_is_the_last_line(self):
        status, out = self.said("--quick")
        self.assertEqual((status, out.splitlines()[-1]),
                         (0, "1 passed, 0 failed"), out)
        self.assertIn("== gcc, all tests but those in a browser", out)
        self.assertNotIn("of 6", out)

    def test_a_name_that_no_test_has_is_one_sentence(self):
        self.write("no-such-name")
        self.assertEqual(self.said("nonsense"), (
            2, "reveil: setting up build/...\n"
            "reveil: test: no test has a name like that\n"))

    def test_named_tests_are_no_stage_of_six(self):
        status, out = self.said("ring")
        self.assertEqual(status, 0, out)
        self.assertIn("== gcc, the tests that were named", out)
        self.assertNotIn("of 6", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
