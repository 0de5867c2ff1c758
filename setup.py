"""Builds the compiled core; everything else is declared in pyproject.toml.

RELAY_BUILD chooses how: release (default), debug (invariants checked), sanitize (debug under
ASan and UBSan). Each mode has its own tree, build/<mode>, because neither cythonize nor the
compiler step notices that directives or flags have changed.
"""

import os
import shutil
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError

DEBUG_FLAGS = ["-O1", "-g", "-UNDEBUG", "-DRELAY_DEBUG=1"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
COMPILE_FLAGS = {
    "release": ["-O3", "-g0"],
    "debug": DEBUG_FLAGS,
    "sanitize": [*DEBUG_FLAGS, *SANITIZERS, "-fno-omit-frame-pointer"],
}
LINK_FLAGS = {"release": [], "debug": [], "sanitize": SANITIZERS}

MODE = os.environ.get("RELAY_BUILD") or "release"
if MODE not in COMPILE_FLAGS:
    sys.exit(f"RELAY_BUILD={MODE!r}: choose one of {', '.join(COMPILE_FLAGS)}")

DIRECTIVES = {
    "language_level": 3,
    "auto_pickle": False,
    "autotestdict": False,
    "binding": True,
    "boundscheck": MODE != "release",
    "cdivision": True,
    "embedsignature": True,
    "initializedcheck": False,
    "wraparound": False,
}


def extensions(platform: str) -> list[Extension]:
    """The extension modules for `platform`: none but on Linux, for the reactor needs epoll.

    Without them the package still installs; `relay serve` then says that it runs on Linux only.
    """
    if platform != "linux":
        return []
    included = sorted(str(p) for p in Path("_core").iterdir() if p.suffix in {".pxi", ".pxd", ".h"})
    return [
        Extension(
            name,
            [source],
            depends=["setup.py", *included],
            include_dirs=["_core"],
            extra_compile_args=COMPILE_FLAGS[MODE],
            extra_link_args=LINK_FLAGS[MODE],
        )
        for name, source in [
            ("relay._core", "_core/core.pyx"),
            ("relay._load", "_core/load.pyx"),
        ]
    ]


def is_older(path: Path, than: Path) -> bool:
    return path.exists() and path.stat().st_mtime < than.stat().st_mtime


class ModeBuild(build):
    """Keeps each mode's objects in a tree of its own."""

    def initialize_options(self) -> None:
        super().initialize_options()
        self.build_base = f"build/{MODE}"


class CoreBuild(build_ext):
    """Cythonizes when extensions are built (an sdist needs no Cython), and says what is missing."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()
        if self.editable_mode:
            # pip offers a fresh directory each time; ours lets an editable install reuse objects.
            own = ModeBuild(self.distribution)
            own.ensure_finalized()
            self.build_lib, self.build_temp = own.build_lib, own.build_temp

    def build_extensions(self) -> None:
        self.require_compiler()
        from Cython.Build import cythonize

        directory = Path(f"build/{MODE}/cython")
        cythonized = cythonize(
            [Extension(ext.name, ext.sources) for ext in self.extensions],
            build_dir=str(directory),
            compiler_directives=DIRECTIVES,
            emit_linenums=MODE != "release",
            force=self.force or is_older(directory, Path("setup.py")),
            quiet=True,
        )
        directory.touch()
        for ext, translated in zip(self.extensions, cythonized, strict=True):
            ext.sources = translated.sources
        super().build_extensions()

    def copy_extensions_to_source(self) -> None:
        self.force = True  # what stands there may be another mode's, and newer
        super().copy_extensions_to_source()

    def require_compiler(self) -> None:
        compiler = self.compiler.compiler_so[0]
        if shutil.which(compiler) is None:
            raise CompileError(
                f"relay needs a C compiler, and {compiler} is not there"
                " (Debian: apt-get install gcc python3-dev)"
            )
        if not any(Path(d, "Python.h").exists() for d in self.include_dirs):
            raise CompileError(
                "relay needs Python's C headers, and Python.h is not there"
                " (Debian: apt-get install python3-dev)"
            )


if __name__ == "__main__":
    setup(
        ext_modules=extensions(sys.platform),
        cmdclass={"build": ModeBuild, "build_ext": CoreBuild},
    )
