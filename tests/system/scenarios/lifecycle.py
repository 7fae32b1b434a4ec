"""One container's life, and the lists that show it."""

from tests.system.harness import Step, scenario

STATE = "inspect -f '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}} {{.State.OOMKilled}}'"

# What a container may do to its files, and `docker diff` tell.
CHANGES = {
    "a folder made anew": "rm -rf /etc; echo 1 >/etc/foo; echo 2 >/etc/group",
    "a folder emptied": "rm -rf /usr; mkdir /usr",
    "a folder moved": "mv /usr/sbin /usr/bun",
    "a folder become a file": "rm -rf /usr/sbin; echo >/usr/sbin; rm -rf /home; mkdir /home; touch /home/a",
    "a file become a folder": "rm /usr/bin/wget; mkdir /usr/bin/wget; touch /usr/bin/wget/w",
    "a time": "touch /etc/group",
    "an owner": "mkdir -p /a/b; chown 7 /etc/group; ln /etc/passwd /second; mknod /fifo p; ln -s /nosuch /link",
    "a mode of a folder": "chmod 700 /usr; touch /tmp/x; rm /tmp/x",
    "the same file again": "cp -a /etc/group /x; rm /etc/group; cp -a /x /etc/group; rm /x",
    "what the engine put there": "rm /etc/mtab /.dockerenv",
}

