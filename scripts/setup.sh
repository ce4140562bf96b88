#!/usr/bin/env bash
# Everything between a clean clone and a running system. Idempotent: what is there already is left alone, and when all
# is there it takes a fraction of a second and no network. Each step builds beside its place and renames, so that an
# interrupted set-up leaves nothing that looks whole.
#
#   scripts/setup.sh [--for run|demo|test|lint]
#
# HOTLINE_DEBIAN_MIRROR   a Debian mirror to fetch the embedded Asterisk from (default: mmdebstrap's own)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly UV_VERSION=0.13.9
readonly TOOLS=.local
readonly LOGS=$TOOLS/setup-logs
readonly VENV=.venv

# --- what is asked for ------------------------------------------------------------------------------------------------

purpose=run
case "${1:-}" in
    '') ;;
    --for) purpose=${2:-} ;;
    --for=*) purpose=${1#--for=} ;;
    *) purpose= ;;
esac
case "$purpose" in
    run | demo | test | lint) ;;
    *) echo "usage: $0 [--for run|demo|test|lint]" >&2; exit 2 ;;
esac
needs() { [[ " $* " == *" $purpose "* ]]; }

# --- showing what happens ---------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*" >&2; }

# give_up MESSAGE...: one line each
give_up() { printf '%s\n' "$@" >&2; exit 1; }

