# The image of the router's FRR: Debian's, with the gRPC module that no package carries, compiled
# from the source package of exactly that version by the recipe that the labs use too. The context
# is the repository:
#
#   docker build --file deploy/images/frr.Dockerfile --tag perouter/frr .
ARG BASE=debian:trixie-slim

FROM ${BASE} AS frr
# Nobody reads frr.conf: the agent says everything.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends frr libgrpc++1.51t64 libprotobuf32t64 \
    && apt-get clean \
    && rm -rf /etc/frr/frr.conf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log

FROM frr AS module
COPY containerlab/root/grpc-module.sh /root/
# Sources are said in one of two forms, as the base has it.
RUN if [ -e /etc/apt/sources.list.d/debian.sources ]; then \
        sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/debian.sources; \
    else \
        sed -n 's/^deb /deb-src /p' /etc/apt/sources.list > /etc/apt/sources.list.d/src.list; \
    fi \
    && /root/grpc-module.sh / \
    && install -D --mode=644 /root/grpc.so "/made/$(echo /usr/lib/*/frr/modules)/grpc.so"

FROM frr
COPY --from=module /made/ /
COPY deploy/images/frr-start /usr/lib/frr/perouter-start
# A module that cannot be loaded is found here.
RUN ! ldd /usr/lib/*/frr/modules/grpc.so | grep -F 'not found'
ENTRYPOINT ["/usr/lib/frr/perouter-start"]
