#!/usr/bin/env bash
# Make sure of system programs and libraries: each argument is PROGRAM:PACKAGE or LIBRARY.so.N:PACKAGE. Installs what is missing through apt where it may,
# else says what to run.
set -euo pipefail

missing=()
for pair in "$@"; do
    case "${pair%%:*}" in
    *.so*) PATH="$PATH:/sbin:/usr/sbin" ldconfig -p | grep -qF "${pair%%:*}" ;;
    *) command -v "${pair%%:*}" >/dev/null ;;
    esac || missing+=("${pair##*:}")
done
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
