"""An environment with the wheel of this checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all as long, and run them in one worker, because they share the environment."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.long)
            item.add_marker(pytest.mark.xdist_group("package"))


@dataclass(frozen=True)
class Installed:
    """A Python with the wheel, and a folder to work in."""

    python: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of its user: the checkout is on no path."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PG_"))}
        return {**own, "PATH": f"{self.python.parent}{os.pathsep}{own['PATH']}"}

    def run(self, *words: str) -> str:
        """Run Python, check that it succeeds, and return what it prints."""
        command = [self.python, *words]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install a wheel without its dependencies, which are those of the tests; it is built in a copy of the checkout."""
    folder = tmp_path_factory.mktemp("package")
    source, wheels = folder / "source", folder / "wheels"
    for name in ("pg", "workflow", "reference"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "config.yaml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    quietly = {"check": True, "capture_output": True, "cwd": folder}
    subprocess.run([*pip, "wheel", source, "--no-deps", "--no-build-isolation", "-w", wheels], **quietly)
    (wheel,) = wheels.iterdir()
    shutil.rmtree(source)
    venv.create(folder / "environment", symlinks=True)
    python = folder / "environment/bin/python"
    (site,) = (folder / "environment/lib").glob("python*/site-packages")
    site.joinpath("dependencies.pth").write_text(
        "\n".join(dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))) + "\n", encoding="utf-8"
    )
    # Bytecode is left out, because copied times of sources would outdate it.
    install = ["--python", python, "install", "--no-deps", "--no-index", "--no-compile", wheel]
    subprocess.run([*pip, *install], **quietly)
    _copy_machine_code(site)
    (folder / "empty").mkdir()
    return Installed(python, folder / "empty")


def _copy_machine_code(site: Path) -> None:
    """Copy the checkout's machine code, because compiling it takes half a minute; numba compares times of sources."""
    import_module("pg.learning.training")
    for source in (ROOT / "pg").rglob("*.py"):
        shutil.copystat(source, site / source.relative_to(ROOT))
    for code in (ROOT / "pg").rglob("*.nb[ic]"):
        copied = site / code.relative_to(ROOT)
        copied.parent.mkdir(exist_ok=True)
        shutil.copy2(code, copied)
