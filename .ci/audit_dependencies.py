"""Look the locked dependencies up in the vulnerability database; say what could not be looked up.

A vulnerability fails. Being offline does not: it is printed, and continuous integration that has a network decides.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = "requirements.lock"  # the layer's lock repeats versions from it
DEADLINE_S = 120


def main() -> int:
    """Audit the lock by its hashes, without resolving anything. Exit 1 on a known vulnerability."""
    command = [str(Path(sys.executable).with_name("pip-audit")), "--requirement", LOCK, "--format", "json"]
    command += ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "10"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
        dependencies = json.loads(result.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        print("NOT AUDITED: the vulnerability database can't be reached from here")
        return 0
    return judge(dependencies)


def judge(dependencies: list[dict[str, Any]]) -> int:
    """Print what pip-audit found, by its JSON report, and return the exit code."""
    unknown = [d for d in dependencies if "skip_reason" in d]
    vulnerable = [d for d in dependencies if d.get("vulns")]
    for dependency in vulnerable:
        ids = ", ".join(vulnerability["id"] for vulnerability in dependency["vulns"])
        print(f"FAILED {dependency['name']} {dependency['version']}: {ids}")
    if len(unknown) == len(dependencies):
        print(f"NOT AUDITED: none of {len(dependencies)} packages could be looked up in the vulnerability database")
        print(f"  the first, {unknown[0]['name']}: {unknown[0]['skip_reason']}" if unknown else "  there is no package")
        return 0
    if unknown:
        print(f"NOT AUDITED: {', '.join(d['name'] for d in unknown)}")
    print(f"{len(dependencies) - len(unknown)} packages looked up, {len(vulnerable)} vulnerable")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
