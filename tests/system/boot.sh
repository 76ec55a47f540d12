#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# boot.sh ROOT TREE DIRECTORY BUS: becomes the first process of a machine of its own, a systemd booted
# from an overlay over ROOT, with the files of TREE put over it. machine.py runs this as the first
# process of new PID, mount, network, UTS, IPC and cgroup namespaces. DIRECTORY is an empty directory
# in which everything is mounted; BUS is dbus-daemon or dbus-broker.
#
# Nothing here may reach the machine below: ROOT is a lower layer and is never written to; /sys is
# read-only, so that nobody in there asks the kernel for device events or changes settings of devices;
# of /proc/sys only net is writable, which belongs to the network namespace.

set -eu

root=$1 tree=$2 directory=$3 bus=$4

mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$directory"
mkdir "$directory"/{upper,work,root}
new=$directory/root
mount -t overlay overlay \
        -o "lowerdir=$root,upperdir=$directory/upper,workdir=$directory/work" "$new"

# The vendor's units alone: what this machine's administrator has added is no business of a test.
rm -rf "${new:?}"/etc/systemd/{system,network,system.conf.d,journald.conf.d} "${new:?}/etc/network"
mkdir -p "$new"/etc/systemd/{system,network}
units=$new/etc/systemd/system
ln -s /usr/lib/systemd/system/multi-user.target "$units/default.target"
# What would touch the hardware, the clock or a terminal, wait for the network, or run now and then
for unit in systemd-{udevd,udev-trigger,udev-settle,modules-load,sysctl,timesyncd,logind,random-seed,firstboot,pstore,homed,hwdb-update,networkd-wait-online,rfkill,backlight@,update-utmp,update-utmp-runlevel,user-sessions}.service \
        systemd-{udevd-control,udevd-kernel,rfkill}.socket systemd-boot-update.service \
        getty.target console-getty.service {apt-daily,apt-daily-upgrade,dpkg-db-backup,e2scrub_all,fstrim,logrotate,man-db}.timer \
        proc-sys-fs-binfmt_misc.{mount,automount} dev-hugepages.mount \
        sys-{fs-fuse-connections,kernel-config,kernel-debug,kernel-tracing}.mount; do
        ln -s /dev/null "$units/$unit"
done
if [ "$bus" = dbus-broker ]; then
        ln -s /usr/lib/systemd/system/dbus-broker.service "$units/dbus.service"
fi
: >"$new/etc/machine-id"
: >"$new/etc/fstab"
rm -rf "${new:?}/var/log/journal"
mkdir -p "$new"/{proc,sys,dev,run,tmp}

# As a package would do it: /lib is a link to usr/lib and stays one.
tar -C "$tree" -c . | tar -C "$new" -x --no-same-owner --keep-directory-symlink
systemd-sysusers --root="$new" ifroster.conf >/dev/null
ldconfig -r "$new"
systemctl --root="$new" enable ifrosterd.service 2>/dev/null
[ ! -e "$new/opt/ifroster/early-client.service" ] || {
        mv "$new/opt/ifroster/early-client.service" "$units/"
        systemctl --root="$new" enable early-client.service 2>/dev/null
}

mount -t proc proc "$new/proc"
mount --bind "$new/proc/sys" "$new/proc/sys"
mount --bind "$new/proc/sys/net" "$new/proc/sys/net"
mount -o remount,bind,ro "$new/proc/sys"
if [ -e "$new/proc/sysrq-trigger" ]; then
        mount --bind "$new/proc/sysrq-trigger" "$new/proc/sysrq-trigger"
        mount -o remount,bind,ro "$new/proc/sysrq-trigger"
fi
mount -t sysfs -o ro sysfs "$new/sys"
mount -t cgroup2 cgroup2 "$new/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$new/dev"
for node in null zero full random urandom tty; do
        : >"$new/dev/$node"
        mount --bind "/dev/$node" "$new/dev/$node"
done
mkdir "$new"/dev/{pts,shm}
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$new/dev/pts"
ln -s pts/ptmx "$new/dev/ptmx"
ln -s /proc/self/fd "$new/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$new/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$new/run"
mount -t tmpfs -o mode=1777 tmpfs "$new/tmp"
# How systemd learns that it is not alone on the hardware
mkdir -p "$new/run/host"
echo ifroster-test >"$new/run/host/container-manager"

hostname ifroster-test
ip link set lo up
cd "$new"
mkdir -p .below
pivot_root . .below
umount -l /.below
init=/usr/lib/systemd/systemd
[ -x "$init" ] || init=/lib/systemd/systemd
exec env -i container=ifroster-test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$init" \
        systemd.log_target=journal systemd.show_status=0
