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
# The last command fails where a package is missing.
COPY deploy/setup /setup
RUN /setup/install.sh --image node \
 && rm -rf /setup /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/tideline-node /usr/local/bin/
RUN tideline-node version
# Root of the host it runs on: cgroup files are root's. Which capabilities it keeps is the pod's to say
# (deploy/kubernetes/base/node/node.yaml).
USER 0:0
ENTRYPOINT ["/usr/local/bin/tideline-node"]
CMD ["--help"]
