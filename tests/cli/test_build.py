#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What ./reveil shows while it builds and installs, and what ctrl-C leaves.

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
         "rm", "mkdir", "cat", "chmod", "cp", "sleep")
# A compiler may be a link to ccache, which looks for the true one on the PATH.
CC = f"""#!/bin/sh
PATH='{os.environ["PATH"]}' exec '{shutil.which("cc")}' "$@"
"""

# They wait in short sleeps: a shell may lose a signal for a child that it is
# about to start.
MESON = """#!/bin/sh
# meson setup [--reconfigure] DIRECTORY ROOT
[ ! -e "$TREE/meson-waits" ] || {
    echo > "$TREE/waiting"
    while :; do sleep 0.1; done
}
shift
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
SUDO = """#!/bin/sh
[ "$1" != -n ] || shift
exec env "$@"
"""


class Build(unittest.TestCase):
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

    def start(self, **options):
        return subprocess.Popen(
            [self.path("reveil"), "demo", "x"], stdin=subprocess.DEVNULL,
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
