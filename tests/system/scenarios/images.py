"""Images: listed, loaded, imported, pulled from a registry on the loopback, tagged, removed."""

from tests.support.web_server import ADDRESS
from tests.system.harness import Step, scenario

REGISTRY = "127.0.0.1:5000"  # tests/system/conftest.py runs one in each engine's network

SCENARIOS = (
    scenario("images", Step(text="images", view="without_sizes")),
    scenario("images by format", "images --format '{{.Repository}}:{{.Tag}}' busybox"),
    scenario("images that are not there", "images nosuch"),
    scenario(
        "tag and remove",
        "tag busybox copy:1",
        "images --format '{{.Repository}}:{{.Tag}}' copy",
        "rmi copy:1",
        "images copy -q",
    ),
    scenario(
        "remove a used image",
        "create --name box busybox true",
        "tag busybox copy:1",
        "rmi busybox:nosuch",
        "rmi copy:1",
    ),
    scenario("history", Step(text="history --format '{{.CreatedBy}}' busybox")),
    scenario(
        "pull",
        Step(text=f"pull {REGISTRY}/busybox", view="last_line"),
        f"run --rm {REGISTRY}/busybox echo pulled",
        Step(text=f"rmi {REGISTRY}/busybox", compare_output=False),
    ),
    scenario(
        "pull quietly", f"pull -q {REGISTRY}/busybox:latest", Step(text=f"rmi {REGISTRY}/busybox", compare_output=False)
    ),
    scenario(
        "pull by run",
        Step(text=f"run --rm {REGISTRY}/busybox echo pulled", compare_errors=False),
        Step(text=f"rmi {REGISTRY}/busybox", compare_output=False),
    ),
    scenario("pull an unknown tag", f"pull {REGISTRY}/busybox:nosuch"),
    scenario("pull an unknown name", f"pull {REGISTRY}/nosuch"),
    scenario("run an unknown name", f"run --rm {REGISTRY}/nosuch true"),
    scenario("pull where nobody answers", "pull 127.0.0.1:1/x"),
    scenario(
        "push",
        f"tag busybox {REGISTRY}/busybox:again",
        Step(text=f"push {REGISTRY}/busybox:again", view="pushed"),
        Step(text=f"push -q {REGISTRY}/busybox:again"),
        Step(text=f"rmi {REGISTRY}/busybox:again", compare_output=False),
        Step(text=f"pull {REGISTRY}/busybox:again", view="last_line"),
        Step(text=f"rmi {REGISTRY}/busybox:again", compare_output=False),
    ),
    scenario(
        "push to a new name",
        f"tag busybox {REGISTRY}/team/pushed",
        Step(text=f"push {REGISTRY}/team/pushed", compare_output=False),  # who comes second finds it there
        Step(text=f"push {REGISTRY}/team/pushed", view="pushed"),
        Step(text=f"rmi {REGISTRY}/team/pushed", compare_output=False),
    ),
    scenario(
        "push every tag",
        f"tag busybox {REGISTRY}/busybox:one",
        f"tag busybox {REGISTRY}/busybox:two",
        Step(text=f"push -a {REGISTRY}/busybox", view="pushed"),
        f"push -a {REGISTRY}/busybox:one",
        f"push -a {REGISTRY}/nosuch",
        Step(text=f"rmi {REGISTRY}/busybox:one {REGISTRY}/busybox:two", compare_output=False),
    ),
    scenario(
        "push what is not there",
        f"push {REGISTRY}/busybox:nosuch",
        f"push {REGISTRY}/nosuch",
        f"push {REGISTRY}/busybox@sha256:{'0' * 64}",
        f"push {REGISTRY}/BUSYBOX",
    ),
    scenario(
        "push one platform",
        f"tag busybox {REGISTRY}/busybox:again",
        Step(text=f"push --platform linux/s390x {REGISTRY}/busybox:again", compare_output=False),
        Step(text=f"rmi {REGISTRY}/busybox:again", compare_output=False),
    ),
    scenario(
        "push where nobody answers",
        "tag busybox 127.0.0.1:1/x",
        Step(text="push 127.0.0.1:1/x", view="pushed", compare_errors=False),
        Step(text="rmi 127.0.0.1:1/x", compare_output=False),
    ),
    scenario("pull never what is missing", "run --rm --pull never nosuch true"),
    scenario(
        "load nothing",
        Step(text="load", stdin="", compare_errors=False),
        Step(text="load -q", stdin="not a tar archive", compare_errors=False),
    ),
    scenario("import nothing", Step(text="import - made:1", stdin="not a tar archive", compare_errors=False)),
    *(
        scenario(
            f"import from the web: {what}",
            Step(text=f"import http://{ADDRESS}/{what} web:1", view="without_numbers"),
            "history --format '{{.Comment}}' web:1",
            Step(text="rmi -f web:1", compare_output=False, compare_errors=False),
        )
        for what in ("tar", "moved")
    ),
    scenario(
        "import from the web with a message",
        Step(text=f"import -m hello -c 'CMD x' -c 'ONBUILD RUN y' http://{ADDRESS}/tar web:1", view="without_numbers"),
        "history --format '{{.Comment}}' web:1",
        "inspect -f '{{.Config.Cmd}} {{.Config.OnBuild}}' web:1",
        Step(text="rmi -f web:1", compare_output=False),
    ),
    scenario(
        "import from the web: nothing to be had",
        f"import http://{ADDRESS}/missing web:1",
        f"import http://{ADDRESS}/broken web:1",
        f"import http://{ADDRESS}/round web:1",
        "import http://127.0.0.1:1/tar web:1",
        f"import http://{ADDRESS}/tar WEB:1",
        f"import http://{ADDRESS}/tar web:a:b",
        "import http:// web:1",
        "import 'http://a b/' web:1",
        "import ftp://127.0.0.1/tar web:1",
    ),
    scenario(
        "import from the web: what breaks off or is no tar",
        Step(text=f"import http://{ADDRESS}/short web:1", compare_errors=False, view="first_line"),
        Step(text=f"import http://{ADDRESS}/page web:1", compare_errors=False, view="first_line"),
    ),
    scenario(
        "changes that cannot be",
        *(
            f"import -c '{change}' -"
            for change in (
                "FOO",
                "RUN x",
                "ONBUILD",
                "HEALTHCHECK",
                "HEALTHCHECK CMD",
                "HEALTHCHECK FOO x",
                "HEALTHCHECK NONE x",
                "HEALTHCHECK --interval=x CMD true",
                "HEALTHCHECK --interval=1ns CMD true",
                "HEALTHCHECK --retries=-1 CMD true",
                "HEALTHCHECK --retries=x CMD true",
                "HEALTHCHECK --nosuch=1 CMD true",
                "HEALTHCHECK --interval CMD true",
            )
        ),
    ),
    *(
        scenario(
            f"import with a health check: {name}",
            Step(text=f"import -c 'HEALTHCHECK {check}' http://{ADDRESS}/tar web:1", compare_output=False),
            "inspect -f '{{json .Config.Healthcheck}}' web:1",
            Step(text="rmi -f web:1", compare_output=False),
        )
        for name, check in (
            ("none", "NONE"),
            ("words", "CMD a  b"),
            (
                "a list",
                '--interval=1m30s --timeout=2s --retries=4 --start-period=1s --start-interval=500ms CMD ["a","b"]',
            ),
        )
    ),
    scenario(
        "image list filters",
        "images --filter reference='busy*' --format '{{.Repository}}'",
        "images --filter dangling=true -q",
        *(
            f"images --filter {words} --format '{{{{.Repository}}}}'"
            for words in (
                *("reference='b*x'", "reference=busybox", "reference=busy", "reference='[b]usybo?:*'", "label=nosuch"),
                *(
                    f"reference=busybox --filter {more}"
                    for more in ("until=87600h", "until=2100-01-01", "dangling=0", "label!=nosuch")
                ),
            )
        ),
    ),
)
