#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Gradescope runs this once, when the autograder is made: it installs what the
# lessons need. The archive is this tree with setup.sh and run_autograder, of
# this folder, at its top: ./teacher/gradescope/pack FILE.zip makes it.
set -eu

apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
    --no-install-recommends gcc libc6-dev binutils python3 util-linux
