"""Every command by its path: where it lives, and one line about it. A command's module is imported only when it runs.

An entry is (module below slipway.docker.commands, name in it, summary).
"""

Entry = tuple[str, str, str]

CONTAINER: dict[str, Entry] = {
    "attach": ("containers.attach", "ATTACH", "Attach our input, output and error streams to a running container"),
    "commit": ("containers.export", "COMMIT", "Make an image from a container's changes"),
    "cp": ("containers.copy", "COPY", "Copy files or folders between a container and this machine"),
    "create": ("containers.create", "CREATE", "Create a new container"),
    "diff": ("containers.diff", "DIFF", "List the changed files of a container's filesystem"),
    "exec": ("containers.execute", "EXEC", "Execute a command in a running container"),
    "export": ("containers.export", "EXPORT", "Write a container's filesystem as a tar archive"),
    "inspect": ("containers.inspect", "INSPECT", "Show everything known about containers"),
    "kill": ("containers.kill", "KILL", "Kill running containers"),
    "logs": ("containers.logs", "LOGS", "Fetch the logs of a container"),
    "ls": ("containers.list", "LIST", "List containers"),
    "pause": ("containers.pause", "PAUSE", "Pause all processes within containers"),
    "port": ("containers.port", "PORT", "List the published ports of a container"),
    "prune": ("containers.prune", "PRUNE", "Remove all stopped containers"),
    "rename": ("containers.rename", "RENAME", "Rename a container"),
    "restart": ("containers.stop", "RESTART", "Restart containers"),
    "rm": ("containers.remove", "REMOVE", "Remove containers"),
    "run": ("containers.run", "RUN", "Create and run a new container from an image"),
    "start": ("containers.start", "START", "Start stopped containers"),
    "stats": ("containers.stats", "STATS", "Show what containers use of the machine, live"),
    "stop": ("containers.stop", "STOP", "Stop running containers"),
    "top": ("containers.top", "TOP", "List the processes of a container"),
    "unpause": ("containers.pause", "UNPAUSE", "Resume all processes within containers"),
    "update": ("containers.update", "UPDATE", "Change the limits of containers"),
    "wait": ("containers.wait", "WAIT", "Wait until containers stop, then print their exit codes"),
}
IMAGE: dict[str, Entry] = {
    "build": ("images.later", "BUILD", "Build an image from a Dockerfile"),
    "history": ("images.history", "HISTORY", "Show how an image was made"),
    "import": ("images.load", "IMPORT", "Make an image from a tar archive of a filesystem"),
    "inspect": ("images.inspect", "INSPECT", "Show everything known about images"),
    "load": ("images.load", "LOAD", "Load images from a tar archive or standard input"),
    "ls": ("images.list", "LIST", "List images"),
    "prune": ("images.prune", "PRUNE", "Remove unused images"),
    "pull": ("images.pull", "PULL", "Download an image from a registry"),
    "push": ("images.push", "PUSH", "Upload an image to a registry"),
    "rm": ("images.remove", "REMOVE", "Remove images"),
    "save": ("images.save", "SAVE", "Write images to a tar archive (to standard output unless told otherwise)"),
    "tag": ("images.tag", "TAG", "Give SOURCE_IMAGE the further name TARGET_IMAGE"),
}
NETWORK: dict[str, Entry] = {
    "connect": ("networks.connect", "CONNECT", "Connect a container to a network"),
    "create": ("networks.create", "CREATE", "Create a network"),
    "disconnect": ("networks.connect", "DISCONNECT", "Disconnect a container from a network"),
    "inspect": ("networks.inspect", "INSPECT", "Show everything known about networks"),
    "ls": ("networks.list", "LIST", "List networks"),
    "prune": ("networks.remove", "PRUNE", "Remove all unused networks"),
    "rm": ("networks.remove", "REMOVE", "Remove networks"),
}
VOLUME: dict[str, Entry] = {
    "create": ("volumes.create", "CREATE", "Create a volume"),
    "inspect": ("volumes.inspect", "INSPECT", "Show everything known about volumes"),
    "ls": ("volumes.list", "LIST", "List volumes"),
    "prune": ("volumes.remove", "PRUNE", "Remove unused local volumes"),
    "rm": ("volumes.remove", "REMOVE", "Remove volumes"),
}
SYSTEM: dict[str, Entry] = {
    "df": ("system.disk_usage", "DISK_USAGE", "Show what images, containers and volumes take on disk"),
    "events": ("system.events", "EVENTS", "Show what happens in the daemon, live"),
    "info": ("system.info", "INFO", "Show facts about the daemon and its machine"),
    "prune": ("system.prune", "PRUNE", "Remove unused data"),
}
CONTEXT: dict[str, Entry] = {
    "inspect": ("contexts.inspect", "INSPECT", "Show everything known about contexts"),
    "ls": ("contexts.list", "LIST", "List contexts"),
    "show": ("contexts.show", "SHOW", "Print the name of the context in use"),
    "use": ("contexts.use", "USE", "Choose the context to use"),
}

# A group's commands, its summary, and other names for some of its commands.
GROUPS: dict[str, tuple[dict[str, Entry], str, dict[str, str]]] = {
    "container": (CONTAINER, "Manage containers", {"list": "ls", "ps": "ls", "remove": "rm"}),
    "context": (CONTEXT, "Manage contexts", {"list": "ls"}),
    "image": (IMAGE, "Manage images", {"list": "ls", "remove": "rm"}),
    "network": (NETWORK, "Manage networks", {"list": "ls", "remove": "rm"}),
    "system": (SYSTEM, "Manage Docker", {}),
    "volume": (VOLUME, "Manage volumes", {"list": "ls", "remove": "rm"}),
}

# The commands that help lists first, in this order.
COMMON: dict[str, Entry] = {
    "run": CONTAINER["run"],
    "exec": CONTAINER["exec"],
    "ps": CONTAINER["ls"],
    "build": IMAGE["build"],
    "pull": IMAGE["pull"],
    "push": IMAGE["push"],
    "images": IMAGE["ls"],
    "login": ("registry.login", "LOGIN", "Authenticate to a registry"),
    "logout": ("registry.logout", "LOGOUT", "Log out from a registry"),
    "search": ("registry.search", "SEARCH", "Search Docker Hub for images"),
    "version": ("system.version", "SHOW", "Show the versions of client and daemon"),
    "info": SYSTEM["info"],
}
OTHER: dict[str, Entry] = {
    **{
        name: CONTAINER[name]
        for name in (
            "attach",
            "commit",
            "cp",
            "create",
            "diff",
            "export",
            "kill",
            "logs",
            "pause",
            "port",
            "rename",
            "restart",
            "rm",
            "start",
            "stats",
            "stop",
            "top",
            "unpause",
            "update",
            "wait",
        )
    },
    **{name: IMAGE[name] for name in ("history", "import", "load", "save", "tag")},
    "rmi": IMAGE["rm"],
    "events": SYSTEM["events"],
    "inspect": ("system.inspect", "INSPECT", "Show everything known about containers, images, networks and volumes"),
}
TOP_LEVEL: dict[str, Entry] = {**COMMON, **OTHER}
