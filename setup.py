"""The compiled modules; all else is in pyproject.toml, where setuptools calls its way to name them experimental."""

from setuptools import Extension, setup

setup(ext_modules=[Extension(f"model.{name}", [f"model/{name}.pyx"], extra_compile_args=["-O3"]) for name in ("lexicon", "kernel")])
