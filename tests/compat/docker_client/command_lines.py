"""Command lines whose requests our client and Docker's must send alike. One per line, as a shell reads them.

`{files}` is a directory with env.list, labels.list and seccomp.json.
"""

CREATE_FLAGS = """
--add-host a:1.2.3.4 --add-host b=::1 --add-host c:[fe80::1] --add-host d:host-gateway
--annotation a=b --annotation c
-a stdin -a STDOUT
-a stderr -i
-i
-t
-it
--blkio-weight 300 --blkio-weight-device /dev/sda:200
--cap-add NET_ADMIN --cap-add=SYS_TIME --cap-drop ALL
--cgroup-parent /x --cgroupns host
--cgroupns private
--cpu-period 100000 --cpu-quota=50000 --cpu-rt-period 1000 --cpu-rt-runtime 900 -c 512
--cpus 1.5
--cpus .5
--cpus 2
--cpus 3/2
--cpus 1e-3
--cpuset-cpus 0-1 --cpuset-mems 0
--device /dev/null
--device /dev/null:/dev/zero
--device /dev/null:/dev/x:rw
--device /dev/null:r
--device /dev/../dev/null
--device vendor.com/class=name
--device-cgroup-rule 'c 1:3 rwm' --device-cgroup-rule 'a *:* r'
--device-read-bps /dev/sda:1mb --device-write-bps /dev/sda:2g
--device-read-iops /dev/sda:100 --device-write-iops /dev/sda:200
--dns 1.1.1.1 --dns ::1 --dns-option ndots:2 --dns-opt use-vc --dns-search a.example --dns-search .
--domainname example.com -h name
--entrypoint sh
--entrypoint=
-e A=1 -e B -e C= -e HOME
-e A=1 -e A=2
--env-file {files}/env.list -e Z=1
--expose 80 --expose 90-92/udp --expose 53/tcp
--gpus all
--gpus 2
--gpus device=0,driver=nvidia
--gpus '"device=0,1"'
--gpus 'all,"capabilities=compute,utility"'
--group-add audio --group-add 5
--health-cmd 'curl x' --health-interval 1m30s --health-retries 3 --health-start-period 10s --health-timeout 500ms
--health-start-interval 2s
--no-healthcheck
--hostname x --init
--init=false
--ip 172.30.1.2 --network mine
--ip6 2001:db8::33 --network mine
--ipc host
--ipc container:x
--isolation process
--kernel-memory 10m
-l a -l b=c -l d=e=f
--label-file {files}/labels.list --label x=y
--link a:b --link c
--link a:b --network mine
--link-local-ip 169.254.1.1 --network mine
--log-driver syslog --log-opt a=b --log-opt c=d
--log-driver none
--mac-address 92:d0:c6:0a:29:33
--mac-address 92:d0:c6:0a:29:33 --network mine
-m 64m
-m 1g --memory-swap -1 --memory-reservation 500m --memory-swappiness 10
--memory-swap 2g -m 1g
-m 1024
-m 1.5g
-m 64MiB
-m '64 mb'
--mount type=bind,source=/a,target=/b
--mount type=bind,src=./x,dst=/b,ro
--mount type=bind,src=/a,dst=/b,readonly=false,bind-propagation=rslave
--mount type=bind,src=/a,dst=/b,bind-recursive=disabled
--mount type=bind,src=/a,dst=/b,bind-recursive=enabled
--mount type=bind,src=/a,dst=/b,ro,bind-recursive=writable
--mount type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate
--mount source=v,target=/b
--mount src=v,dst=/b,volume-nocopy,volume-driver=d,volume-opt=a=b,volume-label=c=d,volume-subpath=s
--mount type=tmpfs,destination=/t,tmpfs-size=64m,tmpfs-mode=1777
--mount type=tmpfs,target=/t
--mount type=image,src=busybox,dst=/i,image-subpath=bin
--mount '"type=bind","source=/a,b","target=/b"'
--mount type=bind,src=/a,dst=/b,consistency=cached
--mount TYPE=bind,SRC=/a,DST=/b
--name foo
--network host
--network none
--network bridge
--network container:abc
--network mine
--net mine --net-alias a --network-alias b
--network name=mine,alias=a,alias=b,ip=1.2.3.4,mac-address=92:d0:c6:0a:29:33,driver-opt=a=b,gw-priority=5
--network mine --network other
--network name=mine,alias=x --network name=other,ip6=::2,link-local-ip=169.254.0.1
--oom-kill-disable --oom-score-adj -500
--pid host
--pid container:x
--pids-limit 100
--pids-limit -1
--platform linux/arm64
--privileged
-p 80
-p 8080:80
-p 127.0.0.1:8080:80/udp
-p 127.0.0.1::80
-p [::1]:8080:80
-p 8000-8002:80-82
-p 8000-8010:80
-p 80-82
-p published=8080,target=80
-p published=8080,target=80,protocol=udp
-p 80:80 -p 81:80 -p 80:80/udp
-p80:80 -p=81:81
-P
--pull always
--read-only
--restart always
--restart on-failure:5
--restart unless-stopped
--restart no
--restart=
--rm
--runtime runc
--security-opt no-new-privileges --security-opt apparmor=unconfined
--security-opt seccomp=unconfined --security-opt label:disable
--security-opt seccomp={files}/seccomp.json
--security-opt systempaths=unconfined
--shm-size 128m
--stop-signal SIGQUIT --stop-timeout 30
--stop-timeout 0
--storage-opt size=10G
--sysctl net.ipv4.ip_forward=1 --sysctl kernel.shmmax=1
--tmpfs /run --tmpfs /tmp:rw,size=64m
--ulimit nofile=1024:2048 --ulimit nproc=10 --ulimit core=-1
--ulimit nofile=1 --ulimit nofile=2
-u 1000:1000
--userns host --uts host
-v /a:/b
-v /a:/b:ro
-v name:/b
-v /b
-v ./rel:/b
-v ~/x:/b
-v /a:/b:ro,z -v c:/d -v /e
--volume-driver local --volumes-from x --volumes-from y:ro
-w /tmp
-itd=false --rm
--quiet -m=5m -l=x=y
"""