child=
child_name=
temporary=()
on_exit() {
    if [[ -n $child ]]; then
        if [[ $child_name == apt-install ]]; then
            say "等待 apt-get 完成，以免损坏软件包数据库 · letting apt-get finish, lest the package database be left half-way"
        else
            kill -TERM -- "-$child" 2>/dev/null || true
        fi
        wait "$child" 2>/dev/null || true
    fi
    ((${#temporary[@]} == 0)) || rm -rf -- "${temporary[@]}"
}
trap on_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# step LOGNAME TEXT COMMAND...: runs the command with its output in a log, shows elapsed time, quotes the log on failure
step() {
    local log=$LOGS/$1.log text=$2 began=$SECONDS code=0
    child_name=$1
    shift 2
    : >"$log"
    say "… $text"
    set -m  # a process group of its own, to be ended whole
    # Away from the terminal, whose modes apt sets when it is done and would be stopped for; and without the lock,
    # since apt starts servers that would keep it.
    (trap '' TTIN TTOU; "$@") </dev/null >"$log" 2>&1 9>&- &
    child=$!
    set +m
    if [[ -t 2 ]]; then spin "$log"; else plod "$text"; fi
    wait "$child" || code=$?
    child=
    if ((code != 0)); then
        say "✗ $text ($((SECONDS - began)) s)"
        tail -n 15 "$log" | sed 's/^/  | /' >&2
        give_up "失败，完整日志：$PWD/$log · failed, the whole log is there. 修复后重新执行同一命令即可 · run the same command again."
    fi
    say "✓ $text ($((SECONDS - began)) s)"
}

spin() {
    local frames='|/-+' turn=0 began=$SECONDS last
    while kill -0 "$child" 2>/dev/null; do
        last=$(tail -n 1 "$1" 2>/dev/null | tr -d '\000-\037' | cut -c 1-60) || true
        printf '\r\033[K  %s %d s  %s' "${frames:turn++ % 4:1}" "$((SECONDS - began))" "$last" >&2
        sleep 0.2
    done
    printf '\r\033[K' >&2
}

plod() {
    local began=$SECONDS next=10
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.2
        if ((SECONDS - began >= next)); then
            say "… $1, $((SECONDS - began)) s"
            next=$((next + 10))
        fi
    done
}

# --- Python -----------------------------------------------------------------------------------------------------------

python=
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            python=$candidate
            return
        fi
    done
    return 1
}

# --- system packages --------------------------------------------------------------------------------------------------

packages=()
reasons=()
want() { packages+=("$1"); reasons+=("  $1: $2"); }

has() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null 2>&1; }
has_asterisk() { [[ -n $python ]] && "$python" -m telephony.asterisk.install --check "$TOOLS" >/dev/null 2>&1; }
has_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
has_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

list_missing_packages() {
    packages=()
    reasons=()
    if ! find_python; then
        want python3 "服务由 Python ≥ 3.11 编写 · the service is written in Python ≥ 3.11"
        want python3-venv "独立的 Python 环境 .venv · a Python environment of our own, .venv"
    elif [[ ! -x $VENV/bin/python ]] && ! has_venv; then
        if [[ $python == python3 ]]; then want python3-venv "独立的 Python 环境 .venv · a Python environment of our own, .venv"
        else want "$python-venv" "独立的 Python 环境 .venv · a Python environment of our own, .venv"; fi
    fi
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || want ca-certificates "下载时校验服务器 · to trust the servers we download from"
    if needs run demo test && ! has_asterisk && ! has mmdebstrap; then
        want mmdebstrap "把 Asterisk 22 解包到 $TOOLS/asterisk，不改动系统 · unpacks Asterisk 22 into $TOOLS/asterisk; the system stays as it is"
    fi
    if needs test && ! has chromium; then
        want chromium "测试录音回放页面（真实浏览器） · the page that plays recordings is tested in a real browser"
    fi
    if needs test && ! has_postgres; then
        want postgresql "同一套测试也在 PostgreSQL 上运行（临时实例） · the same tests also run on PostgreSQL, on a throw-away server"
    fi
}

install_packages() {
    list_missing_packages
    ((${#packages[@]})) || return 0
    say "需要以下系统软件包 · these system packages are needed:"
    printf '%s\n' "${reasons[@]}" >&2
    local install=(apt-get install -y --no-install-recommends "${packages[@]}")
    has apt-get || give_up "本机没有 apt-get，请用自己的包管理器安装后重试 · no apt-get here: install them by your own means and run this again."
    local root=()
    if ((EUID != 0)); then
        if ! has sudo || ! become_root; then
            give_up "当前用户无法安装，请管理员执行 · this user cannot install them; ask an administrator to run:" \
                "  apt-get update && ${install[*]}" "然后重新执行同一命令 · then run the same command again."
        fi
        root=(sudo -n)
    fi
    say "执行 · running: ${root[*]:+${root[*]} }apt-get update; ${root[*]:+${root[*]} }${install[*]}"
    root+=(env DEBIAN_FRONTEND=noninteractive)
    step apt-update "软件包目录 · package lists" "${root[@]}" apt-get update
    step apt-install "系统软件包 · system packages" "${root[@]}" "${install[@]}"
    find_python || give_up "本机的 Python 不在 3.11–3.13 之间 · Python 3.11 to 3.13 is needed; this machine's packages bring another one."
}

become_root() {
    sudo -n true 2>/dev/null && return
    [[ -t 0 ]] && say "需要 sudo 密码 · sudo will ask for your password" && sudo -v
}

# --- Python packages --------------------------------------------------------------------------------------------------

# pip_setting NAME: what this machine's pip configuration says, from the environment or a file; empty when it says nothing
pip_setting() {
    local scope
    for scope in :env: install user site global; do
        "$TOOLS/tools/bin/python" -m pip config get "$scope.$1" 2>/dev/null && return
    done
    true
}

# uv reads none of pip's settings, so the ones that decide whether a download succeeds are handed on
adopt_pip_settings() {
    local index certificates proxy
    index=$(pip_setting index-url)
    certificates=$(pip_setting cert)
    proxy=$(pip_setting proxy)
    [[ -z $index ]] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}
    [[ -z $certificates ]] || export SSL_CERT_FILE=${SSL_CERT_FILE:-$certificates}
    [[ -z $proxy ]] || export HTTPS_PROXY=${HTTPS_PROXY:-$proxy}
    export UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-180}
}

# replace NEW OLD: the new folder in the old one's place
replace() {
    rm -rf -- "$2.old"
    [[ ! -e $2 ]] || mv -- "$2" "$2.old"
    mv -- "$1" "$2"
    rm -rf -- "$2.old"
}

install_uv() {
    [[ ! -x $TOOLS/tools/bin/uv || $("$TOOLS/tools/bin/uv" --version) != "uv $UV_VERSION"* ]] || return 0
    local fresh=$TOOLS/tools.new
    temporary+=("$fresh")
    rm -rf -- "$fresh"
    step uv "uv $UV_VERSION（安装 Python 依赖的工具） · the tool that installs the Python packages" make_tools "$fresh"
    replace "$fresh" "$TOOLS/tools"
}

make_tools() {
    "$python" -m venv "$1"
    "$1/bin/python" -m pip install --disable-pip-version-check --no-input "uv==$UV_VERSION"
}

# The stamp lies inside the environment, so that both appear by the same rename: "all" has the tools for tests and demo.
stamp() { sha256sum uv.lock pyproject.toml scripts/setup.sh - <<<"$PWD" | sha256sum | cut -c 1-32; }
venv_is() { [[ -x $VENV/bin/python && -x $VENV/bin/hotline && -e $VENV/.stamp-$1 && $(<"$VENV/.stamp-$1") == "$(stamp)" ]]; }

install_venv() {
    if venv_is all; then return; fi
    local groups=all
    if needs run; then
        if venv_is service; then return; fi
        groups=service
    fi
    install_uv
    adopt_pip_settings
    local fresh=$VENV.new
    temporary+=("$fresh")
    rm -rf -- "$fresh"
    step venv "Python 依赖（按 uv.lock 锁定） · Python packages, locked by uv.lock" make_venv "$fresh" "$groups"
    replace "$fresh" "$VENV"
}

make_venv() {
    local uv=$TOOLS/tools/bin/uv fresh=$1 groups=$2 only=()
    [[ $groups == all ]] || only=(--no-dev)
    "$uv" venv --relocatable --python "$(command -v "$python")" "$fresh"
    "$uv" export --frozen --no-emit-project --extra probe "${only[@]}" --quiet --output-file "$fresh/locked.txt"
    "$uv" pip install --python "$fresh/bin/python" --require-hashes --requirement "$fresh/locked.txt"
    "$uv" pip install --python "$fresh/bin/python" --no-deps --editable .
    stamp >"$fresh/.stamp-$groups"
}

# --- Asterisk ---------------------------------------------------------------------------------------------------------

install_asterisk() {
    needs run demo test || return 0
    ! has_asterisk || return 0
    step asterisk "Asterisk 22（约 270 MB，解包到 $TOOLS/asterisk） · about 270 MB, unpacked into $TOOLS/asterisk" \
        "$python" -m telephony.asterisk.install "$TOOLS" ${HOTLINE_DEBIAN_MIRROR:+--mirror "$HOTLINE_DEBIAN_MIRROR"}
}

# ----------------------------------------------------------------------------------------------------------------------

mkdir -p "$LOGS"
exec 9>"$TOOLS/setup.lock"
if ! flock --nonblock 9; then
    say "另一个安装正在进行，等待它结束 · another set-up is running; waiting for it"
    flock 9
fi
install_packages
install_venv
install_asterisk
