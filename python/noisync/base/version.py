"""The version, which stands once: in pyproject.toml."""

from importlib.metadata import version

__version__ = version("noisync")
