#!/bin/sh
# Downloads Debian's package of Odoo 19, not to install it but to run it in the tests.
set -eu

usage() {
    cat <<'HELP'
usage: tests/servers/odoo/fetch.sh STAGE

Downloads the package odoo-19 (about 120 MB) of Debian sid into the empty folder STAGE, from the
mirror that this machine's apt already uses and checked against the installed Debian keyring.
Prints the path of the .deb as its last line.

example: package=$(tests/servers/odoo/fetch.sh "$(mktemp -d)" | tail -n 1)
HELP
}

say() { printf 'fetch odoo: %s\n' "$*" >&2; }
die() {
    say "$1"
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

case "${1:-}" in
--help | -h) usage && exit 0 ;;
-* | "") usage >&2 && exit 2 ;;
esac
stage=$1

for program in apt-get dpkg dpkg-deb; do
    command -v "$program" >/dev/null || die "there is no $program to fetch Odoo with"
done
. "${0%/*}/../../../deploy/private-apt.sh"
read_sid "Odoo 19 comes from Debian sid only."
say "downloading Odoo 19 (about 120 MB, once)"
cd "$stage"
private_apt download odoo-19 >"$stage/apt.txt" 2>&1 ||
    die "the package could not be downloaded:" "$(tail -n 3 "$stage/apt.txt")"
set -- "$stage"/odoo-19_*.deb
[ -r "$1" ] || die "apt brought no package odoo-19"
printf '%s\n' "$1"
