"""Standard streams, exit codes, logs, exec, attach: what flows through the chain."""

from tests.system.harness import Step, scenario

LINES = "'i=0; while [ $i -lt 5 ]; do echo line $i; i=$((i+1)); done'"

SCENARIOS = (
    scenario("input through a pipe", Step(text="run -i --rm busybox cat", stdin="one\ntwo\n")),
    scenario("input ends", Step(text="run -i --rm busybox sh -c 'cat >/dev/null; echo ended'", stdin="x")),
    scenario("no input without -i", Step(text="run --rm busybox cat", stdin="lost\n")),
    scenario("much output", Step(text="run --rm busybox sh -c 'yes 0123456789 | head -c 5000000 | md5sum'")),
    scenario("much input", Step(text="run -i --rm busybox md5sum", stdin="0123456789\n" * 200_000)),
    scenario("exit code of the program", "run --rm busybox sh -c 'exit 7'", "run --rm busybox false"),
    scenario(
        "exit code of a signal",
        "run --rm busybox sh -c 'kill -9 $$'",
        "run --rm busybox sh -c 'kill -TERM $$; sleep 5'",
    ),
    scenario("exit code 127", "run --rm busybox nosuchprogram"),
    scenario("exit code 126", "run --rm busybox /etc/passwd/x", "run --rm busybox /tmp"),
    scenario("exit code 125", "run --rm --network nosuch busybox true"),
    scenario("a working directory that is a file", "run --rm -w /etc/passwd busybox true"),
    scenario(
        "logs",
        f"run --name box busybox sh -c {LINES}",
        "logs box",
        "logs --tail 2 box",
        "logs --tail 0 box",
        "logs -n all box",
    ),
    scenario("logs of both streams", "run --name box busybox sh -c 'echo out; sleep 0.1; echo err >&2'", "logs box"),
    scenario("logs with times", "run --name box busybox echo x", "logs -t box"),
    scenario("logs that follow to the end", "run -d --name box busybox sh -c 'echo a; sleep 1; echo b'", "logs -f box"),
    scenario("logs with details", "run --name box -l x=y busybox echo x", "logs --details box"),
    scenario("logs since", "run --name box busybox echo x", "logs --since 1h box", "logs --until 1h box"),
    scenario("a line without an end", "run --name box busybox printf abc", "logs box"),
    scenario("logs of a stopped container stay", "run --name box busybox echo one", "start -a box", "logs box"),
    scenario("no log driver", "run --name box --log-driver none busybox echo x", "logs box"),
    scenario("exec", "run -d --name box busybox sleep 60", "exec box echo hello", "exec box sh -c 'exit 9'"),
    scenario("exec with input", "run -d --name box busybox sleep 60", Step(text="exec -i box cat", stdin="in\n")),
    scenario(
        "exec options", "run -d --name box busybox sleep 60", "exec -u www -w /tmp -e A=b box sh -c 'id; pwd; echo $A'"
    ),
    scenario(
        "exec detached",
        "run -d --name box busybox sleep 60",
        "exec -d box touch /made",
        "exec box sh -c 'sleep 0.3; ls /made'",
    ),
    scenario("exec of what is not there", "run -d --name box busybox sleep 60", "exec box nosuch", "exec box /tmp"),
    scenario(
        "exec in privileged mode",
        "run -d --name box busybox sleep 60",
        "exec --privileged box grep CapEff /proc/self/status",
    ),
    scenario(
        "exec sees what the container sees",
        "run -d --name box busybox sleep 60",
        "exec box grep -E 'Cap|NoNew|Seccomp:' /proc/self/status",
    ),
    scenario("exec where nothing runs", "create --name box busybox true", "exec box true"),
    scenario("attach to output", "create --name box busybox echo attached", "start -a box"),
    scenario("start with input", "create -i --name box busybox cat", Step(text="start -ai box", stdin="typed\n")),
    scenario("attach only to errors", "run --rm -a stderr busybox sh -c 'echo out; echo err >&2'"),
)
