"""The folder that the Lambda layer is made of. Plain Python, no CDK.

On AWS the layer needs wheels of the functions' own Python and architecture, whatever this machine is: pip takes them
from PyPI by the hashes of `layer.lock`. The local environment runs on this machine's Python, which has them already.
boto3 is left out: the Lambda runtime brings it.
"""

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

LOCK: Final = Path(__file__).resolve().parent / "layer.lock"
DISTRIBUTIONS: Final = ("aws-xray-sdk", "cffi", "cryptography", "pycparser", "wrapt")
"""cryptography (with cffi) verifies PayPal's certificates; aws-xray-sdk (with wrapt) writes trace segments."""

_PLATFORMS: Final = {
    "arm64": ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "x86_64": ("manylinux_2_34_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
}
"""What Amazon Linux 2023 (glibc 2.34), the system of Python 3.12 and later on Lambda, can load."""


class LayerError(RuntimeError):
    """The layer can't be built; the message holds pip's own last words."""


def download_layer(folder: Path, *, runtime: str, architecture: str) -> Path:
    """Fill `folder` with the hashed wheels for AWS and return it; a folder that is complete already is left alone.

    `runtime` is Lambda's name, e.g. `python3.14`; `architecture` is `arm64` or `x86_64`. Raises LayerError.
    """
    done = folder / "complete"
    wanted = f"{runtime} {architecture}\n{LOCK.read_text()}"
    if done.exists() and done.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "python"
    platforms = [word for platform in _PLATFORMS[architecture] for word in ("--platform", platform)]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation", "cp", *platforms]
    command += ["--python-version", runtime.removeprefix("python"), "--target", str(python), "-r", str(LOCK)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise LayerError(f"pip could not fetch the layer's wheels: {result.stderr.strip()[-800:]}")
    shutil.rmtree(python / "bin", ignore_errors=True)  # scripts name this machine's interpreter
    done.write_text(wanted)
    return folder


def copy_layer(folder: Path) -> Path:
    """Fill `folder` with the wheels as they are installed here, for the local environment, and return it.

    Raises LayerError when one of them is missing.
    """
    done = folder / "complete"
    wanted = "\n".join(f"{name}=={_distribution(name).version}" for name in DISTRIBUTIONS) + f"\n{sys.version}\n"
    if done.exists() and done.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    for name in DISTRIBUTIONS:
        _copy_distribution(_distribution(name), folder / "python")
    done.write_text(wanted)
    return folder


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError as error:
        raise LayerError(f"the package {name} is not installed") from error


def _copy_distribution(distribution: metadata.Distribution, target: Path) -> None:
    for file in distribution.files or ():
        inside = not file.is_absolute() and ".." not in file.parts
        if inside and "__pycache__" not in file.parts:
            destination = target / file
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(distribution.locate_file(file)), destination)
