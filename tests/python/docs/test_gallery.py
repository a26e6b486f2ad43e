"""The gallery: what runs in no other test of `make test`."""

import subprocess
import sys
from pathlib import Path

GALLERY = Path(__file__).parents[3] / "docs" / "gallery"


WITHOUT_TORCH = """
import runpy, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_training_without_its_packages_says_what_to_install():
    command = [sys.executable, "-c", WITHOUT_TORCH, GALLERY / "suppressed_noise.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    message = 'training needs PyTorch and scikit-learn: pip install "noisync[train]"'
    assert done.stderr.strip() == message


def test_the_page_lists_all_scripts():
    page = (GALLERY / "README.md").read_text(encoding="utf-8")
    assert {f"]({path.name})" in page for path in GALLERY.glob("*.py")} == {True}
