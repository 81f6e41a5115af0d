#!/bin/sh
# Copies programs with the libraries that they load into a folder of their own.
set -eu
out=$1
mkdir -p "$out/usr/sbin" "$out/usr/bin" "$out/usr/lib" "$out/etc" "$out/run" "$out/var" /links
mkdir -m 1777 "$out/tmp"
for pair in bin sbin lib lib64; do
  if [ -L "/$pair" ]; then cp -P "/$pair" "$out/$pair"; mkdir -p "$out/usr/$pair"; fi
done
put() { # a file to its own place, links followed step by step
  mkdir -p "$out$(dirname "$1")"
  [ -e "$out$1" ] || cp -L "$1" "$out$1"
}
programs='/usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /usr/sbin/nft /usr/sbin/conntrack /usr/sbin/ipset /usr/bin/kmod'
modules=$(find /usr/lib -path '*/xtables/*.so')
for file in $programs $modules; do
  put "$file"
  for library in $(ldd "$file" | grep -o '/[^ ]*' | sort -u); do put "$library"; done
done
# The kernel's old tables are not used: the nodes of a test cluster have nftables.
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s xtables-nft-multi "$out/usr/sbin/$name"
done
ln -s ../bin/kmod "$out/usr/sbin/modprobe"
printf 'root:x:0:0:root:/:/bin/false\n' > "$out/etc/passwd"
printf 'root:x:0:\n' > "$out/etc/group"
for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl cni-agent; do
  ln -s hyperkube "/links/$name"
done
