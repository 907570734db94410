#!/bin/sh
# Makes sure that programs exist; installs their Debian packages where we may, else says what to do.
#   deploy/install-programs.sh sipp flite espeak-ng
set -eu

package_of() {
    case "$1" in
        sipp) echo sip-tester ;;
        node) echo nodejs ;;
        postgres) echo postgresql ;;
        chinese-font) echo fonts-wqy-microhei ;;
        *) echo "$1" ;;
    esac
}

is_there() {
    command -v "$1" >/dev/null 2>&1 && return 0
    # No program: without one, pages in Chinese are pictures of empty boxes.
    [ "$1" = chinese-font ] && [ -n "$(fc-list :lang=zh 2>/dev/null)" ] && return 0
    # Debian keeps PostgreSQL's server programs off the PATH.
    [ "$1" = postgres ] && ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1
}

missing=
packages=
for program in "$@"; do
    is_there "$program" && continue
    missing="$missing $program"
    packages="$packages $(package_of "$program")"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing:$missing. Install them with this system's package manager (Debian calls them:$packages)." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "missing:$missing. Run:  sudo apt-get install --no-install-recommends$packages" >&2
    exit 1
fi
echo "installing$packages"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    echo "could not install$packages: see above; a proxy or an unreachable mirror is the usual cause" >&2
    exit 1
fi
