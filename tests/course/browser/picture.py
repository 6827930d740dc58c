#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Take a picture of the step page with a headless Chromium.

    picture.py TRACE.json -o FILE.png [--step N] [--lang en|fr] [--dark]
               [--size WIDTHxHEIGHT]

docs/step-page.png: picture.py ../traces/lost-06.json -o ../../../docs/step-page.png
"""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "..", "..", "course", "step")]

import chromium  # noqa: E402
import page  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description="a picture of the step page")
    parser.add_argument("trace", metavar="TRACE.json")
    parser.add_argument("-o", metavar="FILE.png", dest="out", required=True)
    parser.add_argument("--step", type=int)
    parser.add_argument("--lang", choices=("en", "fr"), default="en")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--size", default="1366x768")
    options = parser.parse_args()
    if not chromium.find():
        sys.exit("picture: Chromium is not installed (apt-get install "
                 "chromium)")
    width, height = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder, \
            chromium.Chromium() as browser:
        path = os.path.join(folder, "page.html")
        with open(path, "w", encoding="utf-8") as file:
            file.write(page.render([page.read(options.trace)], options.lang))
        address = f"#s={options.step}" if options.step else ""
        tab = browser.open("file://" + path + address, width, height,
                           scheme="dark" if options.dark else "light",
                           motion="reduce")
        # Two frames, so that the list has scrolled to the step.
        for _ in range(2):
            tab.value("new Promise(r => requestAnimationFrame(() => "
                      "requestAnimationFrame(() => r(true))))")
        tab.picture(options.out)


if __name__ == "__main__":
    main()
