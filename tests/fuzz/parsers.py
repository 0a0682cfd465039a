"""Coverage-guided fuzzing of the parsers by atheris: `python -m tests.fuzz.parsers -atheris_runs=N [corpus]`."""

import atexit
import signal
import sys

import atheris

with atheris.instrument_imports(include=["lambdas"]):
    from tests.fuzz.targets import parse_everything

if __name__ == "__main__":
    atheris.Setup(sys.argv, parse_everything)
    # The fuzzer's alarm clock goes on ticking, and kills the process if it rings while the interpreter shuts down.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)
    atheris.Fuzz()
