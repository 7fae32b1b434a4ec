"""Imports point downwards only. The list of layers is exhaustive: a new folder must be placed before it may exist."""

from collections.abc import Iterator

from tests.architecture.modules import Module, every_module

LAYERS = (
    ("launch",),
    ("docker", "dockerd", "containerd", "shim", "runc", "netagent"),
    ("clients",),
    ("contracts",),
    ("transport", "archive", "database", "service"),
    ("wire", "linux"),
    ("base",),
)
DEPTH = {folder: depth for depth, layer in enumerate(LAYERS) for folder in layer}
# Inside a program: the inbound folder calls noun folders; these never call back.
INBOUND = {"dockerd": {"api"}, "containerd": {"services"}, "docker": {"commands"}, "runc": {"commands"}}
NOUN_PROGRAMS = ("dockerd", "containerd")
SEAMS = ("model", "models", "interface")


def test_every_folder_of_slipway_has_its_place_in_the_list() -> None:
    folders = {module.parts[1] for module in every_module() if len(module.parts) > 1}
    assert folders == set(DEPTH), "place a new folder in LAYERS (and in ARCHITECTURE.md) first"


def test_imports_point_downwards() -> None:
    wrong = [
        f"{module.relative}:{line} imports {name}"
        for module in every_module()
        for name, line in module.imports()
        if name.startswith("slipway.") and not _may_import(module, name)
    ]
    assert not wrong, "\n".join(wrong)


def _may_import(module: Module, name: str) -> bool:
    ours, theirs = module.parts[1:2], name.split(".")[1]
    if not ours or theirs not in DEPTH:
        return theirs.startswith("__")
    return theirs == ours[0] or DEPTH[theirs] > DEPTH[ours[0]]


def test_the_inbound_folder_is_never_called_back() -> None:
    wrong = []
    for module in every_module():
        program, folder = (*module.parts[1:3], "", "")[:2]
        inbound = INBOUND.get(program, set())
        if not folder or folder in inbound or (len(module.parts) == 3 and module.path.name != "__init__.py"):
            continue
        for name, line in module.imports():
            target = name.split(".")
            if target[:2] == ["slipway", program] and len(target) > 2 and target[2] in inbound:
                wrong.append(f"{module.relative}:{line} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_a_noun_knows_of_another_only_its_model_and_its_interface() -> None:
    found = {f"{module.relative} -> {name}" for module in every_module() for name in _crossings(module)}
    assert not found, "give it an interface:\n" + "\n".join(sorted(found))


def _crossings(module: Module) -> Iterator[str]:
    """What a module of a noun folder imports of another noun, beyond its seams."""
    if len(module.parts) < 4 or module.parts[1] not in NOUN_PROGRAMS or module.parts[2] in INBOUND[module.parts[1]]:
        return
    program, noun = module.parts[1:3]
    for name, _ in module.imports():
        target = name.split(".")
        is_other_noun = target[:2] == ["slipway", program] and len(target) > 3 and target[2] != noun
        if is_other_noun and not set(SEAMS) & set(target[3:]):
            yield ".".join(target[1:4])


def test_no_cycle_of_imports() -> None:
    modules = {".".join(module.parts): module for module in every_module()}
    edges = {name: set(_targets(module, modules)) - {name} for name, module in modules.items()}
    while leaves := {name for name, targets in edges.items() if not targets}:
        edges = {name: targets - leaves for name, targets in edges.items() if name not in leaves}
    cyclic = {name for name in edges if any(name in edges[other] for other in edges)}
    assert not cyclic, f"these import each other: {sorted(cyclic)}"


def _targets(module: Module, modules: dict[str, Module]) -> list[str]:
    found = []
    for name, _ in module.imports(typing_too=False):
        target = name if name in modules else name.rpartition(".")[0]
        if target in modules:
            found.append(target)
    return found
