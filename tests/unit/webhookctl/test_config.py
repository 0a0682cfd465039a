"""Settings and where they come from."""

from pathlib import Path

import pytest

from webhookctl.config import load_settings
from webhookctl.errors import ConfigError, UsageError


@pytest.fixture(autouse=True)
def _empty_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEBHOOKCTL_HOME", str(tmp_path / "home"))


def test_flag_beats_variable_beats_project_file_beats_user_file(tmp_path: Path) -> None:
    """Each source overrides the ones after it, and says so."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(
        'region = "user"\nprofile = "user"\noutput = "jsonl"\naccount = "1"\n'
    )
    (tmp_path / "webhookctl.toml").write_text('region = "project"\nprofile = "project"\noutput = "json"\n')
    settings = load_settings(
        {"region": "flag"}, environ={"WEBHOOKCTL_REGION": "variable", "WEBHOOKCTL_PROFILE": "variable"}, folder=tmp_path
    )
    assert (settings.region, settings.profile, settings.output, settings.account) == ("flag", "variable", "json", "1")
    assert settings.origins["region"] == "flag"
    assert settings.origins["output"] == str(tmp_path / "webhookctl.toml")


def test_environment_table_overrides_its_file(tmp_path: Path) -> None:
    """`[environments.prod]` holds for prod only; what is not the CLI's own belongs to the stack."""
    (tmp_path / "webhookctl.toml").write_text(
        'region = "eu-west-1"\n[environments.prod]\nregion = "us-east-1"\naccount = "42"\nlog_level = "DEBUG"\n'
    )
    prod = load_settings({"env": "prod"}, environ={}, folder=tmp_path)
    dev = load_settings({"env": "dev"}, environ={}, folder=tmp_path)
    assert (prod.region, prod.account, dict(prod.stack_table)) == ("us-east-1", "42", {"log_level": "DEBUG"})
    assert (dev.region, dev.account, dict(dev.stack_table)) == ("eu-west-1", None, {})


def test_faults_are_reported_together(tmp_path: Path) -> None:
    """One error names the bad environment and the bad output, each with where it comes from."""
    with pytest.raises(ConfigError, match=r"'a b'.* from flag; .*'xml'.* from WEBHOOKCTL_OUTPUT"):
        load_settings({"env": "a b"}, environ={"WEBHOOKCTL_OUTPUT": "xml"}, folder=tmp_path)


def test_faults_of_flags_alone_are_a_mistake_on_the_command_line(tmp_path: Path) -> None:
    """Nothing that is configured is wrong."""
    with pytest.raises(UsageError, match=r"'a b'.*'xml'.*one of table, json, jsonl"):
        load_settings({"env": "a b", "output": "xml"}, environ={}, folder=tmp_path)


@pytest.mark.parametrize("text", ["environments = 5", "[environments]\nemu = 5"])
def test_what_is_not_a_table_is_refused(tmp_path: Path, text: str) -> None:
    """Ignored, it would send an emulated environment's calls to AWS."""
    (tmp_path / "webhookctl.toml").write_text(text)
    with pytest.raises(ConfigError, match="not a table"):
        load_settings({}, environ={}, folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('[environment.prod]\naccount = "42"', "did you mean 'environments'?"),
        ('regon = "us-east-1"', "did you mean 'region'?"),
        ("retention_days = 5", "the stack's own settings stand under"),
    ],
)
def test_a_setting_that_nobody_reads_is_refused(tmp_path: Path, text: str, hint: str) -> None:
    """Ignored, a misspelled table would take an environment's account check away."""
    (tmp_path / "webhookctl.toml").write_text(text)
    with pytest.raises(ConfigError, match="unknown setting") as caught:
        load_settings({}, environ={}, folder=tmp_path)
    assert str(caught.value.hint).startswith(hint)


@pytest.mark.parametrize(("word", "is_on"), [("1", True), ("TRUE", True), ("off", False), ("No", False)])
def test_a_switch_takes_the_usual_words(tmp_path: Path, word: str, is_on: bool) -> None:  # noqa: FBT001
    """In a variable as in a file."""
    assert load_settings({}, environ={"WEBHOOKCTL_QUIET": word}, folder=tmp_path).quiet is is_on


def test_a_switch_that_is_neither_on_nor_off_is_refused(tmp_path: Path) -> None:
    """Read as off, it would leave an environment without the protection that was meant."""
    (tmp_path / "webhookctl.toml").write_text('[environments.prod]\nprotected = "ja"')
    with pytest.raises(ConfigError, match="protected must be true or false, not 'ja'"):
        load_settings({"env": "prod"}, environ={}, folder=tmp_path)
