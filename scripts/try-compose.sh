#!/usr/bin/env bash
# Proves docker-compose.yml where there is no Docker and no image registry: runs it as it is with podman, and makes real
# calls through it from a network of their own, as if from a machine beside this one.
#
#   scripts/try-compose.sh [--fresh] [--keep]
#
#   --fresh  build every image anew (they are kept in .local/try-compose)
#   --keep   leave the containers running, to look at
#
# The images that a registry would bring are built here from Debian's packages and bear the names that the Dockerfile and
# the compose file use. Needs root and podman, buildah, runc, netavark, aardvark-dns, mmdebstrap, iproute2 and `make setup`.
# Leaves no container, no volume and no network; images and podman's own files stay in .local/try-compose.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly PODMAN_COMPOSE_VERSION=1.6.0  # Debian's own (1.0) knows no network that two services share
readonly WORK=$PWD/.local/try-compose
readonly PROJECT=hotline-trial
readonly NETNS=hotline-phones
readonly HOST_IP=198.18.77.1 SEATS_IP=198.18.77.2 TRUNK_IP=198.18.77.3  # of RFC 2544: no real network has these
readonly TRUNK_PORT=$((30000 + RANDOM % 10000))  # the kernel may still know the last trial's, and where it led to
readonly SERVICE=${PROJECT}_hotline_1 ASTERISK=${PROJECT}_asterisk_1 POSTGRES=${PROJECT}_postgres_1 REDIS=${PROJECT}_redis_1
readonly BASE=debian:trixie-slim

fresh='' keep=''
while (($#)); do
    case "$1" in
        --fresh) fresh=yes ;;
        --keep) keep=yes ;;
        *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done
((EUID == 0)) || { echo "需要 root · needs root (containers, network namespaces)" >&2; exit 1; }
[[ -x .venv/bin/python ]] || { echo "先执行 · first: make setup" >&2; exit 1; }

say() { printf '=== %s (%d s)\n' "$*" "$SECONDS"; }
fail() { printf '✗ %s\n' "$*" >&2; exit 1; }

# --- podman, with everything of its own below $WORK ---------------------------------------------------------------------

set_up_podman() {
    mkdir -p "$WORK/networks"
    cat >"$WORK/storage.conf" <<END
[storage]
driver = "overlay"
graphroot = "$WORK/storage"
runroot = "$WORK/run"
END
    cat >"$WORK/containers.conf" <<END
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=1000:1000"]
[engine]
runtime = "runc"
[network]
network_config_dir = "$WORK/networks"
END
    export CONTAINERS_STORAGE_CONF=$WORK/storage.conf CONTAINERS_CONF=$WORK/containers.conf
    if [[ ! -x $WORK/venv/bin/podman-compose ]]; then
        python3 -m venv "$WORK/venv"
        "$WORK/venv/bin/pip" --quiet --disable-pip-version-check install "podman-compose==$PODMAN_COMPOSE_VERSION"
    fi
}

compose() {
    HOTLINE_CONFIG_FILE=$WORK/hotline.yaml HOTLINE_EXTERNAL_ADDRESS=$HOST_IP HOTLINE_SIP_PUBLISH=$HOST_IP \
        HOTLINE_HTTP_PUBLISH=$HOST_IP "$WORK/venv/bin/podman-compose" --in-pod=false -p "$PROJECT" "$@"
}

# --- images ---------------------------------------------------------------------------------------------------------------

# What this machine needs to reach Debian's mirrors and PyPI serves the build too: it is in the base image, so that
# the Dockerfile needs to know nothing of it.
make_base() {
    local access=() path
    for path in /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
        [[ ! -e $path ]] || access+=(--customize-hook="mkdir -p \"\$1${path%/*}\"" --customize-hook="upload $path $path")
    done
    [[ ! -d /usr/local/share/ca-certificates ]] ||
        access+=(--customize-hook='copy-in /usr/local/share/ca-certificates /usr/local/share')
    mmdebstrap --quiet --variant=minbase "${access[@]}" trixie - | podman import --quiet - "$BASE"
}

