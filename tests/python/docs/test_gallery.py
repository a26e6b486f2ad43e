"""The gallery: what runs in no other test of `make test`."""

import subprocess
import sys
from pathlib import Path

GALLERY = Path(__file__).parents[3] / "docs" / "gallery"


def test_training_without_its_packages_says_what_to_install():
    script = GALLERY / "suppressed_noise.py"
    code = (
        "import runpy, sys; sys.modules['torch'] = None; "
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    message = 'training needs PyTorch and scikit-learn: pip install "noisync[train]"'
    assert done.stderr.strip() == message


def test_the_page_lists_all_scripts():
    page = (GALLERY / "README.md").read_text(encoding="utf-8")
    assert {f"]({path.name})" in page for path in GALLERY.glob("*.py")} == {True}
