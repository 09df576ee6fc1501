"""The compiled modules; all else is in pyproject.toml, where setuptools calls its way to name them experimental."""

from setuptools import Extension, setup

# Loops over a word's numbers are worth vectorising, which gcc leaves to -O3; a product and a sum in one rounding, which it would take where
# the processor has it, would give other scores there than elsewhere.
ARGUMENTS = ["-O3", "-ffp-contract=off"]

setup(
    ext_modules=[
        Extension(f"model.{name}", [f"model/{name}.pyx"], depends=["model/lexicon.pxd"], extra_compile_args=ARGUMENTS)
        for name in ("lexicon", "kernel")
    ]
)
