"""What the container may not: device nodes, masked files, mounts, other namespaces. The same refusals as the original's."""

from tests.system.harness import scenario

DEVICES = '"c 1 3" "c 1 5" "c 1 1" "c 1 7" "c 1 11" "c 5 0" "c 5 2" "c 10 200" "c 10 229" "c 10 237" "b 7 0" "b 8 0" "b 254 0" "c 136 0"'
MAKE_AND_OPEN = f"'for d in {DEVICES}; do rm -f /d; mknod /d $d && echo made $d; (: </d) && echo opened $d; done 2>&1'"
MASKED = "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware /sys/devices/virtual/powercap /proc/interrupts"
READ_ONLY = "/proc/bus /proc/fs /proc/irq /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/kernel /sys/fs/cgroup"

SCENARIOS = (
    scenario("device nodes", f"run --rm busybox sh -c {MAKE_AND_OPEN}"),
    scenario(
        "device nodes when privileged", "run --rm --privileged busybox sh -c 'mknod /d c 1 1 && (: </d) && echo opened'"
    ),
    scenario(
        "device nodes with a device rule",
        "run --rm --device-cgroup-rule 'c 10:* rmw' busybox sh -c 'mknod /d c 10 237; (: </d)'",
    ),
    scenario(
        "a device may be read only",
        "run --rm --device /dev/zero:/dev/z:r busybox sh -c '(: </dev/z) && echo read; (: >/dev/z)'",
    ),
    scenario(
        "masked files hold nothing",
        f"run --rm busybox sh -c 'for f in {MASKED}; do echo $f; cat $f/* $f 2>/dev/null | wc -c; done'",
    ),
    scenario(
        "files that cannot be written",
        f"run --rm busybox sh -c 'for f in {READ_ONLY}; do (true >>$f/x) 2>&1 || (true >>$f) 2>&1; done'",
    ),
    scenario(
        "files of a privileged container",
        f"run --rm --privileged busybox sh -c 'for f in {MASKED}; do grep -c \" $f \" /proc/mounts; done'",
    ),
    scenario(
        "no mounting",
        "run --rm busybox sh -c 'mount -t tmpfs none /tmp; mount -t proc none /proc; umount /proc; mount -o remount,rw /sys'",
    ),
    scenario(
        "mounting with the capability",
        "run --rm --cap-add SYS_ADMIN busybox sh -c 'mount -t tmpfs none /tmp && echo mounted'",
    ),
    scenario("no new namespaces", "run --rm busybox sh -c 'unshare -m true; unshare -U true; unshare -n true'"),
    scenario("no other process", "run --rm busybox sh -c 'kill -0 2; set -- /proc/[0-9]*; echo $*'"),
    scenario(
        "no clock, no host name, no reboot",
        "run --rm busybox sh -c 'date -s 2020-01-01 2>&1 | head -1; hostname x; reboot -f'",
    ),
    scenario("no raw disk", "run --rm busybox sh -c 'ls /dev/vda /dev/sda /dev/mem /dev/kmsg'"),
    scenario("no kernel log", "run --rm busybox dmesg"),
    scenario(
        "raw sockets are Docker's default",
        "run --rm --network none busybox sh -c 'ping -c1 -W1 127.0.0.1 | grep received'",
    ),
    scenario(
        "the root file system's owner and mode",
        "run --rm busybox sh -c 'stat -c \"%a %u %g\" / /proc /sys /dev /dev/shm /dev/pts /tmp /etc'",
    ),
    scenario(
        "descriptors",
        "run --rm busybox sh -c 'ls /proc/self/fd | wc -l; cat /proc/self/fdinfo/0 >/dev/null && echo ok'",
    ),
    scenario(
        "propagation of mounts",
        'run --rm busybox sh -c \'cut -d" " -f5,7- /proc/self/mountinfo | grep -cE "shared|master|propagate"\'',
    ),
    scenario(
        "namespaces of its own",
        'run --rm busybox sh -c \'ls /proc/self/ns | tr "\\n" " "; readlink /proc/self/ns/cgroup | cut -d: -f1\'',
    ),
    scenario(
        "host namespaces by flag",
        "run --rm --ipc host --pid host --uts host --network host busybox sh -c 'ls /proc/1/root >/dev/null && echo seen'",
    ),
    scenario(
        "ipc that is shared",
        "run -d --name box --ipc shareable busybox sleep 60",
        "run --rm --ipc container:box busybox stat -c %a /dev/shm",
    ),
    scenario(
        "processes that are shared",
        "run -d --name box busybox sleep 61",
        'run --rm --pid container:box busybox sh -c \'tr "\\0" " " </proc/1/cmdline\'',
    ),
    scenario("capabilities the machine lacks", "run --rm --cap-add SYS_RESOURCE busybox grep CapEff /proc/self/status"),
    scenario(
        "security options",
        "run -d --name box --security-opt no-new-privileges --security-opt seccomp=unconfined busybox true",
        "inspect -f '{{.HostConfig.SecurityOpt}}' box",
    ),
)
