#!/bin/bash
# Compiles FRR's gRPC northbound module for the FRR that is installed in a Debian root, from the
# source package of exactly that version and with the options that it was built with.
#
# usage: grpc-module.sh ROOT      ROOT is a Debian trixie with FRR and source repositories;
#                                 it is littered with build dependencies
# Leaves ROOT/root/grpc.so; it belongs to /usr/lib/<triplet>/frr/modules/ of a system that has
# libgrpc++1.51t64 and libprotobuf32t64. ROOT may be «/», as in a container image's build.
set -euo pipefail
root=$1

chroot "$root" bash -euo pipefail -s <<'INSIDE'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
cd /root
echo "step: installing FRR's build dependencies"
apt-get update -qq
apt-get build-dep -qq -y frr
apt-get install -qq -y --no-install-recommends dpkg-dev libgrpc++-dev libgrpc-dev \
    libprotobuf-dev pkg-config protobuf-compiler protobuf-compiler-grpc
version=$(dpkg-query --show --showformat='${source:Version}' frr)
apt-get source -qq "frr=$version"
cd frr-*/

echo "step: configuring FRR $version"
autoreconf --force --install > /root/autoreconf.log 2>&1 || { tail -40 /root/autoreconf.log; exit 1; }
# The last line that a daemon tells about itself are its own configure options.
options=$(/usr/lib/frr/bgpd --version | tail -n 1)
options=$(sed -e 's/.build_alias=[^ ]*//' -e 's/.--enable-doc[^ ]*//g' <<< "$options")
eval ./configure "$options" --disable-doc --enable-grpc > /root/configure.log 2>&1 \
    || { tail -40 /root/configure.log; exit 1; }

echo "step: compiling the gRPC module"
# Only what the module includes is generated: FRR itself is not compiled again.
cat > /root/generated.mk <<'MAKE'
include Makefile
generated: $(BUILT_SOURCES) grpc/frr-northbound.pb.cc grpc/frr-northbound.grpc.pb.cc
MAKE
make --silent -j"$(nproc)" -f /root/generated.mk generated
# FRR asks for C++11, the packaged abseil for C++14 or later.
flags=(-std=gnu++17 -O2 -fPIC -fms-extensions -w -DHAVE_CONFIG_H -I. -I./include -I./lib)
objects=()
jobs=()
for source in lib/northbound_grpc.cpp grpc/frr-northbound.pb.cc grpc/frr-northbound.grpc.pb.cc; do
    object=/root/$(basename "$source").o
    objects+=("$object")
    g++ "${flags[@]}" -c "$source" -o "$object" &
    jobs+=("$!")
done
for job in "${jobs[@]}"; do wait "$job"; done
read -ra libraries < <(pkg-config --libs grpc++ protobuf)
g++ -shared -s -o /root/grpc.so "${objects[@]}" "${libraries[@]}"
INSIDE
