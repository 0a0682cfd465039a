"""`python -m webhookctl` and the console script."""

import sys

from webhookctl.errors import INTERRUPTED_EXIT_CODE


def main() -> None:
    """Run the command line and exit with its code. Ctrl-C while it is still loading ends it without a word."""
    try:
        from webhookctl.cli import run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_EXIT_CODE)
    sys.exit(run())


if __name__ == "__main__":
    main()
