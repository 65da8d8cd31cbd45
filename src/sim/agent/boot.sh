# Process 1 of a simulated instance. `machine.rs` starts it inside fresh namespaces and talks to it:
# a line out says how far it is, a line in lets it go on, end of input ends the machine.
# It builds the instance's root from the computer's directories and never writes to them.
#
# $1 the stage; $2 "all" or "one" user id mapped; $3 host name; the rest: paths to hide.

set -eu
doing='starting'
# Inside the machine's own mount namespace: a tmpfs of its own is mounted there.
scratch=/tmp
trap '[ $? -eq 0 ] || printf "while %s\n" "$doing" >&2' EXIT

overlay() {
    mkdir -p "$scratch/upper/$1" "$scratch/staging/$1" "$scratch/root/$1"
    mount -t overlay overlay "$scratch/root/$1" \
        -o "lowerdir=/$1,upperdir=$scratch/upper/$1,workdir=$scratch/staging/$1,userxattr"
}

# The directories of another owner could not be written to by the only user there is: ours go on top.
own() {
    (cd / && find "./$1" -xdev -maxdepth 3 -type d -print0 2>/dev/null) |
        (mkdir -p "$scratch/upper" && cd "$scratch/upper" && xargs -0 mkdir -p)
}

# Gives the machine a private, writable $1. Where something is mounted below a directory, a user
# namespace may not look under it, so the directory is taken apart instead. $2: levels left.
layer() {
    [ -d "/$1" ] && [ ! -L "/$1" ] || return 0
    [ "$mapped" = all ] || own "$1"
    if overlay "$1" 2>/dev/null; then return 0; fi
    [ "$2" -gt 0 ] || overlay "$1"
    for it in "/$1"/* "/$1"/.[!.]*; do
        if [ -L "$it" ]; then cp -P "$it" "$scratch/root$it"
        elif [ -d "$it" ]; then layer "${it#/}" $(($2 - 1))
        elif [ -f "$it" ]; then cp -p "$it" "$scratch/root$it" 2>/dev/null || :
        fi
    done
}

# Where `ip` is not installed: the attribute is root's of the computer only, and Debian has a Perl.
raise_loopback() {
    ip link set lo up 2>/dev/null && return 0
    { printf 0x9 >root/sys/class/net/lo/flags; } 2>/dev/null && return 0
    ifconfig lo up 2>/dev/null && return 0
    perl -e 'socket(S, 2, 2, 0) && ioctl(S, 0x8914, pack("Z16 s x22", "lo", 9)) or die "$!\n"'
}

join() {
    doing='reading its own process id'
    # /proc is still the computer's, which knows this process by its outer number.
    read -r pid _ </proc/self/stat
    printf 'pid %s\n' "$pid"
    doing='waiting for its user ids'
    read -r _
    exec sh -c 'eval "$FLEET_BOOT"' "$0" build "$@"
}

build() {
    mapped=$1 name=$2
    shift 2
    umask 022
    doing='mounting a private tmpfs'
    mount -t tmpfs -o mode=0755,size=1g fleet "$scratch"
    cd "$scratch"
    mkdir upper staging root empty
    mount --bind root root
    doing='mounting an overlay file system'
    mkdir upper/try staging/try
    mount -t overlay overlay empty \
        -o "lowerdir=$scratch/empty,upperdir=$scratch/upper/try,workdir=$scratch/staging/try,userxattr"
    umount empty

    for it in usr opt srv nix gnu var/lib var/cache; do
        doing="layering /$it"
        layer "$it" 4
    done
    for it in bin sbin lib lib32 lib64 libx32; do
        doing="layering /$it"
        if [ -L "/$it" ]; then cp -P "/$it" "root/$it"; else layer "$it" 1; fi
    done
    doing='copying /etc'
    if [ "$mapped" = one ] || ! overlay etc 2>/dev/null; then
        mkdir -p root/etc
        cp -dR --preserve=mode,timestamps /etc/. root/etc/ 2>/dev/null || :
    fi

    doing='making its own directories'
    mkdir -p root/dev/shm root/dev/pts root/proc root/sys root/run/lock root/tmp root/root root/home \
        root/boot root/mnt root/media root/var/tmp root/var/log root/var/spool root/var/mail
    chmod 1777 root/tmp root/var/tmp root/dev/shm
    chmod 0700 root/root
    ln -s /run root/var/run
    ln -s /run/lock root/var/lock
    for it in docker containerd containers kubelet rancher lxc lxd libvirt cloud amazon; do
        if [ -d "root/var/lib/$it" ]; then set -- "$@" "/var/lib/$it"; fi
    done
    for it; do
        doing="hiding $it"
        if [ -d "root$it" ]; then mount -t tmpfs -o mode=0755,size=64m fleet "root$it"
        elif [ -e "root$it" ]; then rm -f "root$it"
        fi
    done

    doing='writing its /etc'
    rm -f root/etc/hostname root/etc/hosts root/etc/resolv.conf root/etc/shadow- root/etc/gshadow- \
        root/etc/ssh/ssh_host_*_key
    rm -rf root/etc/ssl/private root/etc/letsencrypt root/etc/kubernetes root/etc/wireguard
    printf '%s\n' "$name" >root/etc/hostname
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost\n' "$name" >root/etc/hosts
    : >root/etc/resolv.conf
    if [ -r root/etc/shadow ]; then
        sed 's/^\([^:]*\):[^:]*/\1:*/' root/etc/shadow >shadow
        rm -f root/etc/shadow
        (umask 077 && cat shadow >root/etc/shadow)
        rm -f shadow
    fi

    for it in null zero full random urandom tty; do
        doing="binding /dev/$it"
        : >"root/dev/$it"
        mount --bind "/dev/$it" "root/dev/$it"
        # It is the computer's own: it may be used, but neither its mode nor its owner changed.
        mount -o remount,bind,ro "root/dev/$it"
    done
    ln -s /proc/self/fd root/dev/fd
    ln -s /proc/self/fd/0 root/dev/stdin
    ln -s /proc/self/fd/1 root/dev/stdout
    ln -s /proc/self/fd/2 root/dev/stderr
    if mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts root/dev/pts 2>/dev/null; then
        ln -s pts/ptmx root/dev/ptmx
    fi

    doing='mounting a fresh /proc'
    mount -t proc -o nosuid,nodev,noexec proc root/proc
    doing='setting the host name'
    hostname "$name" 2>/dev/null || printf '%s' "$name" >root/proc/sys/kernel/hostname
    doing='limiting user namespaces'
    # One is left, for the last stage; a document gets none.
    printf 1 >root/proc/sys/user/max_user_namespaces
    doing='bringing the loopback interface up'
    mount -t sysfs -o nosuid,nodev,noexec sysfs root/sys 2>/dev/null || :
    raise_loopback
    if [ -d root/sys/class ]; then mount -o remount,bind,ro root/sys; fi
    doing='making /proc read-only'
    # Its root is the owner of the computer's kernel settings too, where fleet runs as root.
    mount -o remount,bind,ro root/proc

    doing='leaving the root of the computer'
    cd root
    mkdir .host
    pivot_root . .host
    cd /
    umount -l /.host
    rmdir /.host
    printf 500 2>/dev/null >/proc/self/oom_score_adj || :
    doing='entering the inner user namespace'
    exec unshare --user --mount sh -c 'eval "$FLEET_BOOT"' "$0" hold
}

# Nothing is executed from here on: what a document does to its files cannot reach this process.
hold() {
    unset FLEET_BOOT
    printf 'nested\n'
    doing='waiting for its inner user ids'
    read -r _
    printf 'ready\n'
    exec 3<&0 </dev/null >/dev/null 2>&1
    trap - EXIT
    set +e
    # `wait` reaps whatever is orphaned. The reader ends at the end of input; `kill -1` makes another.
    while :; do
        while read -r _; do :; done <&3 &
        wait $! && exit 0
    done
}

stage=$1
shift
"$stage" "$@"
