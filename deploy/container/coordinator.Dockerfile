# The coordinator's image. Not tested: no container engine was at hand. From the root of a clone:
#   docker build --file deploy/container/coordinator.Dockerfile --tag tideline/coordinator:0.1.0 .
FROM debian:bookworm-slim AS build
COPY . /src
WORKDIR /src
RUN deploy/setup/install.sh --demo \
 && cmake --preset release -DBUILD_TESTING=OFF \
 && cmake --build --preset release --target tideline-coordinator tidectl tideline-history tideline-planner \
 && strip build/release/bin/tideline-coordinator build/release/bin/tidectl build/release/bin/tideline-history \
   build/release/bin/tideline-planner

FROM debian:bookworm-slim
# The last command fails where a package is missing.
COPY deploy/setup /setup
RUN /setup/install.sh --image coordinator \
 && rm -rf /setup /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/tideline-coordinator /src/build/release/bin/tidectl \
  /src/build/release/bin/tideline-history /src/build/release/bin/tideline-planner /usr/local/bin/
RUN tideline-coordinator version && tidectl version && tideline-history version && tideline-planner version
USER 7400:7400
ENTRYPOINT ["/usr/local/bin/tideline-coordinator"]
