"""`make faults`: run the fault suite and print each fault with its verdict. Exit 1 if any does not hold."""

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.tables import table


class Collector:
    """Gathers outcomes by test, all parameters of a test together."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[bool]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a test's call, or of a set-up that failed."""
        if report.when == "call" or report.failed:
            name = report.nodeid.rpartition("::")[2].partition("[")[0]
            self.outcomes[name].append(report.passed)


def main() -> int:
    """Run and print; return the exit code."""
    collector = Collector()
    code = pytest.main(["-q", "--no-header", str(Path(__file__).parent)], plugins=[collector])
    rows = [
        (name.removeprefix("test_").replace("_", " "), str(len(passed)), "holds" if all(passed) else "BROKEN")
        for name, passed in sorted(collector.outcomes.items())
    ]
    sys.stdout.write("\n" + table(("fault", "cases", "outcome"), rows) + "\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