OTHERS = """
create busybox echo a b
create busybox -m 5m
create --rm busybox -- -x
create -- busybox ls
run -d busybox
run -dt busybox sh
run -d --rm busybox sleep 1
ps
ps -a -n 3
ps -l
ps -s
ps -f name=a -f status=running -f label=x=y
ps --format '{{.Size}}'
ps --format '{{json .}}'
ps --format json
images
images -a -f dangling=true
images busybox
stop -t 5 -s TERM x
stop x
restart -t 0 x
kill x
kill -s HUP x
rm x
rm -fv x
rm -l x
pause x
unpause x
rename a b
start x
tag busybox example.com:5000/a/b:c
tag busybox b
rmi x
rmi -f --no-prune x
network ls -f driver=bridge
network create x
network create -d macvlan -o parent=eth0 --subnet 10.0.0.0/24 --gateway 10.0.0.1 --ip-range 10.0.0.128/25 --internal x
network create --subnet 10.1.0.0/16 --subnet fd00::/64 --ipv6 --aux-address a=10.1.0.5 --label a=b --attachable x
network connect --ip 1.2.3.4 --alias a --alias b,c --link d:e --driver-opt a=b net container
network connect net container
network disconnect -f net container
network prune -f
volume create
volume create -d local -o type=tmpfs -o device=tmpfs --label a=b name
volume rm x
volume rm -f x
volume prune -f
volume prune -af --filter label=x
container prune -f --filter until=5m
image prune -f
image prune -af
update -m 100m --memory-swap 200m --cpus 1.5 x
update --restart always --pids-limit 5 x
update --cpu-shares 5 --cpuset-cpus 0 --blkio-weight 300 x
top x
top x -o pid,comm
diff x
history busybox
commit -a me -m msg -c 'CMD ls' -p=false x repo:tag
commit x
port x
search -f is-official=true --limit 5 foo
"""


def command_lines(files: str) -> list[str]:
    """Every line, with the flags of `create` as whole commands."""
    lines = [f"create {flags} busybox ls" for flags in _lines(CREATE_FLAGS.replace("{files}", files))]
    return lines + _lines(OTHERS.replace("{files}", files))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
