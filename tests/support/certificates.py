"""An authority and what it signs, for TLS on loopback; made by openssl."""

import subprocess
from pathlib import Path


class Authority:
    """Its files lie in `folder`: ca.pem to trust, and NAME.pem with NAME.key of everyone who was signed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.file = folder / "ca.pem"
        _openssl(
            "req", "-x509", *_new_key(folder / "ca.key"), "-out", self.file, "-subj", "/CN=authority", "-days", "2"
        )

    def sign(self, name: str, *, password: str = "", address: str = "127.0.0.1") -> tuple[Path, Path]:
        """The certificate, which is good for `address` and localhost, and the key, which may have a password."""
        certificate, key, request = (self._folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        extensions = self._folder / "extensions"
        extensions.write_text(f"subjectAltName=IP:{address},DNS:localhost\n")
        _openssl("req", *_new_key(key, password), "-out", request, "-subj", f"/CN={name}")
        signing = ("-CA", self.file, "-CAkey", self._folder / "ca.key", "-CAcreateserial", "-extfile", extensions)
        _openssl("x509", "-req", "-in", request, *signing, "-days", "2", "-out", certificate)
        return certificate, key


def _new_key(path: Path, password: str = "") -> tuple[str | Path, ...]:
    hidden = ("-passout", f"pass:{password}") if password else ("-noenc",)
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *hidden, "-keyout", path)


def _openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