make_valkey() {
    podman build --quiet --format docker --tag valkey/valkey:8.1 - <<END
FROM $BASE
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends valkey-server && rm -rf /var/lib/apt/lists/* \
    && install -d -o valkey -g valkey /data
WORKDIR /data
USER valkey
CMD ["valkey-server"]
END
}

# the official image's entry point, as far as the compose file relies on it
make_postgres() {
    mkdir -p "$WORK/postgres"
    cat >"$WORK/postgres/docker-entrypoint.sh" <<'END'
#!/bin/sh
set -eu
export PGDATA=/var/lib/postgresql/data
as_postgres="setpriv --reuid=postgres --regid=postgres --init-groups"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" >/tmp/password
    chown postgres "$PGDATA" /tmp/password
    $as_postgres initdb --username="$POSTGRES_USER" --pwfile=/tmp/password
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | $as_postgres postgres --single -j postgres
fi
exec $as_postgres "$@" -c "listen_addresses=*"
END
    podman build --quiet --format docker --tag postgres:17 --file - "$WORK/postgres" <<END
FROM $BASE
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-17 && rm -rf /var/lib/apt/lists/* \
    && install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data
COPY --chmod=755 docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
VOLUME /var/lib/postgresql/data
CMD ["postgres"]
END
}

make_images() {
    [[ -z $fresh ]] || podman rmi --all --force >/dev/null
    podman image exists "$BASE" || { say "debian:trixie-slim"; make_base; }
    podman image exists valkey/valkey:8.1 || { say "valkey:8.1"; make_valkey; }
    podman image exists postgres:17 || { say "postgres:17"; make_postgres; }
    say "hotline-linkage"
    podman build --format docker --tag hotline-linkage . >"$WORK/build.log" 2>&1 ||
        { tail -n 30 "$WORK/build.log"; fail "the image cannot be built"; }
    podman images --filter dangling=false --format '    {{.Repository}}:{{.Tag}}  {{.Size}}'
}

# --- a machine beside this one, with the seats' phones and the trunk ------------------------------------------------------

connect_phones() {
    ip netns add "$NETNS"
    ip link add "$NETNS" type veth peer name eth0 netns "$NETNS"
    ip address add "$HOST_IP/24" dev "$NETNS"
    ip link set "$NETNS" up
    ip -n "$NETNS" address add "$SEATS_IP/24" dev eth0
    ip -n "$NETNS" address add "$TRUNK_IP/24" dev eth0
    ip -n "$NETNS" link set lo up
    ip -n "$NETNS" link set eth0 up
}

write_config() {
    .venv/bin/python - "$TRUNK_IP" "$TRUNK_PORT" >"$WORK/hotline.yaml" <<'END'
import sys, pathlib, yaml
ip, port = sys.argv[1:]
content = yaml.safe_load(pathlib.Path("hotline.yaml").read_text(encoding="utf-8"))
content["trunks"] = [{"id": "pstn", "match": [ip], "contact": f"sip:{ip}:{port}"}]
content["seats"] = [{**seat, "phone": "desk"} for seat in content["seats"]]
yaml.safe_dump(content, sys.stdout, allow_unicode=True)
END
    chmod 644 "$WORK/hotline.yaml"
}

# --- the trial ------------------------------------------------------------------------------------------------------------

containers() { podman ps --all --filter "label=io.podman.compose.project=$PROJECT" --format '{{.Names}}'; }

take_down() {
    [[ -z $(containers) ]] || compose down --volumes >>"$WORK/compose.log" 2>&1 || true
    podman volume prune --force >/dev/null
    ip link delete "$NETNS" 2>/dev/null || true
    ip netns delete "$NETNS" 2>/dev/null || true
}

on_exit() {
    local code=$?
    if ((code != 0)) && [[ -n $(containers) ]]; then
        for name in $(containers); do
            echo "--- $name"
            podman logs --tail 15 "$name" 2>&1 || true
        done >&2
    fi
    if [[ -n $keep ]]; then
        echo "left running; to look at them: export CONTAINERS_CONF=$CONTAINERS_CONF CONTAINERS_STORAGE_CONF=$CONTAINERS_STORAGE_CONF"
    else
        take_down
    fi
}

# There is no systemd here to run the health checks of the compose file by the clock: they are run by hand until they pass.
wait_healthy() {
    local name deadline=$((SECONDS + 120))
    for name in "$@"; do
        until podman healthcheck run "$name" >/dev/null 2>&1; do
            ((SECONDS < deadline)) || fail "$name is not healthy"
            sleep 0.5
        done
        say "healthy: $name"
    done
}

hold() { [[ $2 == "$3" ]] || fail "$1: $2, should be $3"; }

check_confinement() {
    local name
    for name in "$SERVICE" "$ASTERISK"; do
        hold "$name: user" "$(podman exec "$name" id -u)" 10001
        hold "$name: capabilities" "$(podman exec "$name" sed -n 's/^CapEff:\t//p' /proc/self/status)" 0000000000000000
        if podman exec "$name" sh -c ': >/opt/hotline/x' 2>/dev/null; then fail "$name: its image can be written to"; fi
    done
    hold "password file" "$(podman exec "$POSTGRES" stat -c '%a %u' /run/database-password/pgpass)" "600 10001"
    podman exec "$SERVICE" hotline passwords | sed -n '1,2p'
    podman exec "$SERVICE" hotline apply
    say "not root, no capability, nothing written outside volumes; hotline apply reaches both containers"
}

stop_in_order() {
    local name
    compose stop >>"$WORK/compose.log" 2>&1
    for name in "$SERVICE" "$ASTERISK" "$REDIS" "$POSTGRES"; do
        hold "$name: exit code" "$(podman inspect --format '{{.State.ExitCode}}' "$name")" 0
    done
    say "stopped, every exit code is 0"
}

check_nothing_left() {
    compose down --volumes >>"$WORK/compose.log" 2>&1
    hold "containers" "$(podman ps --all --quiet)" ""
    hold "volumes" "$(podman volume ls --quiet)" ""
    hold "networks" "$(podman network ls --format '{{.Name}}')" podman
    say "down: no container, volume or network is left"
}

set_up_podman
trap on_exit EXIT
trap 'exit 130' INT TERM
take_down
make_images
connect_phones
write_config
say "up"
compose up --detach --no-build >"$WORK/compose.log" 2>&1 || { tail -n 30 "$WORK/compose.log"; fail "compose up"; }
wait_healthy "$POSTGRES" "$REDIS" "$ASTERISK" "$SERVICE"
check_confinement
PYTHONPATH=$PWD nsenter --net="/run/netns/$NETNS" .venv/bin/python scripts/try_compose_calls.py \
    "$HOST_IP" "$SEATS_IP" "$TRUNK_IP:$TRUNK_PORT" "$SERVICE" "$ASTERISK" "$POSTGRES"
wait_healthy "$POSTGRES" "$REDIS" "$ASTERISK" "$SERVICE"
[[ -z $keep ]] || exit 0
stop_in_order
check_nothing_left
say "✓ docker-compose.yml holds"
