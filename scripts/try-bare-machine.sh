#!/usr/bin/env bash
# Proves the set-up on a bare Debian 12: a fresh root with nothing but make, git, python3 and ca-certificates, a clean
# clone of HEAD in it, then the given make targets (default: demo test), and the same again without a network.
#
#   scripts/try-bare-machine.sh [--root-tar FILE] [--user] [--keep] [TARGET...]
#
#   --root-tar FILE  a minbase Debian 12 root made before (saves about 20 s; made and left there when it does not exist)
#   --user           not as root but as a user with sudo
#   --keep           leave the root where it is, to look at
#
# Needs root (chroot, namespaces), mmdebstrap, git and iproute2. Leaves no process and, without --keep, no file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

root_tar='' keep='' account=root targets=()
while (($#)); do
    case "$1" in
        --root-tar) root_tar=$2; shift ;;
        --user) account=caller ;;
        --keep) keep=yes ;;
        -*) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
        *) targets+=("$1") ;;
    esac
    shift
done
((${#targets[@]})) || targets=(demo test)
((EUID == 0)) || { echo "需要 root · needs root (chroot, namespaces)" >&2; exit 1; }

work=$(mktemp -d /var/tmp/hotline-bare.XXXXXX)
root=$work/root
clean_up() {
    if [[ -n $keep ]]; then echo "kept: $work"; else rm -rf --one-file-system -- "$work"; fi
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

# --- a bare root ------------------------------------------------------------------------------------------------------

make_root() {
    local tar=${root_tar:-$work/root.tar}
    if [[ ! -e $tar ]]; then
        mmdebstrap --quiet --variant=minbase bookworm "$tar.new"
        mv -- "$tar.new" "$tar"
    fi
    mkdir "$root"
    tar -C "$root" --numeric-owner --exclude='./dev/*' -xf "$tar"
}

# What this machine needs to reach Debian's mirrors and PyPI serves the bare one too; nothing else is taken from it.
copy_access() {
    local path
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    if grep -q '^VERSION_CODENAME=bookworm' /etc/os-release; then
        rm -f "$root/etc/apt/sources.list"
        for path in /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list \
            /etc/apt/apt.conf.d /etc/apt/auth.conf.d /etc/apt/trusted.gpg.d /etc/apt/keyrings /usr/share/keyrings; do
            [[ ! -e $path ]] || cp -a --parents "$path" "$root/"
        done
    fi
    for path in /etc/pip.conf /usr/local/share/ca-certificates; do
        [[ ! -e $path ]] || cp -a --parents "$path" "$root/"
    done
    [[ ! -e ${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf || -e $root/etc/pip.conf ]] ||
        cp -- "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$root/etc/pip.conf"
}

# inside NETWORK USER COMMAND: NETWORK is "online" or "offline"; all that it starts ends with it
inside() {
    local network=$1 user=$2 command=$3 own_net=() terminal=() access
    [[ $network == online ]] || own_net=(--net)
    [[ ! -t 1 ]] || terminal=(--pty)
    mapfile -t access < <(env | grep -E '^(PIP_|SSL_CERT_|REQUESTS_CA_BUNDLE=|(https?|no|all)_proxy=)' || true)
    mapfile -t -O "${#access[@]}" access < <(env | grep -E '^(HTTPS?|NO|ALL)_PROXY=' || true)
    # shellcheck disable=SC2016  # the variables are those of the inner shell
    unshare --mount --pid --fork --kill-child "${own_net[@]}" bash -euc '
        root=$1 user=$2 command=$3 terminal=$4; shift 4
        mount --make-rprivate /
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        ip link set lo up
        code=0  # this shell stays, as the init that reaps orphans
        chroot "$root" /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" \
            su $terminal --whitelist-environment="$(IFS=,; set -- "${@%%=*}"; echo "$*")" -l "$user" -c "$command" || code=$?
        exit $code
    ' bash "$root" "$user" "$command" "${terminal[*]}" LANG=C.UTF-8 "${access[@]}"
}

prepare() {
    inside online root 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy \
        --no-install-recommends make git ca-certificates python3 >/dev/null 2>&1'
    cp -- /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    if [[ $account != root ]]; then
        inside online root "DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends sudo >/dev/null 2>&1
            useradd -m -s /bin/bash $account && echo '$account ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/$account"
    fi
    git clone --quiet --no-hardlinks . "$work/clone"
    inside_home=$(inside online "$account" 'pwd' | tr -d '\r')
    mv -- "$work/clone" "$root$inside_home/hotline"
    chown -R "$(stat -c %u:%g "$root$inside_home")" "$root$inside_home/hotline"
}

# --- the trial --------------------------------------------------------------------------------------------------------

failures=0
try() {
    local network=$1 target=$2 began=$SECONDS code=0
    echo "=== $network: make $target"
    inside "$network" "$account" "cd hotline && make $target" || code=$?
    results+=("$(printf '%-8s make %-6s exit %d  %4d s' "$network" "$target" "$code" "$((SECONDS - began))")")
    ((code == 0)) || failures=$((failures + 1))
}

results=()
echo "=== a bare Debian 12 in $root"
make_root
copy_access
prepare
for target in "${targets[@]}"; do try online "$target"; done
for target in "${targets[@]}"; do try offline "$target"; done
printf '%s\n' '===' "${results[@]}"
exit $((failures > 0))
