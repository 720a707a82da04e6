# The coordinator's image. Not tested: no container engine was at hand. From the root of a clone:
#   docker build --file deploy/container/coordinator.Dockerfile --tag tideline/coordinator:0.1.0 .
FROM debian:bookworm-slim AS build
COPY . /src
WORKDIR /src
RUN deploy/setup/install.sh --demo \
 && cmake --preset release -DBUILD_TESTING=OFF \
 && cmake --build --preset release --target tideline-coordinator tidectl \
 && strip build/release/bin/tideline-coordinator build/release/bin/tidectl

FROM debian:bookworm-slim
# Package names of Debian 12; the last command fails where one is missing.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
      libcaf-core0.17 libcapnp-0.9.2 libfmt9 librocksdb7.8 libspdlog1.10 libssl3 libyaml-cpp0.7 zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/build/release/bin/tideline-coordinator /src/build/release/bin/tidectl /usr/local/bin/
RUN tideline-coordinator version && tidectl version
USER 7400:7400
ENTRYPOINT ["/usr/local/bin/tideline-coordinator"]
