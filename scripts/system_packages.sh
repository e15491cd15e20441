#!/bin/sh
# Installs the system packages that the embedded engine and the demo need, where that is allowed.
# The first group must be there; the second is real input for the demo, and optional. With the
# argument `tests` only what the tests need beside them is installed, which is optional, too.
set -eu

NEEDED="libegl1 libgl1 libgl1-mesa-dri libglib2.0-0 python3-venv"
TESTS="chromium cmake doctest-dev g++"
LEVELS="openarena-081-maps openarena-081-textures openarena-data"

missing() {
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" ||
            printf ' %s' "$package"
    done
}

install() {
    if [ "$(id -u)" = 0 ]; then root=""; else root="sudo -n"; fi
    $root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        $root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    [ "${1:-}" = tests ] && exit 0
    echo "No apt-get here. Needed: EGL with a software or GPU driver (Debian: $NEEDED)." >&2
    echo "Without the OpenArena levels the demo uses generated scenes only." >&2
    exit 0
fi

if [ "${1:-}" = tests ]; then
    tests=$(missing $TESTS)
    if [ -n "$tests" ]; then
        echo "installing what the tests use:$tests"
        # shellcheck disable=SC2086
        install $tests || echo "Without$tests some tests are skipped: web pages need chromium, the" \
            "Unreal plugin's core cmake and g++." >&2
    fi
    exit 0
fi

needed=$(missing $NEEDED)
if [ -n "$needed" ]; then
    echo "installing system packages:$needed"
    # shellcheck disable=SC2086
    if ! install $needed; then
        echo "error: system packages are missing and could not be installed; as root run: apt-get install --no-install-recommends$needed" >&2
        exit 1
    fi
fi

levels=$(missing $LEVELS)
if [ -n "$levels" ]; then
    echo "installing OpenArena's levels (real input for the demo):$levels"
    # shellcheck disable=SC2086
    if ! install $levels; then
        echo "OpenArena's levels could not be installed: going on with generated scenes only." >&2
        echo "To have them, as root run: apt-get install$levels" >&2
    fi
fi
