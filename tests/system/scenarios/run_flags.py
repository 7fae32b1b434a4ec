"""`docker run`: what each flag does, as seen from inside the container."""

from tests.system.harness import Step, scenario

LIMITS = "/sys/fs/cgroup"  # v1 has a folder per controller, v2 has none: each command reads what is there

MOUNTS = "inspect -f '{{range .Mounts}}{{println .Type .Destination .Mode .RW}}{{end}}{{.HostConfig.VolumesFrom}}'"

SCENARIOS = (
    scenario(
        "volumes of another container",
        "create --name box1 -v /data -v vf:/named:ro -v /mnt:/bound --tmpfs /memory busybox true",
        "run --rm --volumes-from box1 busybox sh -c 'echo kept >/data/x; touch /named/x'",
        "run --rm --volumes-from box1:ro busybox sh -c 'cat /data/x; touch /data/y'",
        *(
            step
            for mode in ("", ":ro", ":rw", ":rw,z", ":Z", ":")
            for step in (
                f"create --name box2 --volumes-from box1{mode} busybox true",
                Step(text=f"{MOUNTS} box2", view="sorted_lines"),
                "rm box2",
            )
        ),
        "create --name box2 --volumes-from box1 -v /srv:/data -v /more busybox true",
        Step(text=f"{MOUNTS} box2", view="sorted_lines"),
        "create --name box3 --volumes-from box1 --volumes-from box2:ro busybox true",
        Step(text=f"{MOUNTS} box3", view="sorted_lines"),
        "rm -v box1",
        "run --rm --volumes-from box3 busybox ls /data /named",
        "rm -v box2 box3",
        "volume rm vf",
    ),
    scenario("a program's output", "run --rm busybox echo hello"),
    scenario("a program's errors", "run --rm busybox sh -c 'echo out; echo err >&2'"),
    scenario("detached", "run -d --name box busybox true", "wait box"),
    # The original's order is one of chance.
    scenario("environment", "run --rm -e A=1 -e 'B=two words' -e C busybox sh -c 'env -u HOSTNAME | sort'"),
    scenario("environment from the image", "run --rm busybox sh -c 'echo $PATH $HOME'"),
    scenario("host name", "run --rm -h box busybox hostname", "run --rm -h box busybox cat /proc/sys/kernel/hostname"),
    scenario("host name in hosts", "run --rm -h box --network none busybox cat /etc/hosts /etc/hostname"),
    scenario("domain name", "run --rm -h box.example.com busybox sh -c 'hostname; hostname -f'"),
    scenario("working directory", "run --rm -w /tmp busybox pwd", "run --rm -w /made/here busybox pwd"),
    scenario("user by name", "run --rm -u www busybox id"),
    scenario("user by number", "run --rm -u 1234:5678 busybox id", "run --rm -u 1234 busybox id"),
    scenario("user with a group by name", "run --rm -u nobody:www busybox id"),
    scenario("added groups", "run --rm -u 33 --group-add nogroup --group-add 99 busybox id"),
    scenario("home follows the user", "run --rm -u nobody busybox sh -c 'echo $HOME'"),
    scenario("entry point", "run --rm --entrypoint echo busybox one two", "run --rm --entrypoint '' busybox echo x"),
    scenario("labels", "run -d --name box -l a=b -l box busybox true", "inspect -f '{{json .Config.Labels}}' box"),
    scenario("read only", "run --rm --read-only busybox touch /x", "run --rm --read-only busybox touch /dev/shm/x"),
    scenario(
        "tmpfs", "run --rm --tmpfs /t:size=1m,mode=1777 busybox sh -c 'grep \" /t \" /proc/mounts; stat -c %a /t'"
    ),
    scenario("shared memory", "run --rm --shm-size 8m busybox grep /dev/shm /proc/mounts"),
    scenario(
        "memory limit",
        f"run --rm -m 64m busybox sh -c 'cat {LIMITS}/memory/memory.limit_in_bytes {LIMITS}/memory.max 2>/dev/null'",
        "run -d --name box -m 64m busybox true",
        "inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' box",
    ),
    scenario(
        "out of memory",
        "run --name box -m 8m busybox tail /dev/zero",
        Step(text="inspect -f '{{.State.OOMKilled}}' box", eventually="true\n"),
    ),
    scenario(
        "processors",
        f"run --rm --cpus 0.5 busybox sh -c 'cat {LIMITS}/cpu/cpu.cfs_quota_us {LIMITS}/cpu.max 2>/dev/null'",
        "run -d --name box --cpus 0.5 busybox true",
        "inspect -f '{{.HostConfig.NanoCpus}}' box",
    ),
    scenario(
        "processor shares",
        f"run --rm -c 512 busybox sh -c 'cat {LIMITS}/cpu/cpu.shares {LIMITS}/cpu.weight 2>/dev/null'",
    ),
    scenario("chosen processors", "run --rm --cpuset-cpus 0 busybox grep Cpus_allowed_list /proc/self/status"),
    scenario(
        "process limit",
        f"run --rm --pids-limit 42 busybox sh -c 'cat {LIMITS}/pids/pids.max {LIMITS}/pids.max 2>/dev/null'",
    ),
    scenario(
        "process limit holds", "run --rm --pids-limit 4 busybox sh -c 'for i in 1 2 3 4 5 6; do sleep 1 & done; wait'"
    ),
    scenario("resource limits", "run --rm --ulimit nofile=100:200 busybox sh -c 'ulimit -n; ulimit -Hn'"),
    scenario("default resource limits", "run --rm busybox cat /proc/self/limits"),
    scenario("no network", "run --rm --network none busybox sh -c 'ls /sys/class/net; cat /proc/net/route'"),
    scenario(
        "the host's network",
        "run --rm --network host busybox sh -c 'readlink /proc/self/ns/net >/dev/null; ls /sys/class/net | grep -v veth'",
    ),
    scenario("bridge network", "run --rm --network bridge busybox sh -c 'ls /sys/class/net; ip route | wc -l'"),
    scenario(
        "name server file",
        "run --rm --dns 192.0.2.1 --dns-search example.com --dns-option ndots:2 busybox sh -c 'grep -v ^# /etc/resolv.conf | grep .'",
    ),
    scenario("added hosts", "run --rm --add-host db:192.0.2.9 --network none busybox grep db /etc/hosts"),
    scenario("kernel settings", "run --rm --sysctl net.ipv4.ip_forward=1 busybox cat /proc/sys/net/ipv4/ip_forward"),
    scenario("capabilities", "run --rm busybox grep Cap /proc/self/status"),
    scenario("capabilities of a user", "run --rm -u 33 busybox grep Cap /proc/self/status"),
    scenario("capability added", "run --rm --cap-add NET_ADMIN busybox grep Cap /proc/self/status"),
    scenario("capability dropped", "run --rm --cap-drop CHOWN --cap-drop cap_kill busybox grep Cap /proc/self/status"),
    scenario("all capabilities dropped", "run --rm --cap-drop ALL --cap-add CHOWN busybox grep Cap /proc/self/status"),
    scenario(
        "all capabilities but one", "run --rm --cap-add ALL --cap-drop SYS_ADMIN busybox grep Cap /proc/self/status"
    ),
    scenario("privileged", "run --rm --privileged busybox sh -c 'grep -E \"Cap|NoNew|Seccomp\" /proc/self/status'"),
    scenario(
        "no new privileges", "run --rm --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status"
    ),
    scenario("no seccomp", "run --rm --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status"),
    scenario("init", "run --rm --init busybox sh -c 'cat /proc/1/comm; ls /sbin/docker-init'"),
    scenario("process namespace", "run --rm busybox sh -c 'echo $$; ps -o pid,comm >/tmp/ps; wc -l </tmp/ps'"),
    scenario("the host's processes", "run --rm --pid host busybox sh -c '[ $(ps | wc -l) -gt 5 ] && echo many'"),
    scenario("the host's names", "run --rm --uts host busybox sh -c 'hostname | wc -l'"),
    scenario(
        "a stop signal", "run -d --name box --stop-signal USR1 busybox true", "inspect -f '{{.Config.StopSignal}}' box"
    ),
    scenario(
        "bind mount",
        "run --rm -v /etc/debian_version:/v:ro busybox sh -c 'test -s /v && grep \" /v \" /proc/mounts | cut -d, -f1'",
    ),
    scenario("bind mount is read only", "run --rm -v /etc/debian_version:/v:ro busybox sh -c 'echo x >/v'"),
    scenario("mount flag", "run --rm --mount type=bind,source=/etc,target=/v,readonly busybox test -s /v/passwd"),
    scenario(
        "mount flag with tmpfs", "run --rm --mount type=tmpfs,target=/t,tmpfs-size=1m busybox grep ' /t ' /proc/mounts"
    ),
    scenario(
        "volume", "run --rm -v named:/v busybox touch /v/x", "run --rm -v named:/v busybox ls /v", "volume rm named"
    ),
    scenario(
        "a volume is filled from the image",
        "run --rm -v filled:/etc busybox true",
        "run --rm -v filled:/v busybox sh -c 'ls /v | grep -v mtab; stat -c \"%a %u %g\" /v /v/passwd'",
        "run --rm -v empty:/etc:nocopy busybox ls -A /etc",
        "volume rm filled empty",
    ),
    scenario(
        "files that the engine adds",
        "run --rm busybox sh -c 'stat -c \"%n %a %u %g %F\" /.dockerenv /etc /etc/mtab; readlink /etc/mtab'",
    ),
    scenario("anonymous volume", "run --rm -v /v busybox sh -c 'touch /v/x; ls /v; grep -c \" /v \" /proc/mounts'"),
    scenario("devices", "run --rm busybox ls /dev"),
    scenario("a device", "run --rm --device /dev/null:/dev/other busybox stat -c '%t %T %a' /dev/other"),
    scenario("mounts", "run --rm busybox sh -c \"cut -d' ' -f2,3 /proc/mounts | sort\""),
    scenario(
        "mount options", "run --rm busybox sh -c \"grep -v ' / ' /proc/mounts | grep -v /etc/ | cut -d' ' -f1-4\""
    ),
    scenario(
        "masked files",
        "run --rm busybox sh -c 'cat /proc/kcore | wc -c; ls /proc/acpi /sys/firmware | wc -l; echo x >/proc/sys/kernel/hostname'",
    ),
    scenario("out of memory score", "run --rm --oom-score-adj 500 busybox cat /proc/self/oom_score_adj"),
    scenario("id file", "run --rm --cidfile /nonexistent/x busybox true"),
    scenario("pull never", "run --rm --pull never busybox echo here"),
)
