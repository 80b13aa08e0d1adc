#!/usr/bin/env bash
# Make sure of system programs and libraries: each argument is PROGRAM:PACKAGE, LIBRARY.so.N:PACKAGE or, for a program that is on no PATH, /PATTERN:PACKAGE.
# Installs what is missing through apt where it may, else says what to run. Without a package that ends in "?" the tests that want it are skipped.
set -euo pipefail

missing=()
wished=()
for pair in "$@"; do
    case "${pair%%:*}" in
    /*) compgen -G "${pair%%:*}" >/dev/null ;;
    *.so*) PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -qF "${pair%%:*}" ;;
    *) command -v "${pair%%:*}" >/dev/null ;;
    esac || case "$pair" in
    *\?) package="${pair##*:}" && wished+=("${package%?}") ;;
    *) missing+=("${pair##*:}") ;;
    esac
done

# Debian's PostgreSQL would make a cluster and start it: only its programs are wanted.
wish() {
    export DEBIAN_FRONTEND=noninteractive
    if [ "$1" = postgresql ]; then
        $2 apt-get install -y -qq postgresql-common >/dev/null || return
        $2 sed -i 's/^#\? *create_main_cluster *=.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    fi
    $2 apt-get install -y -qq "$1" >/dev/null
}
if [ ${#wished[@]} -gt 0 ]; then
    as=
    [ "$(id -u)" = 0 ] || as="sudo -n -E"
    for package in "${wished[@]}"; do
        { command -v apt-get && $as true && $as apt-get update -qq && wish "$package" "$as"; } >/dev/null 2>&1 ||
            echo "Tests that want $package are skipped: it is not installed, and cannot be here." >&2
    done
fi
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y ${missing[*]}"
if command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null && exit 0
    elif sudo -n true 2>/dev/null; then
        sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive $install -qq >/dev/null && exit 0
    fi
    echo "Missing: ${missing[*]}. Run: sudo $install" >&2
else
    echo "Missing: ${missing[*]}. Install them with your system's package manager, then run make again." >&2
fi
exit 1
