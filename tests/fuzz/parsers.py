"""Coverage-guided fuzzing of the parsers by atheris: `python -m tests.fuzz.parsers -atheris_runs=N [corpus]`."""

import sys

import atheris

with atheris.instrument_imports(include=["lambdas"]):
    from tests.fuzz.targets import parse_everything

if __name__ == "__main__":
    atheris.Setup(sys.argv, parse_everything)
    atheris.Fuzz()
