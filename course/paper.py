# SPDX-License-Identifier: MIT
"""A page of HTML printed to PDF, by a browser without a window."""
import os
import shutil
import subprocess
import tempfile

NAMES = ("chromium", "chromium-browser", "google-chrome",
         "google-chrome-stable")
SECONDS = 600  # a hang, not a slow machine


class Failed(Exception):
    """The browser has printed nothing, for this reason."""


def browser():
    """The path of the browser, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


def print_pdf(page, path):
    """Print the file `page` to the file `path`, as a whole or not at all."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with tempfile.TemporaryDirectory(
                ignore_cleanup_errors=True) as profile:
            done = subprocess.run(
                [browser(), "--headless", "--no-sandbox", "--disable-gpu",
                 "--disable-dev-shm-usage", f"--user-data-dir={profile}",
                 "--print-to-pdf-no-header", "--no-pdf-header-footer",
                 f"--print-to-pdf={temporary}",
                 "file://" + os.path.abspath(page)],
                check=False, timeout=SECONDS, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode or not os.path.exists(temporary):
            lines = done.stderr.decode("utf-8", "replace").splitlines()
            raise Failed(lines[-1] if lines else f"status {done.returncode}")
        os.replace(temporary, path)
    except subprocess.TimeoutExpired:
        raise Failed(f"{SECONDS} s") from None
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
