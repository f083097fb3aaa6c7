# The image of the agent and of the controller: one program, and nft, by which the agent closes FRR's
# ports. The context is the repository:
#
#   docker build --file deploy/images/perouter.Dockerfile --tag perouter/perouter .
#
# With `--target prebuilt` the image holds the program that `make build` made here, and no image with a
# compiler is needed. Stages stand in this order because Docker's classic builder runs all that stand
# before the one that is asked for; for the last one it therefore wants that program too, which
# BuildKit does not.
ARG BASE=debian:trixie-slim
ARG RUST=rust:1.95-slim-trixie

FROM ${BASE} AS runtime
RUN apt-get update \
    && apt-get install --yes --no-install-recommends nftables \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
# The agent must be root; the controller's pod says that it is not.
ENTRYPOINT ["/usr/bin/perouter"]
CMD ["--help"]

FROM runtime AS prebuilt
COPY target/release/perouter /usr/bin/perouter

FROM ${RUST} AS builder
WORKDIR /src
COPY . .
# The image's own compiler, without the components that only a developer needs.
RUN RUSTUP_TOOLCHAIN=${RUST_VERSION} cargo build --release --locked

FROM runtime AS perouter
COPY --from=builder /src/target/release/perouter /usr/bin/perouter
