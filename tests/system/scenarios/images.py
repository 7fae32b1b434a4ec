"""Images: listed, loaded, imported, pulled from a registry on the loopback, tagged, removed."""

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
    scenario("pull never what is missing", "run --rm --pull never nosuch true"),
    scenario(
        "load nothing",
        Step(text="load", stdin="", compare_errors=False),
        Step(text="load -q", stdin="not a tar archive", compare_errors=False),
    ),
    scenario("import nothing", Step(text="import - made:1", stdin="not a tar archive", compare_errors=False)),
    scenario(
        "image list filters",
        "images --filter reference='busy*' --format '{{.Repository}}'",
        "images --filter dangling=true -q",
    ),
)
