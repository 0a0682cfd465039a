"""`python -m webhookctl` and the console script."""

import sys

from webhookctl.cli import run


def main() -> None:
    """Run the command line and exit with its code."""
    sys.exit(run())


if __name__ == "__main__":
    main()
