# SPDX-License-Identifier: Apache-2.0
# Knot with the sample site, and `rondo` for other programs:
#   docker build -t rondo .
#   docker run --rm -p 8080:8080 rondo
#   docker run --rm -p 8080:8080 -v /srv/www:/srv/www:ro rondo
FROM debian:12-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        build-essential meson ninja-build pkg-config python3 \
        libboost-context-dev libboost-dev libcli11-dev libdw-dev liburing-dev
COPY . /src
WORKDIR /src
RUN meson setup build --prefix /usr -Dtests=false \
    && ninja -C build installed \
    && meson install -C build --no-rebuild --strip --destdir /stage

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libdw1 libstdc++6 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /stage /
COPY docs/examples/site /srv/www
USER nobody
EXPOSE 8080
CMD ["knot", "--port", "8080", "--root", "/srv/www"]
