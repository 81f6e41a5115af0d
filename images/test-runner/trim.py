"""Takes out of the image's own Python what installs packages and what no test imports; run as root in a stage."""

import shutil
from importlib.util import find_spec
from pathlib import Path

INSTALLERS = ["pip", "setuptools", "pkg_resources", "_distutils_hack", "wheel", "ensurepip"]
FOR_PEOPLE = ["idlelib", "turtledemo", "lib2to3", "test"]

for name in INSTALLERS + FOR_PEOPLE:
    spec = find_spec(name)
    for folder in map(Path, spec.submodule_search_locations or [] if spec else []):
        shutil.rmtree(folder)
        for told in folder.parent.glob(f"{name}-*-info"):
            shutil.rmtree(told) if told.is_dir() else told.unlink()
        # Would import setuptools' _distutils_hack at every start.
        (folder.parent / "distutils-precedence.pth").unlink(missing_ok=True)

# Debian keeps the installers' wheels beside, and each Python their programs.
shutil.rmtree("/usr/share/python-wheels", ignore_errors=True)
for folder in ["/usr/bin", "/usr/local/bin"]:
    for pattern in ["pip", "pip[0-9]*", "wheel", "idle*", "2to3*"]:
        for program in Path(folder).glob(pattern):
            program.unlink()
