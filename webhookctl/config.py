"""Settings: which environment, how to reach it, how to print. Every value knows where it came from.

Precedence: flag > WEBHOOKCTL_* variable > webhookctl.toml (found upward from the working folder) > user file > default.
In a file, a table `[environments.<name>]` overrides the top level for that environment.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from webhookctl.errors import ConfigError, UsageError

APP_NAME: Final = "webhookctl"
LOCAL: Final = "local"
PROJECT_FILE: Final = "webhookctl.toml"
OUTPUTS: Final = ("table", "json", "jsonl")

_TEXT_KEYS: Final = ("env", "output", "profile", "region", "account", "endpoint_url", "query", "fingerprint")
_FLAG_KEYS: Final = ("quiet", "verbose", "no_input", "no_color", "protected")
_DEFAULTS: Final[Mapping[str, Any]] = {"env": LOCAL, "output": "table"}
_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}")
_FLAG: Final = "flag"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def data_home() -> Path:
    """Return the folder of the operator's state: WEBHOOKCTL_HOME, or the platform's user data folder."""
    if override := os.environ.get("WEBHOOKCTL_HOME"):
        return Path(override).expanduser()
    from platformdirs import user_data_path

    return user_data_path(APP_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one invocation runs with.

    `origins` names the source of each value that was set. `environment_table` is the merged
    `[environments.<name>]` table of the files, for settings that belong to the stack.
    """

    environment: str = LOCAL
    output: str = "table"
    profile: str | None = None
    region: str | None = None
    account: str | None = None
    endpoint_url: str | None = None
    fingerprint: str | None = None
    query: str | None = None
    quiet: bool = False
    verbose: bool = False
    no_input: bool = False
    no_color: bool = False
    protected: bool = False
    home: Path = field(default_factory=data_home)
    origins: Mapping[str, str] = field(default_factory=dict)
    environment_table: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_embedded(self) -> bool:
        """Whether the environment is the embedded one (`local`), unless a file gives `local` another endpoint."""
        return self.environment == LOCAL and self.endpoint_url is None

    @property
    def stack_table(self) -> Mapping[str, Any]:
        """The environment's table less what is the CLI's own: the stack's settings."""
        ours = {*_TEXT_KEYS, *_FLAG_KEYS} - {"protected"}
        return {key: value for key, value in self.environment_table.items() if key not in ours}


def user_file() -> Path:
    """Return the user's own settings file (it need not exist)."""
    if override := os.environ.get("WEBHOOKCTL_HOME"):
        return Path(override).expanduser() / "config.toml"
    from platformdirs import user_config_path

    return user_config_path(APP_NAME) / "config.toml"


def project_file(start: Path) -> Path | None:
    """Return the nearest webhookctl.toml from `start` upward, or None."""
    return next(
        (folder / PROJECT_FILE for folder in (start, *start.parents) if (folder / PROJECT_FILE).is_file()), None
    )


def load_settings(
    flags: Mapping[str, Any], *, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Settings:
    """Combine the sources. `flags` maps setting names to values given on the command line (None = not given).

    Raises ConfigError that names every fault found; UsageError when the flags alone are at fault.
    """
    sources = _sources(flags, os.environ if environ is None else environ, folder or Path.cwd())
    faults: list[_Fault] = []
    environment, environment_origin = _first("env", sources) or (_DEFAULTS["env"], "default")
    if not _ENVIRONMENT_NAME.fullmatch(str(environment)):
        rule = "letters and digits, at most 20, a letter first"
        faults.append(_Fault(environment_origin, f"environment name {environment!r} ({rule})"))
    layered = _with_environment_tables(sources, str(environment))
    values: dict[str, Any] = {"environment": str(environment)}
    origins = {"environment": environment_origin}
    for key in (*_TEXT_KEYS[1:], *_FLAG_KEYS):
        if found := _first(key, layered):
            values[key], origins[key] = _converted(key, *found, faults), found[1]
    if (output := values.get("output", "table")) not in OUTPUTS:
        faults.append(_Fault(origins["output"], f"output {output!r} (one of {', '.join(OUTPUTS)})"))
    if faults:
        raise _unusable(faults)
    table = _environment_table(sources, str(environment))
    origins = _environment_origins(sources, str(environment)) | origins
    return Settings(**values, origins=origins, environment_table=table)


@dataclass(frozen=True, slots=True)
class _Fault:
    origin: str
    message: str


def _unusable(faults: list[_Fault]) -> UsageError | ConfigError:
    if all(fault.origin == _FLAG for fault in faults):
        return UsageError("; ".join(fault.message for fault in faults), hint="webhookctl --help")
    said = "; ".join(f"{fault.message} from {fault.origin}" for fault in faults)
    return ConfigError(f"the settings are not usable: {said}", hint="change it there; a flag takes precedence")


_Sources = list[tuple[str, Mapping[str, Any]]]


def _sources(flags: Mapping[str, Any], environ: Mapping[str, str], folder: Path) -> _Sources:
    given = {key: value for key, value in flags.items() if value not in (None, False)}
    named = {f"WEBHOOKCTL_{key.upper()}": key for key in (*_TEXT_KEYS, *_FLAG_KEYS)}
    variables = [(name, {key: environ[name]}) for name, key in named.items() if environ.get(name)]
    files = (path for path in (project_file(folder), user_file()) if path is not None and path.is_file())
    return [(_FLAG, given), *variables, *((str(path), _read(path)) for path in files)]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"{path} can't be read: {error}", hint="mend the file, or move it away: docs/aws.md shows one"
        ) from error
    known = (*_TEXT_KEYS, *_FLAG_KEYS, "environments")
    if unknown := sorted(found.keys() - {*known}):
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], known, n=1)
        raise ConfigError(
            f"{path}: unknown setting {unknown[0]!r}",
            hint=f"did you mean {near[0]!r}?" if near else "the stack's own settings stand under [environments.NAME]",
        )
    environments = found.get("environments", {})
    tables = environments.values() if isinstance(environments, dict) else [environments]
    if not all(isinstance(table, dict) for table in tables):
        raise ConfigError(
            f"{path}: environments holds something that is not a table",
            hint="write [environments.NAME], then its lines",
        )
    return found


def _tables(source: Mapping[str, Any], environment: str) -> Mapping[str, Any]:
    table: Mapping[str, Any] = source.get("environments", {}).get(environment, {})
    return table


def _with_environment_tables(sources: _Sources, environment: str) -> _Sources:
    layered: _Sources = []
    for origin, source in sources:
        layered.append((f"{origin} [environments.{environment}]", _tables(source, environment)))
        layered.append((origin, source))
    return layered


def _environment_table(sources: _Sources, environment: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for _, source in reversed(sources):
        merged |= _tables(source, environment)
    return merged


def _environment_origins(sources: _Sources, environment: str) -> dict[str, str]:
    return {key: origin for origin, source in reversed(sources) for key in _tables(source, environment)}


def _first(key: str, sources: _Sources) -> tuple[Any, str] | None:
    return next(((source[key], origin) for origin, source in sources if key in source), None)


def _converted(key: str, value: Any, origin: str, faults: list[_Fault]) -> Any:  # noqa: ANN401 - a TOML value
    if key in _FLAG_KEYS:
        if (word := str(value).lower()) not in _TRUE | _FALSE:
            faults.append(_Fault(origin, f"{key} must be true or false, not {value!r}"))
        return word in _TRUE
    if not isinstance(value, str):
        faults.append(_Fault(origin, f"{key} must be text, not {type(value).__name__}"))
    return value
