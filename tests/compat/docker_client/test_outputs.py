"""What both clients say and their exit status, for command lines on the original daemon that change nothing there."""

import shlex
from collections.abc import Iterator

import pytest

from tests.support import docker, images, sample
from tests.support.docker import Result
from tests.support.masks import mask
from tests.support.peers import OriginalEngine

pytestmark = [pytest.mark.root, pytest.mark.peers]

LINES = r"""
ps
ps -a
ps -aq --no-trunc
ps --format '{{json .}}'
ps --format json
ps --format 'table {{.Names}}\t{{.Ports}}'
ps --format '{{.Label "a"}}{{upper .Names}}{{if eq .State "running"}}R{{end}}'
ps --format raw
ps -f name=web
ps -f x
ps -f x=y
images
images -a -q --no-trunc
images --digests
images --format '{{.Repository}}:{{.Tag}}'
images nope
image ls
inspect busybox
inspect nope
inspect web nope
inspect -f '{{.State.Status}} {{.Name}}' web
inspect -f '{{json .State}}' web
inspect -f '{{json .Config}}' busybox
inspect -f '{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{(index $c 0).HostPort}} {{end}}' web
inspect -f '{{.NetworkSettings.Ports}}' web
inspect -f '{{.Config.Env}} {{.Config.Cmd}} {{.HostConfig.Memory}} {{.State.Running}}' web
inspect -f '{{.Config.Labels}} {{.HostConfig.Binds}} {{.Mounts}}' web
inspect -f '{{range .Config.Env}}{{println .}}{{end}}' web
inspect -f '{{.Foo}}' web
inspect -f '{{.State.Foo}}' web
inspect -f '{{.Foo' web
inspect -f '{{foo}}' web
inspect -f '{{index .Config.Cmd 0}}' web
inspect -f '{{index .Config.Cmd 9}}' web
inspect -f '{{len .Config.Cmd}}' web
inspect -f '{{join .Config.Cmd ","}} {{printf "%s-%d" .Name 3}}' web
inspect -f '{{with .State}}{{.Pid}}{{end}}{{else}}' web
inspect -f json web
inspect --type image web
inspect --type foo web
inspect --type container busybox
inspect -s --format '{{.SizeRootFs}}' web
container inspect nope
image inspect nope
image inspect busybox
network inspect nope
network inspect bridge
volume inspect nope
network ls
network ls -q
network ls --format json
volume ls
volume ls -q
system df
history busybox
history --no-trunc busybox
history -q busybox
history -H=false busybox
port web
port web 80
port web 5
port web x
port nope
top web -o pid,comm
top nope
diff web
diff nope
logs web
logs nope
logs --tail 2 nope
wait nope
stop
stop nope
stop nope nope2
kill -s FOO web
start nope
rm nope
rm -f nope
rm web
rmi nope
rmi nope nope2
rmi -f nope
tag nope a
tag busybox A
tag busybox a:!
exec nope ls
exec web sh -c 'exit 3'
exec web sh -c 'echo out; echo err >&2'
exec -e A=b -w /tmp -u 0 web sh -c 'echo $A; pwd; id'
exec web nosuch
exec -it web ls
exec
exec web
exec --foo web ls
run
run --foo busybox
run -it busybox true
run --rm busybox echo hi
run --rm busybox sh -c 'exit 42'
run --rm busybox sh -c 'echo out; echo err >&2; exit 1'
run --rm busybox nosuch
run --rm busybox /tmp
run --rm -e A busybox env
run --rm -m 1x busybox
run --rm --cpus x busybox
run --rm -p x busybox
run --rm -p 99999 busybox
run --rm --restart always busybox
run --rm --network foo busybox
run --rm --pull foo busybox
run --rm -v a:b:c:d busybox
run --rm --mount type=foo busybox
run --rm --mount foo busybox
run --rm --mac-address x busybox
run --rm --env-file /nonexist busybox
run --rm --security-opt seccomp=/nonexist busybox
run --rm --device x busybox
run --rm --ulimit x busybox
run --rm --ulimit nofile=5:2 busybox
run --rm --health-interval x busybox
run --rm --stop-timeout x busybox
run --rm --blkio-weight 70000 busybox
run --rm --pid foo busybox
run --rm --log-driver none --log-opt a=b busybox
run --rm --sysctl x busybox
run --rm --link a:b:c busybox
run --rm --dns x busybox
run --rm --dns-search 1 busybox
run --rm --add-host x busybox
run --rm --gpus x busybox
run --rm --label =x busybox
run --rm -a foo busybox
run -d -a stdout busybox
run --rm -a stdout busybox sh -c 'echo out; echo err >&2'
run --rm -a stderr busybox sh -c 'echo out; echo err >&2'
run --rm --entrypoint echo busybox x
run --rm --read-only busybox touch /x
run --rm BusyBox true
run --rm busybox:!!! true
run --rm --name web busybox true
run --rm --cidfile /tmp busybox true
create --rm --restart always busybox
create --pull foo busybox
pull A
pull -a a:b
push x y
foo
network foo
network create
volume rm nope
volume create a b
--foo
-H unix:///nope ps
-H unix:///nope run busybox
-H foo://x ps
-H tcp://127.0.0.1:1 ps
-H unix:///a -H unix:///b ps
-c nope ps
-c a -H unix:///x ps
context show
context ls
update web
update nope -m 5m
rename a
rename nope x
pause nope
unpause web
attach nope
commit nope
export nope
save nope
load -i /nonexist
import /nonexist
logout
events --since 100h --until 99h
events --since 100h --until 99h --format '{{.Type'
stats --no-stream nope
version --format '{{.Server.Version}}'
version -f '{{json .Server}}'
info -f '{{.ServerVersion}} {{.Driver}}'
ps extra
images a b
run --name
run -v
run --rm=x busybox
run -i=x busybox
run -dx busybox
run --=x
ps -n x
ps -n
ps --last=1 -q
kill
pause
wait
top
port
diff
help foo
container foo
inspect -f '{{json .Config}}' busybox
inspect -f '{{.Config.Labels}} {{.HostConfig.Binds}} {{json .HostConfig.Binds}} {{.HostConfig.Tmpfs}}' web
inspect -f '{{.State.Health}} {{.Config.Healthcheck}}' web
inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{end}}x' web
inspect -f '{{.State.Health.Status}}' web
inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web
"""


@pytest.fixture(scope="module")
def engine(original_engine: OriginalEngine) -> Iterator[OriginalEngine]:
    """The original daemon with an image and a running container named web."""
    client = docker.theirs(original_engine.host)
    client("load", "-i", str(images.busybox()))
    client("run", "-d", "--name", "web", "-p", "80-81:80-81", "-l", "a=b", "busybox", "sleep", "1000")
    yield original_engine
    client("rm", "-f", "web")


@pytest.mark.parametrize("line", sample.of_lines(LINES.strip().splitlines(), one_in=3))
def test_both_clients_say_the_same(line: str, engine: OriginalEngine) -> None:
    command = shlex.split(line)
    theirs = docker.theirs(engine.host).run(*command)
    ours = docker.ours(engine.host).run(*command)
    assert _visible(ours) == _visible(theirs)


def _visible(result: Result) -> tuple[int, str, str]:
    return result.status, mask(result.out), mask(result.err)
