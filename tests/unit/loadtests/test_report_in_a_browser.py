"""The report in a real browser, where one is installed."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from loadtests.report import write_report
from tests.unit.loadtests.test_report import record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")
def test_the_report_draws_its_plots_without_an_error(tmp_path: Path) -> None:
    """Every chart has a line with a size on the screen, and the console stays empty."""
    assert CHROMIUM is not None
    (tmp_path / "observations.json").write_text(json.dumps(record()))
    (tmp_path / "proof.json").write_text(json.dumps({"queue_depth": [[1000, 1], [1010, 5], [1020, 0]]}))
    page = write_report(tmp_path)
    measure = (
        "<script>onload=()=>{const n=[...document.querySelectorAll('polyline,polygon')]"
        ".filter(l=>l.getBoundingClientRect().width>50).length;"
        "document.title='drawn '+n+' of '+document.querySelectorAll('polyline,polygon').length}</script></body>"
    )
    page.write_text(page.read_text().replace("</body>", measure))
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    drawn = re.search(r"<title>drawn (\d+) of (\d+)</title>", done.stdout)
    assert drawn is not None
    assert int(drawn[1]) == int(drawn[2]) >= 5
    assert "CONSOLE" not in done.stderr
