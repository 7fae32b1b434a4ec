"""One value for one control file: what plans for both versions of cgroups are made of."""


class CgroupWrite:
    """`controller` is `""` on v2. `again`: if the kernel answers EINVAL, try once more after the others."""

    __slots__ = ("again", "controller", "file", "value")

    def __init__(self, controller: str, file: str, value: "int | str", *, again: bool = False) -> None:
        self.controller = controller
        self.file = file
        self.value = str(value)
        self.again = again

    def describe(self) -> str:
        return f"set {self.file} to {self.value}"
