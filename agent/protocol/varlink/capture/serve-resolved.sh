#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A systemd-resolved of its own, which asks a dnsmasq of its own, in the network and mount namespaces that it is started in
# (unshare -n -m): nothing of the machine is changed. Says "resolved answers" when it does, then runs the command, or waits.
#
#   serve-resolved.sh RESOLVED LIBRARY COMMAND DNSMASQ-ARGUMENT…
#
# RESOLVED is systemd-resolved, LIBRARY the folder with libnss_resolve.so.2, COMMAND a line of shell, or ''.
set -eu
resolved=$1 library=$2 command=$3
shift 3
ip link set lo up
# Without a link that leads somewhere it says that the network is down.
ip link add names0 type dummy 2>/dev/null || ip link add names0 type veth peer name names1
ip link set names0 up
ip link set names1 up 2>/dev/null || true
ip addr add 192.0.2.1/24 dev names0
ip route add default via 192.0.2.254

mount -t tmpfs tmpfs /run
mkdir /run/systemd /run/settings
cat >/run/settings/resolved.conf <<-END
	[Resolve]
	DNS=127.0.0.1
	FallbackDNS=
	Domains=~.
	DNSSEC=no
	LLMNR=no
	MulticastDNS=no
	DNSStubListener=no
END
mount --bind /run/settings /etc/systemd
# The user that the service gives itself up to; another of this name may be there.
for kind in passwd group; do
	grep -v '^systemd-resolve:' /etc/$kind >/run/$kind || true
done
echo 'systemd-resolve:x:64990:64990::/:/usr/sbin/nologin' >>/run/passwd
echo 'systemd-resolve:x:64990:' >>/run/group
printf 'passwd: files\ngroup: files\nhosts: resolve\n' >/run/nsswitch.conf
for name in passwd group nsswitch.conf; do mount --bind /run/$name /etc/$name; done

export LD_LIBRARY_PATH="$library"
PATH=$PATH:/usr/sbin
dnsmasq "$@" &
SYSTEMD_LOG_TARGET=console "$resolved" &
# Ends with the namespace when it never answers.
until getent ahosts www.example.test >/dev/null 2>&1; do sleep 0.1; done
echo 'resolved answers' >&2
if [ -n "$command" ]; then sh -c "$command"; else wait; fi
