"""``python -m noisync``."""

import sys

from noisync.cli import main

sys.exit(main())
