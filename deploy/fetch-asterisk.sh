#!/bin/sh
# Finds Asterisk 20 or later, or brings a private copy that runs without root.
set -eu

usage() {
    cat <<'HELP'
usage: deploy/fetch-asterisk.sh [--help]

Makes a recent Asterisk (20 or later) available and prints, as its last line, the folder ROOT
below which it lies:

  /            the machine's own: `asterisk` is on PATH
  CACHE/root   a private copy of Debian's package, unpacked and not installed. It is started
               through its own loader, and as an ordinary user:
               ROOT/usr/lib/*/ld-linux*.so.* --library-path ROOT/usr/lib/<same folder> \
                 ROOT/usr/sbin/asterisk ...

CACHE is $SWITCHBOARD_ASTERISK_CACHE, else ${XDG_CACHE_HOME:-$HOME/.cache}/switchboard/asterisk.
The copy comes from the Debian mirror that this machine's apt already uses (suite sid), checked
against the installed Debian keyring. About 80 MB are downloaded once and 270 MB kept.
SWITCHBOARD_ASTERISK_PRIVATE=1 takes the private copy even where one is on PATH.

example: root=$(deploy/fetch-asterisk.sh | tail -n 1)
HELP
}

say() { printf 'fetch-asterisk: %s\n' "$*" >&2; }
die() {
    say "$1"
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

case $0 in
*/*) . "${0%/*}/private-apt.sh" ;;
*) . ./private-apt.sh ;;
esac

# Succeeds where the command given prints "Asterisk 20..." or later.
is_recent() {
    major=$("$@" -V 2>/dev/null | sed -n 's/^Asterisk \([0-9][0-9]*\)\..*/\1/p')
    [ "${major:-0}" -ge 20 ]
}

loader_of() { # ROOT
    for loader in "$1"/usr/lib/*/ld-linux*.so.* "$1"/usr/lib/ld-linux*.so.*; do
        [ -e "$loader" ] && printf '%s\n' "$loader" && return
    done
    return 1
}

is_whole() { # ROOT
    [ -x "$1/usr/sbin/asterisk" ] && loader=$(loader_of "$1") &&
        is_recent "$loader" --library-path "$1/usr/lib/$(basename "$(dirname "$loader")")" \
            "$1/usr/sbin/asterisk"
}

space_mb() { df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }'; }

download() {
    read_sid "Install Asterisk 20 or later by other means and put it on PATH."
    say "downloading Asterisk and the libraries it needs (about 80 MB, once)"
    private_apt -y --download-only install asterisk asterisk-core-sounds-en \
        >"$stage/apt.txt" 2>&1 ||
        die "the packages could not be downloaded:" "$(tail -n 3 "$stage/apt.txt")" \
            "Check the network and the free disk space, then run this again."
}

unpack() {
    say "unpacking"
    mkdir "$stage/root"
    for package in "$stage"/cache/archives/*.deb; do
        dpkg-deb -x "$package" "$stage/root" 2>"$stage/unpack.txt" ||
            die "a package could not be unpacked:" "$(tail -n 1 "$stage/unpack.txt")" \
                "Check the free disk space of $cache, then run this again."
    done
    rm -rf "$stage/root/usr/share/doc" "$stage/root/usr/share/man" "$stage/root/usr/share/locale"
    is_whole "$stage/root" || die "the copy that was fetched does not run" \
        "Install Asterisk 20 or later by other means and put it on PATH."
}

fetch() {
    for program in apt-get dpkg dpkg-deb flock; do
        command -v "$program" >/dev/null || die "no asterisk on PATH, and no $program to fetch it" \
            "Install Asterisk 20 or later by other means and put it on PATH."
    done
    mkdir -p "$cache" 2>/dev/null || die "the cache folder $cache cannot be made" \
        "Name another one in SWITCHBOARD_ASTERISK_CACHE."
    exec 9>"$cache/lock" || die "the cache folder $cache cannot be written" \
        "Name another one in SWITCHBOARD_ASTERISK_CACHE."
    flock -n 9 || { say "waiting for another fetch to end" && flock 9; }
    if is_whole "$root"; then return; fi # fetched by the other one meanwhile
    [ "$(space_mb "$cache")" -ge 800 ] || die "less than 800 MB are free for $cache" \
        "Make room, or name another folder in SWITCHBOARD_ASTERISK_CACHE."
    rm -rf "$cache"/stage.*
    stage=$(mktemp -d "$cache/stage.XXXXXX")
    trap 'rm -rf "$stage"' EXIT
    trap 'exit 130' INT TERM
    download
    unpack
    rm -rf "$root"
    mv "$stage/root" "$root"
    say "done"
}

case "${1:-}" in
--help | -h) usage && exit 0 ;;
"") ;;
*) usage >&2 && exit 2 ;;
esac

if [ -z "${SWITCHBOARD_ASTERISK_PRIVATE:-}" ] && command -v asterisk >/dev/null &&
    is_recent asterisk; then
    echo /
    exit 0
fi
cache=${SWITCHBOARD_ASTERISK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/switchboard/asterisk}
root=$cache/root
is_whole "$root" || fetch
printf '%s\n' "$root"
