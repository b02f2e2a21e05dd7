"""What the figures were measured on, and with."""

import datetime
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import threadpoolctl

import skdnn
from contest.busy import n_cores


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in fields.items()}
    # Not all kinds of processor have a name there; family and model tell apart what a host hides.
    parts = [named.get("model name", platform.machine())]
    parts += [f"{key} {named[key]}" for key in ("cpu family", "model") if key in named]
    return ", ".join(parts)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def describe() -> dict[str, str]:
    """Return names and values for the head of the report."""
    libraries = {
        f"{info['internal_api']} {info['version']} ({info.get('architecture', 'unknown')} kernels)"
        for info in threadpoolctl.threadpool_info()
        if info["user_api"] == "blas"
    }
    packages = ("numpy", "scipy", "scikit-learn", "numba", "torch", "keras", "jax", "skorch")
    return {
        "processor": f"{_processor()}; {n_cores()} cores for this process",
        "system": platform.platform(),
        "Python": platform.python_version(),
        "skdnn": skdnn.__version__,
        **{name: _version(name) for name in packages},
        "BLAS": ", ".join(sorted(libraries)),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
