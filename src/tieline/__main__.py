"""`python -m tieline`."""

from __future__ import annotations

from tieline.cli import main

if __name__ == "__main__":
    main()
