"""An editable installation finds the package wherever a script lies."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.package.conftest import ROOT

BUILD = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
FIND = """
import site, sys
from importlib.util import find_spec
site.addsitedir(sys.argv[1])
print(find_spec("pg").origin)
"""


def test_a_clone_named_as_the_package_beside_a_script_does_not_hide_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", BUILD, str(tmp_path)], cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site-packages")
    (tmp_path / "pg").mkdir()
    # Without the site packages of the test's interpreter; `-c` has the working directory on its path.
    found = subprocess.run(
        [sys.executable, "-S", "-E", "-c", FIND, str(tmp_path / "site-packages")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == ROOT / "pg/__init__.py"
