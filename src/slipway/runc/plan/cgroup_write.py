"""One value for one control file: what plans for both versions of cgroups are made of."""


class CgroupWrite:
    """`controller` is `""` on v2. `again`: if the kernel answers EINVAL, try once more after the others.

    Where the file is not there: `instead` is written; or nothing, if the write is `optional`.
    """

    __slots__ = ("again", "controller", "file", "instead", "optional", "value")

    def __init__(
        self,
        controller: str,
        file: str,
        value: "int | str",
        *,
        again: bool = False,
        optional: bool = False,
        instead: "CgroupWrite | None" = None,
    ) -> None:
        self.controller = controller
        self.file = file
        self.value = str(value)
        self.again = again
        self.optional = optional
        self.instead = instead

    def describe(self) -> str:
        return f"set {self.file} to {self.value}"