SCENARIOS = (
    scenario(
        "created, started, stopped",
        "create --name box busybox sleep 60",
        f"{STATE} box",
        "start box",
        f"{STATE} box",
        "stop -t 0 box",
        f"{STATE} box",
    ),
    scenario("ps", "run -d --name box busybox sleep 60", "ps", "ps -a", Step(text="ps -q")),
    scenario(
        "ps in columns",
        "run -d --name box -l k=v busybox sleep 60",
        "ps --format '{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Labels}}'",
    ),
    scenario("ps as JSON", "run -d --name box busybox sleep 60", Step(text="ps --format json", view="json_keys")),
    scenario(
        "ps without truncation",
        "run -d --name box busybox sh -c 'sleep 60 # a long command line'",
        "ps",
        "ps --no-trunc",
    ),
    scenario(
        "ps of what ended", "run --name box busybox sh -c 'exit 3'", "ps", "ps -a --format '{{.Names}} {{.Status}}'"
    ),
    scenario(
        "ps filters",
        "run -d --name box1 -l a=1 busybox sleep 60",
        "create --name box2 busybox true",
        "ps -a --filter status=created --format '{{.Names}}'",
        "ps --filter label=a=1 --format '{{.Names}}'",
        "ps -a --filter name=box2 --format '{{.Names}}'",
    ),
    scenario(
        "ps filters by pattern, code, place and order",
        "run --name box1 -v /data -v /etc:/host busybox sh -c 'exit 3'",
        "create --name box12 busybox true",
        *(
            f"ps -a --filter {words} --format '{{{{.Names}}}}'"
            for words in (
                *("name=box1", "name=^box1$", "name=^/box12$", "name='box(12|3)'", "name=x --filter name=12", "name=("),
                *("exited=3", "exited=0", "volume=/data", "volume=/etc", "volume=/nosuch", "health=none", "is-task=0"),
                *("before=box12", "since=box1", "ancestor=busybox", "ancestor=nosuch", "network=bridge", "network=x"),
                *("status=created --filter status=exited", "isolation=default", "label!=x"),
            )
        ),
        "ps --filter exited=3 -q",
        "ps --filter status=exited --format '{{.Names}}'",
    ),
    scenario(
        "ps filters by port",
        "run -d --name box -p 127.0.0.1:18080:80 --expose 90/udp busybox sleep 60",
        *(
            f"ps --filter {words} --format '{{{{.Names}}}}'"
            for words in (
                *("publish=18080", "publish=80", "publish=18000-18100", "publish=18080/udp", "expose=80", "expose=90"),
                *("expose=90/udp", "expose=1 --filter publish=18080"),
            )
        ),
    ),
    scenario(
        "ps order and count",
        "create --name box1 busybox true",
        "create --name box2 busybox true",
        "ps -a --format '{{.Names}}'",
        "ps -a -n 1 --format '{{.Names}}'",
        "ps -l --format '{{.Names}}'",
    ),
    scenario(
        "ps with ports",
        "run -d --name box -p 127.0.0.1:18080:80 -p 18443:443/udp busybox sleep 60",
        "ps --format '{{.Ports}}'",
        "port box",
        "port box 80",
    ),
    scenario(
        "ps with sizes",
        "run -d --name box busybox sleep 60",
        Step(text="ps -s --format '{{.Size}}'", view="without_numbers"),
    ),
    scenario(
        "stop by signal",
        "run -d --name box busybox sh -c 'trap \"exit 5\" TERM; while :; do sleep 0.1; done'",
        "stop box",
        f"{STATE} box",
    ),
    scenario("stop by force", "run -d --name box busybox sleep 60", "stop -t 1 box", f"{STATE} box"),
    scenario("kill", "run -d --name box busybox sleep 60", "kill box", "wait box", f"{STATE} box"),
    scenario(
        "kill with a signal",
        "run -d --name box busybox sh -c 'trap \"exit 6\" USR1; while :; do sleep 0.1; done'",
        "kill -s USR1 box",
        "wait box",
    ),
    scenario("kill what is not running", "create --name box busybox true", "kill box"),
    scenario("restart", "run -d --name box busybox sleep 60", "restart -t 0 box", f"{STATE} box"),
    scenario(
        "pause",
        "run -d --name box busybox sleep 60",
        "pause box",
        f"{STATE} box",
        "ps --format '{{.Status}}'",
        "unpause box",
        f"{STATE} box",
    ),
    scenario(
        "rename",
        "create --name box busybox true",
        "rename box box1",
        "inspect -f '{{.Name}}' box1",
        "inspect -f '{{.Name}}' box",
    ),
    scenario(
        "wait for several",
        "run -d --name box1 busybox sh -c 'exit 1'",
        "run -d --name box2 busybox sh -c 'exit 2'",
        "wait box1 box2",
    ),
    scenario("remove", "create --name box busybox true", "rm box", "ps -aq"),
    scenario("remove what runs", "run -d --name box busybox sleep 60", "rm box", "rm -f box"),
    scenario("remove by itself", "run --rm --name box busybox true", "ps -aq"),
    scenario(  # the original answers `stop` before the container is gone from its lists
        "remove by itself, detached",
        "run -d --rm --name box busybox sleep 60",
        "stop -t 0 box",
        "ps -aq --filter status=running",
    ),
    scenario("remove by the start of an id", "create --cidfile /nonexistent/no busybox true"),
    scenario("top", "run -d --name box busybox sleep 60", "top box -o comm"),
    scenario(
        "a file changed",
        "run --name box busybox sh -c 'echo x >/new; rm /etc/group; echo y >>/etc/passwd'",
        Step(text="diff box", view="sorted_lines"),
    ),
    *(
        scenario(
            f"files changed: {what}",
            Step(text=f"run --name box busybox sh -c '{how}'", compare_errors=False),
            Step(text="diff box", view="sorted_lines"),
        )
        for what, how in CHANGES.items()
    ),
    scenario("a file changed while it runs", "run -d --name box busybox sleep 60", "exec box touch /new", "diff box"),
    scenario("nothing changed", "create --name box busybox true", "diff box", "start -a box", "diff box", "diff box1"),
    scenario(
        "mounts are no changes but their places",
        "run --name box -t -v /vol/a --tmpfs /t -w /w/w busybox touch /vol/a/file /t/file",
        Step(text="diff box", view="sorted_lines"),
    ),
    scenario(
        "the root file system stays", "run --name box busybox sh -c 'echo kept >>/kept; cat /kept'", "start -a box"
    ),
    scenario(
        "restart policy",
        "run -d --name box --restart on-failure:2 busybox sh -c 'exit 3'",
        "wait box",
        "inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' box",
    ),
    scenario(
        "update",
        "run -d --name box -m 64m busybox sleep 60",
        "update -m 32m --memory-swap 64m box",
        "inspect -f '{{.HostConfig.Memory}}' box",
    ),
    scenario("start twice", "run -d --name box busybox sleep 60", "start box", f"{STATE} box"),
    scenario("stop twice", "create --name box busybox true", "stop box", "stop box"),
    scenario(
        "container prune",
        "create --name box busybox true",
        Step(text="container prune -f", view="without_numbers"),
        "ps -aq",
    ),
)
