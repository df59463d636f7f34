# What the guest's programs share.
DOCUMENTS=/run/metadata
METADATA=http://169.254.169.254/openstack/latest

tell() {
    echo "GUEST: $*" >/dev/console
    echo "GUEST: $*" >/dev/tty1
}
uptime_now() { cut -d' ' -f1 /proc/uptime; }
disks() { names /sys/block/[vsh]d* /sys/block/xvd*; }
mebibytes() { echo $(($(cat "/sys/block/$1/size") / 2048)); }
has_disk() { [ -n "$(disks)" ]; }
links() { names /sys/class/net/e*; }
addresses() { ip -4 -o address show scope global | awk '{print $4}' | cut -d/ -f1 | paste -s -d, -; }
field() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$DOCUMENTS/meta_data.json" | head -n 1; }

# names PATH...: print the names of those that there are, on one line.
names() {
    found=
    for path in "$@"; do
        [ -e "$path" ] && found="$found ${path##*/}"
    done
    echo "${found# }"
}

# until_true TENTHS COMMAND...: repeat a command until it succeeds, for so many tenths of a second.
until_true() {
    tenths=$1
    shift
    while [ "$tenths" -gt 0 ]; do
        "$@" && return
        tenths=$((tenths - 1))
        sleep 0.1
    done
    return 1
}

# The first disk's second partition outlives the guest's reboots, and is in its snapshots.
keep_state() {
    mount -t ext4 "/dev/$(disks | cut -d" " -f1)2" /state 2>/dev/null || return
    count=$(($(cat /state/boots 2>/dev/null || echo 0) + 1))
    echo $count >/state/boots
    sync
    tell boot $count
}

bring_up() {
    ip link set "$1" up
    udhcpc -b -t 4 -T 2 -i "$1" -O staticroutes -O mtu -s /lib/lease -p "/run/dhcp-$1" >/dev/null 2>&1
    told=$(ip -4 -o address show dev "$1" | awk '{print $4; exit}')
    mac=$(cat "/sys/class/net/$1/address")
    if [ -n "$told" ]; then
        tell link "$1" "$mac" "$told" mtu "$(cat "/sys/class/net/$1/mtu")"
    else
        tell link "$1" "$mac" no-address
    fi
}

# A drive with the label config-2 goes before the network.
find_metadata() {
    mkdir -p "$DOCUMENTS" /config
    for device in $(findfs LABEL=config-2 2>/dev/null) /dev/sr0 /dev/sr1 $(disks | sed 's,[^ ]*,/dev/&,g'); do
        [ -b "$device" ] && read_drive "$device" && return
    done
    [ -z "$(addresses)" ] || for _ in 1 2 3 4 5 6; do
        fetch meta_data.json && fetch user_data
        [ -s "$DOCUMENTS/meta_data.json" ] && tell metadata http "$(field uuid)" && return
        sleep 1
    done
    tell metadata none
}

read_drive() {
    for kind in iso9660 vfat; do
        mount -o ro -t $kind "$1" /config 2>/dev/null || continue
        cp /config/openstack/latest/* "$DOCUMENTS" 2>/dev/null
        umount /config
        [ -s "$DOCUMENTS/meta_data.json" ] && tell config-drive $kind "$(field uuid)" && return
    done
    return 1
}

# Debian's busybox cannot bound a fetch itself.
fetch() {
    timeout 4 wget -q -O "$DOCUMENTS/$1" "$METADATA/$1" 2>/dev/null && return
    rm -f "$DOCUMENTS/$1"
    return 1
}

use_metadata() {
    [ -s "$DOCUMENTS/meta_data.json" ] || return
    name=$(field hostname)
    [ -n "$name" ] && hostname "${name%%.*}"
    password=$(field admin_pass)
    [ -n "$password" ] && echo "root:$password" | chpasswd -c sha512 >/dev/null
    grep -oE '"(ssh|ecdsa)-[^"]*"' "$DOCUMENTS/meta_data.json" | tr -d '"' | sed 's/\\n$//' | sort -u \
        >/root/.ssh/authorized_keys
    chmod 600 /root/.ssh/authorized_keys
    tell keys "$(wc -l </root/.ssh/authorized_keys)"
}

start_ssh() {
    key=/run/ssh-key
    [ -d /state/lost+found ] && key=/state/ssh-key
    [ -f $key ] || dropbearkey -t ed25519 -f $key >/dev/null 2>&1
    dropbear -r $key && tell ssh
}

run_user_data() {
    [ "$(head -c 2 "$DOCUMENTS/user_data" 2>/dev/null)" = '#!' ] || return
    chmod +x "$DOCUMENTS/user_data"
    "$DOCUMENTS/user_data" 2>&1 | while read -r line; do tell data "$line"; done
}
