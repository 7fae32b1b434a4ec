"""`inspect`, `version`, `info`: what the engine says about things and about itself."""

from tests.system.harness import Step, scenario

WHOLE = "inspect"

SCENARIOS = (
    scenario("inspect a created container", "create --name box busybox true", Step(text="inspect box", view=WHOLE)),
    scenario("inspect a running container", "run -d --name box busybox sleep 60", Step(text="inspect box", view=WHOLE)),
    scenario(
        "inspect an ended container", "run --name box busybox sh -c 'exit 4'", Step(text="inspect box", view=WHOLE)
    ),
    scenario(
        "inspect many flags",
        "create --name box -it -e A=b -w /tmp -u www -m 64m --cpus 0.5 --pids-limit 9 --read-only --cap-add NET_ADMIN "
        "--cap-drop KILL -p 18081:80 -v /etc:/v:ro -l a=b --restart always --init --entrypoint sh busybox -c true",
        Step(text="inspect box", view=WHOLE),
    ),
    scenario(
        "inspect without a network",
        "create --name box --network none busybox true",
        Step(text="inspect box", view=WHOLE),
    ),
    scenario(
        "inspect the host's network",
        "create --name box --network host busybox true",
        Step(text="inspect box", view=WHOLE),
    ),
    scenario("inspect privileged", "create --name box --privileged busybox true", Step(text="inspect box", view=WHOLE)),
    scenario(
        "inspect by format",
        "create --name box busybox true",
        "inspect -f '{{.Name}} {{.Path}} {{json .Args}} {{len .Mounts}}' box",
    ),
    scenario(
        "inspect by type",
        "inspect --type image -f '{{.Os}} {{json .Config.Cmd}}' busybox",
        "inspect --type container busybox",
    ),
    scenario("inspect several", "create --name box1 busybox true", "inspect -f '{{.Name}}' box1 nosuch busybox"),
    scenario("inspect an image", Step(text="image inspect busybox", view=WHOLE)),
    scenario("inspect the default network", Step(text="network inspect bridge", view=WHOLE)),
    scenario("networks", "network ls --format '{{.Name}} {{.Driver}} {{.Scope}}'"),
    scenario(
        "version", "version --format '{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}} {{.Server.Arch}}'"
    ),
    scenario(
        "info",
        "info --format '{{.OSType}} {{.Architecture}} {{.NCPU}} {{.CgroupDriver}} {{.CgroupVersion}} {{.LoggingDriver}} {{.DefaultRuntime}} {{.SecurityOptions}}'",
    ),
    scenario(
        "info about networks and logs",
        "info --format '{{json .Swarm.LocalNodeState}} {{.MemoryLimit}} {{.PidsLimit}} {{.OomKillDisable}}'",
    ),
    scenario(
        "info counts",
        "run -d --name box busybox sleep 60",
        "create --name box1 busybox true",
        "info --format '{{.Containers}} {{.ContainersRunning}} {{.ContainersStopped}} {{.Images}}'",
    ),
)
