import subprocess
import sys
from pathlib import Path

from webhookctl.local import processes
from webhookctl.local.processes import Command

ROOT = Path("/home/me/Application Support/webhookctl/local")
WORKER = ROOT / "tmp" / "ministack-lambda-x-ab12"


def test_our_processes_are_recognised_by_module_and_folder() -> None:
    """Blanks in the folder's name do not matter."""
    assert Command(1, f"/usr/bin/python -m {processes.ENGINE} {ROOT}").belongs_to(ROOT)
    assert Command(1, f"/usr/bin/python -m {processes.FRONT_DOOR} {ROOT} 1 2 3 4").belongs_to(ROOT)
    assert Command(1, f"/usr/bin/python {WORKER}/_worker.py").belongs_to(ROOT)


def test_other_processes_are_never_ours() -> None:
    """Another environment's, and programs that merely have our files open."""
    for line in (
        f"/usr/bin/python -m {processes.ENGINE} {ROOT}2",
        f"/usr/bin/python -m {processes.ENGINE} /elsewhere",
        f"tail -f {ROOT}/logs/engine.log",
        f"vim {WORKER}/code/handler.py",
        f"python -m {processes.ENGINE}.other {ROOT}",
    ):
        assert not Command(1, line).belongs_to(ROOT)


def test_a_process_that_ignores_sigterm_is_killed_after_the_patience() -> None:
    """It is named in the answer, so that the caller can say so."""
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    stubborn = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    assert processes.stop([stubborn.pid], patience_s=0.2) == [stubborn.pid]
    assert not processes.is_alive(stubborn.pid)
    stubborn.stdout.close()


def test_stopping_what_is_gone_is_no_error() -> None:
    """Between listing and stopping a process may end by itself."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert processes.stop([gone.pid], patience_s=0.1) == []
