"""``python -m plkd`` is the command ``plkd``."""

from __future__ import annotations

from plkd.cli import main

if __name__ == "__main__":
    main()
