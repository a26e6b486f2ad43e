"""A piece of a report, and the writing of its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from noisync.storage.files import replace_file


@dataclass(frozen=True)
class Section:
    """One reproduced item: its title, its text in Markdown, and whether all its numbers agree."""

    title: str
    body: str
    passed: bool = True


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value: float, digits: int = 2) -> str:
    """Write a number with `digits` significant digits and a true minus sign."""
    return f"{value:.{digits}g}".replace("-", "−")


def save_figure(figure: Figure, out: Path, name: str, alt: str) -> str:
    """Write a PNG and return the Markdown that shows it."""
    kind = name.rpartition(".")[2]
    replace_file("out", out / name, lambda partial: figure.savefig(partial, dpi=200, format=kind))
    return f"![{alt}]({name})"


def save_panels(panels: Sequence[Axes], out: Path, name: str, alt: str) -> str:
    """Write the figure of these panels as PNG, close it, and return the Markdown that shows it."""
    figure = panels[0].figure
    assert isinstance(figure, Figure)
    text = save_figure(figure, out, name, alt)
    plt.close(figure)
    return text
