# SPDX-License-Identifier: MIT
#
# For the tests that use the library as it is installed. Sourced with the build
# directory in $1; afterwards $work is a directory of the test, $work/root has
# the installed library, and $failed counts what failed.
build=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/reveil-install.XXXXXX") || exit 1
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# need COMMAND...: the test is skipped if one of them is missing
need() {
    for command; do
        command -v "$command" >/dev/null && continue
        echo "skip: $command is not installed"
        exit 77
    done
}

# check WHAT COMMAND...
check() {
    what=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        echo "ok   $what"
    else
        echo "FAIL $what"
        tail -n 40 "$work/output" | sed 's/^/     /'
        failed=$((failed + 1))
    fi
}

# compile_c ARGUMENT..., compile_cxx COMPILER ARGUMENT...: every warning fails
compile_c() {
    # shellcheck disable=SC2086 # CC may be two words, such as "ccache gcc"
    ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror "$@"
}

compile_cxx() {
    cxx=$1
    shift
    "$cxx" -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Wshadow \
        -Wold-style-cast -Werror "$@"
}

# ask_pkg_config ARGUMENT...: answers for where the files really are
ask_pkg_config() {
    PKG_CONFIG_PATH=$pc_directory PKG_CONFIG_SYSROOT_DIR=$work/root \
        pkg-config "$@" reveil
}

# install_library, find_library: set pc_directory, headers and library
install_library() {
    check 'it installs' \
        meson install -C "$build" --no-rebuild --quiet --destdir "$work/root"
    [ $failed -eq 0 ] || exit 1
    find_library
}

find_library() {
    pc_directory=$(dirname "$(find "$work/root" -name reveil.pc)")
    headers=$(dirname "$(find "$work/root" -name reveil.h)")
    library=$(dirname "$(find "$work/root" -name libreveil.a)")
}
