# The node agent's image. Not tested: no container engine was at hand. From the root of a clone:
#   docker build --file deploy/container/node.Dockerfile --tag tideline/node:0.1.0 .
FROM debian:bookworm-slim AS build
COPY . /src
WORKDIR /src
RUN deploy/setup/install.sh --demo \
 && cmake --preset release -DBUILD_TESTING=OFF \
 && cmake --build --preset release --target tideline-node \
 && strip build/release/bin/tideline-node

FROM debian:bookworm-slim
# Package names of Debian 12; the last command fails where one is missing.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      libcaf-core0.17 libcapnp-0.9.2 libfmt9 libhwloc15 libspdlog1.10 libssl3 \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/tideline-node /usr/local/bin/
RUN tideline-node version
# Root of the host it runs on: cgroup files are root's. Which capabilities it keeps is the pod's to say
# (deploy/kubernetes/base/node/node.yaml).
USER 0:0
ENTRYPOINT ["/usr/local/bin/tideline-node"]
CMD ["--help"]
