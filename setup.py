"""Put the workflow into the package, so that it runs from a wheel; all else is in pyproject.toml."""

from pathlib import Path
from shutil import copy, copytree, ignore_patterns

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent


class BuildWithWorkflow(build_py):
    """Copies the files that `pg.core.home` looks for next to the modules; an editable install finds the checkout's."""

    def run(self) -> None:
        """Build the modules, and copy the other files."""
        super().run()
        if not self.editable_mode:
            package = Path(self.build_lib, "pg")
            copy(HERE / "config.yaml", package)
            for name in ("workflow", "reference"):
                copytree(HERE / name, package / name, dirs_exist_ok=True, ignore=ignore_patterns("__pycache__"))


setup(cmdclass={"build_py": BuildWithWorkflow})
