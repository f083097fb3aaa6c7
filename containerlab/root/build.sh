#!/bin/bash
# Builds the root file system that labs and tests run on: Debian trixie with FRR, FRR's gRPC
# module (which no package carries), GoBGP and User Mode Linux. About a minute and a half on two cores.
#
# usage: build.sh DIR        DIR is made; on failure, what is there is useless
# needs: root, mmdebstrap, and the archive's keys (debian-archive-keyring)
#
# The caller gives it a mount and a PID namespace of its own (unshare --mount --pid --fork), so
# that nothing it mounts or starts can outlive it. Lines that begin with «step: » are for people.
set -euo pipefail
dir=$1
here=$(dirname "$(readlink -f "$0")")
export LC_ALL=C.UTF-8

echo "step: installing Debian trixie with FRR"
mmdebstrap --variant=minbase --components=main --skip=cleanup/apt/lists \
    --include=frr,frr-pythontools,gobgpd,iproute2,iputils-ping,iptables,nftables,procps,kmod,tcpdump,user-mode-linux,libgrpc++1.51t64,libprotobuf32t64 \
    trixie "$dir"

# User Mode Linux looks for its modules where a kernel does.
kernel=$(ls "$dir/usr/lib/uml/modules")
mkdir -p "$dir/lib/modules" "$dir/dev/shm"
ln -sfn "/usr/lib/uml/modules/$kernel" "$dir/lib/modules/$kernel"

echo "step: installing a compiler in a copy"
build=$dir.build
trap 'rm -rf --one-file-system "$build"' EXIT
rm -rf --one-file-system "$build"
cp -a "$dir/." "$build/"
sed -n 's/^deb /deb-src /p' "$build/etc/apt/sources.list" > "$build/etc/apt/sources.list.d/src.list"
mount --bind /proc "$build/proc"
cp "$here/uml-xstate.c" "$build/root/"
"$here/grpc-module.sh" "$build"
chroot "$build" gcc -O2 -Wall -Werror -fPIC -shared -o /root/uml-xstate.so /root/uml-xstate.c
umount "$build/proc"

echo "step: finishing"
modules=$(echo "$dir"/usr/lib/*/frr/modules)
install -m 644 "$build/root/grpc.so" "$modules/grpc.so"
install -D -m 755 "$build/root/uml-xstate.so" "$dir/usr/lib/perouter-lab/uml-xstate.so"
rm -rf "$dir"/var/cache/apt/*.bin "$dir"/var/cache/apt/archives/*.deb "$dir"/var/lib/apt/lists/*
# A module that cannot be loaded is found here, not in the first lab.
chroot "$dir" ldd "/${modules#"$dir/"}/grpc.so" | grep -F 'not found' && exit 1
exit 0
