"""The fix-up of a payload: from a file, or by hand in the operator's editor."""

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from webhookctl.context import AppContext
from webhookctl.core.dlq import json_patch
from webhookctl.core.dlq.filter import DeadLetterFilter
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.errors import CancelledError, NotFoundError, UsageError


def chosen_patch(context: AppContext, filters: DeadLetterFilter, file: Path | None) -> json_patch.Patch:
    """Return the patch from the file, or from what the operator changes in the first payload that is meant."""
    if file is not None:
        return json_patch.parse(_json(file))
    patch = list(json_patch.difference(*_edited(context, filters)))
    if not patch:
        raise CancelledError("nothing was changed: nothing is redriven")
    context.console.say(json.dumps(patch, indent=2))
    return patch


def _edited(context: AppContext, filters: DeadLetterFilter) -> tuple[object, object]:
    look = context.dead_letters.look(filters, limits=ScanLimits(visibility_s=30), most=10_000)
    webhook = next((letter.webhook for letter in look if letter.webhook is not None), None)
    if webhook is None:
        raise NotFoundError("no dead letter with a payload is meant", hint="webhookctl dlq list --each")
    try:
        before = json.loads(webhook.body)
    except ValueError as error:
        raise UsageError("the stored payload is not JSON: a JSON patch cannot fix it") from error
    with tempfile.TemporaryDirectory(prefix="webhookctl-") as folder:
        path = Path(folder) / f"{webhook.event_id}.json"
        path.write_text(json.dumps(before, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        _open_editor(path)
        return before, _json(path)


def _open_editor(path: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        subprocess.run([*shlex.split(editor), str(path)], check=True)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise UsageError(f"the editor {editor!r} did not work", hint="set EDITOR, or use --patch FILE") from error


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path.name} is not readable JSON: {error}") from error
