#!/bin/sh
# Makes a small Debian with a C compiler and PostgreSQL in the directory named.
set -eu

directory=$1
release=$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo stable)

rm -rf "$directory"
debootstrap --variant=minbase "$release" "$directory"

# No service starts inside, and no database is made before a container's first boot.
printf '#!/bin/sh\nexit 101\n' >"$directory/usr/sbin/policy-rc.d"
chmod +x "$directory/usr/sbin/policy-rc.d"
mkdir -p "$directory/etc/postgresql-common"
echo 'create_main_cluster = false' >"$directory/etc/postgresql-common/createcluster.conf"

DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$directory" \
    apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold \
    gcc libc6-dev postgresql
chroot "$directory" apt-get clean
rm -rf "${directory:?}"/var/lib/apt/lists/* "${directory:?}"/dev/* \
    "$directory/etc/resolv.conf"
