# One image for both of our containers, `hotline asterisk` and `hotline serve`: see docker-compose.yml.
# Nothing but Debian and PyPI is needed to build it. It runs as uid 10001 and writes only to /var/lib/hotline and /tmp.

# --- the same set-up as on any other machine; it is repeated only when one of these few files changes ------------------
FROM debian:trixie-slim AS setup
WORKDIR /opt/hotline
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY scripts/setup.sh scripts/
COPY telephony/__init__.py telephony/errors.py telephony/
COPY telephony/asterisk/__init__.py telephony/asterisk/errors.py telephony/asterisk/install.py telephony/asterisk/
RUN mkdir asterisk-config && scripts/setup.sh --for run && python3 -m compileall -q -j 0 .venv

# Asterisk 22 comes from a newer Debian than the image, so it brings its own libraries and loader. Of its tree only this
# is needed, with a command in front that puts the three together.
RUN mkdir /opt/asterisk \
    && cd .local/asterisk/usr \
    && cp -a --parents lib* sbin/asterisk share/asterisk /opt/asterisk/ \
    && printf '#!/bin/sh\nexec %s --library-path %s /opt/asterisk/sbin/asterisk "$@"\n' \
        /opt/asterisk/lib*/ld-linux*.so.* /opt/asterisk/lib/*-linux-gnu* >/opt/asterisk/asterisk \
    && chmod 755 /opt/asterisk/asterisk

# --- what runs --------------------------------------------------------------------------------------------------------
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /var/lib/hotline --no-create-home --shell /usr/sbin/nologin hotline \
    && install -d -o hotline -g hotline -m 700 /var/lib/hotline \
    && ln -s /opt/asterisk/asterisk /usr/local/sbin/asterisk \
    && ln -s /var/lib/hotline/etc /etc/asterisk
COPY --from=setup /opt/asterisk /opt/asterisk
COPY --from=setup /opt/hotline/.venv /opt/hotline/.venv
WORKDIR /opt/hotline
COPY hotline.yaml /etc/hotline/hotline.yaml
COPY asterisk-config asterisk-config
COPY telephony telephony
COPY ivr ivr
COPY records records
COPY linkage linkage
COPY api api
RUN python3 -m compileall -q -j 0 api ivr records telephony

ENV PATH=/opt/hotline/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    HOTLINE_HOME=/var/lib/hotline \
    HOTLINE_CONFIG=/etc/hotline/hotline.yaml
USER 10001:10001
VOLUME /var/lib/hotline
CMD ["hotline", "serve"]
