# Debian sid's packages without touching the machine's own apt. For scripts that source it and have
# `say`, `die` and the folder $stage.

# The address of the Debian archive that this machine's own apt sources name.
mirror() {
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's,/*$,,; /\/debian$/p' | head -n 1
}

# apt, in a world of its own below $stage: nothing of the machine's state is read or written.
private_apt() {
    apt-get -qq \
        -o Dir::Etc::SourceList="$stage/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State="$stage/state" -o Dir::State::Lists="$stage/lists" \
        -o Dir::State::Status="$stage/status" -o Dir::State::Extended_States="$stage/extended" \
        -o Dir::Cache="$stage/cache" -o Dir::Log="$stage/log" \
        -o APT::Architecture="$arch" -o APT::Architectures::="$arch" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 \
        -o APT::Install-Recommends=false -o APT::Default-Release= \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::PDiffs=false "$@"
}

# The package lists of sid, checked against the installed Debian keyring.
read_sid() { # what to do where there is no Debian archive
    url=$(mirror)
    [ -n "$url" ] || die "this machine's apt sources name no Debian archive to fetch from" "$1"
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -r "$keyring" ] || die "the Debian keyring is not installed" \
        "Install the package debian-archive-keyring."
    arch=$(dpkg --print-architecture)
    mkdir -p "$stage/state" "$stage/lists/partial" "$stage/cache/archives/partial" "$stage/log"
    : >"$stage/status"
    printf 'deb [signed-by=%s] %s sid main\n' "$keyring" "$url" >"$stage/sources.list"
    say "reading the package lists of Debian sid"
    private_apt -o APT::Update::Error-Mode=any update >"$stage/apt.txt" 2>&1 ||
        die "the Debian archive could not be read:" "$(tail -n 3 "$stage/apt.txt")" \
            "Check the network (and the proxy in apt's configuration), then run this again."
}
