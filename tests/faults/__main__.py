"""`make faults`: run the fault suite and print each fault's verdict. Exit 1 if one does not hold or is missing."""

import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.tables import table

CATALOGUE = range(1, 26)


class Collector:
    """Gathers outcomes by test, all parameters of a test together."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[bool]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of a test's call, or of a set-up that failed."""
        if report.when == "call" or report.failed:
            name = report.nodeid.rpartition("::")[2].partition("[")[0]
            self.outcomes[name.removeprefix("test_")].append(report.passed)


def main() -> int:
    """Run and print; return the exit code."""
    collector = Collector()
    code = pytest.main(["-q", "--no-header", str(Path(__file__).parent)], plugins=[collector])
    missing = [n for n in CATALOGUE if not any(name.startswith(f"fault_{n:02}_") for name in collector.outcomes)]
    rows = [
        (name.replace("_", " "), str(len(passed)), "holds" if all(passed) else "BROKEN")
        for name, passed in sorted(collector.outcomes.items())
    ]
    rows += [(f"fault {n:02}", "0", "MISSING") for n in missing]
    sys.stdout.write("\n" + table(("fault", "cases", "outcome"), rows) + "\n")
    return int(code) or int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
