import re
import subprocess
import sys
from pathlib import Path

import pytest

from stack.layer import DISTRIBUTIONS, LOCK, LayerError, copy_layer, download_layer

ROOT = Path(__file__).parents[2]


def _pinned(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), flags=re.MULTILINE))


def test_the_layer_locks_what_the_project_locks() -> None:
    """The same versions as everywhere else, every one with hashes."""
    pinned, project = _pinned(LOCK), _pinned(ROOT / "requirements.lock")
    assert set(pinned) == set(DISTRIBUTIONS)
    assert all(project[name] == version for name, version in pinned.items())


def test_the_local_layer_imports_on_its_own(tmp_path: Path) -> None:
    """Copied from the installed packages: no network, and no other package needed but botocore."""
    layer = copy_layer(tmp_path / "layer")
    script = f"import sys; sys.path.insert(0, {str(layer / 'python')!r}); import cryptography.x509, wrapt, cffi"
    result = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_complete_layer_is_left_alone(tmp_path: Path) -> None:
    """The second call finds it, unless the versions changed."""
    layer = copy_layer(tmp_path / "layer")
    mark = layer / "python" / "mark"
    mark.touch()
    assert copy_layer(layer) == layer
    assert mark.exists()
    (layer / "complete").write_text("older")
    copy_layer(layer)
    assert not mark.exists()


def test_a_failed_download_says_what_pip_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves no folder that looks complete."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LayerError, match="No matching distribution"):
        download_layer(tmp_path / "layer", runtime="python3.14", architecture="arm64")
    assert not (tmp_path / "layer" / "complete").exists()
