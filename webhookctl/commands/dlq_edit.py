"""The fix-up of a payload: from a file, or by hand in the operator's editor."""

import json
import os
import shlex
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from lambdas.shared.webhook import StoredWebhook
from webhookctl.context import AppContext
from webhookctl.core.dlq import json_patch
from webhookctl.core.dlq.scan import ScanLimits
from webhookctl.core.operator_file import read_text
from webhookctl.core.redrive.plan import RedrivePlan
from webhookctl.errors import CancelledError, NotFoundError, UsageError


def patched_plan(plan: RedrivePlan, file: Path) -> RedrivePlan:
    """Return the plan with the JSON patch of a file. Raises UsageError, NotFoundError."""
    return replace(plan, patch=json_patch.parse(_json(file)))


def edited_plan(context: AppContext, plan: RedrivePlan, *, is_for_all: bool) -> RedrivePlan:
    """Return the plan with what the operator changes in the first payload that is meant.

    Unless the change is for all, exactly one webhook may be meant, and the plan then means no other. Raises UsageError,
    NotFoundError, and CancelledError when nothing was changed.
    """
    first, count = _meant(context, plan)
    if count > 1 and not is_for_all:
        raise UsageError(
            f"--edit changes one payload, and {count:,} are meant",
            hint="choose one with --id, or let --edit-all make the same change wherever the old values are the same",
        )
    patch = list(json_patch.difference(*_edited(first)))
    if not patch:
        raise CancelledError("nothing was changed: nothing is redriven")
    context.console.say(json.dumps(patch, indent=2))
    if is_for_all:
        context.console.say(f"{count:,} payloads are meant; each is changed only where its old values are the same")
        return replace(plan, patch=patch)
    return replace(plan, patch=patch, filters=replace(plan.filters, ids=(first.webhook_id,)))


def _meant(context: AppContext, plan: RedrivePlan) -> tuple[StoredWebhook, int]:
    """Return the first webhook that is meant, and how many are. Raises NotFoundError."""
    look = context.dead_letters.look(plan.filters, limits=ScanLimits(visibility_s=30), most=10_000)
    first: StoredWebhook | None = None
    names: set[str] = set()
    for letter in look:
        if letter.webhook is not None:
            first = first or letter.webhook
            names.add(letter.webhook.webhook_id)
    if first is None:
        raise NotFoundError("no dead letter with a payload is meant", hint="webhookctl dlq list --each")
    return first, len(names)


def _edited(webhook: StoredWebhook) -> tuple[object, object]:
    try:
        before = json.loads(webhook.body)
    except ValueError as error:
        raise UsageError(
            "the stored payload is not JSON: a JSON patch cannot fix it",
            hint=f"webhookctl events show {webhook.webhook_id} --body",
        ) from error
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
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path.name} is not JSON: {error}", hint="a JSON patch is a list (RFC 6902)") from error
