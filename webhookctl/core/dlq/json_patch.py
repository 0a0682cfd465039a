"""JSON Patch (RFC 6902) with JSON Pointers (RFC 6901): apply one, or find the one between two documents."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from webhookctl.errors import UsageError

Patch = Sequence[Mapping[str, Any]]


class PatchError(UsageError):
    """The patch is not one, or does not fit the document."""

    code = "patch"


def parse(patch: object) -> Patch:
    """Check the form of a patch that came from JSON. Raises PatchError."""
    if not isinstance(patch, list) or not all(isinstance(step, dict) for step in patch):
        raise PatchError("a JSON patch is a list of operations", hint=_EXAMPLE)
    for step in patch:
        missing = [name for name in ("op", "path", *_NEEDS.get(str(step.get("op")), ())) if name not in step]
        if missing or step["op"] not in _OPERATIONS or not isinstance(step["path"], str):
            raise PatchError(f"not a JSON patch operation: {sorted(step)}", hint=_EXAMPLE)
    return patch


def apply(patch: Patch, document: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the patched copy of a document. Raises PatchError when a path is not there or a test does not hold."""
    result = copy.deepcopy(document)
    for step in patch:
        result = _OPERATIONS[step["op"]](result, step)
    return result


def difference(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    """Yield a patch that turns `before` into `after`, and fits no document in which these places look different.

    What goes is tested for its old value first, and what is added must be new (`mustBeNew`: a member of ours, which
    RFC 6902 tells others to ignore). Lists that differ in length are replaced whole.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() - after.keys()):
            yield {"op": "test", "path": _join(path, name), "value": before[name]}
            yield {"op": "remove", "path": _join(path, name)}
        for name, value in after.items():
            if name not in before:
                yield {"op": "add", "path": _join(path, name), "value": value, "mustBeNew": True}
            else:
                yield from difference(before[name], value, _join(path, name))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from difference(old, new, _join(path, str(position)))
    elif before != after or type(before) is not type(after):
        yield {"op": "test", "path": path, "value": before}
        yield {"op": "replace", "path": path, "value": after}


def changes(patch: Patch) -> str:
    """Say what a patch changes: operations and paths, never values (they may be personal)."""
    return ", ".join(f"{step['op']} {step['path']}" for step in patch if step["op"] != "test")


def _add(document: Any, step: Mapping[str, Any]) -> Any:  # noqa: ANN401
    if step.get("mustBeNew") is True and _has(document, step["path"]):
        raise PatchError(f"the document has a {step['path']!r} already")
    return _put(document, step["path"], copy.deepcopy(step["value"]), must_exist=False)


def _replace(document: Any, step: Mapping[str, Any]) -> Any:  # noqa: ANN401
    return _put(document, step["path"], copy.deepcopy(step["value"]), must_exist=True)


def _remove(document: Any, step: Mapping[str, Any]) -> Any:  # noqa: ANN401
    parent, last = _parent(document, step["path"])
    _get(document, step["path"])
    if isinstance(parent, list):
        del parent[int(last)]
    else:
        del parent[last]
    return document


def _move(document: Any, step: Mapping[str, Any]) -> Any:  # noqa: ANN401
    value = _get(document, step["from"])
    return _put(_remove(document, {"path": step["from"]}), step["path"], value, must_exist=False)


def _copy(document: Any, step: Mapping[str, Any]) -> Any:  # noqa: ANN401
    return _put(document, step["path"], copy.deepcopy(_get(document, step["from"])), must_exist=False)


def _test(document: Any, step: Mapping[str, Any]) -> Any:  # noqa: ANN401
    found = _get(document, step["path"])
    if found != step["value"] or isinstance(found, bool) is not isinstance(step["value"], bool):
        raise PatchError(f"the test of {step['path']!r} does not hold")
    return document


_OPERATIONS: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], Any]]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
_NEEDS: Final = {"add": ("value",), "replace": ("value",), "test": ("value",), "move": ("from",), "copy": ("from",)}
_EXAMPLE: Final = '[{"op": "replace", "path": "/data/object/amount", "value": 4200}]'


def _put(document: Any, path: str, value: Any, *, must_exist: bool) -> Any:  # noqa: ANN401
    if path == "":
        return value
    parent, last = _parent(document, path)
    if must_exist:
        _get(document, path)
    if isinstance(parent, list) and not must_exist:
        parent.insert(len(parent) if last == "-" else _index(last, len(parent) + 1, path), value)
    elif isinstance(parent, list):
        parent[int(last)] = value
    else:
        parent[last] = value
    return document


def _has(document: Any, path: str) -> bool:  # noqa: ANN401
    try:
        _get(document, path)
    except PatchError:
        return False
    return True


def _get(document: Any, path: str) -> Any:  # noqa: ANN401
    found = document
    for name in _names(path):
        if isinstance(found, dict) and name in found:
            found = found[name]
        elif isinstance(found, list):
            found = found[_index(name, len(found), path)]
        else:
            raise PatchError(f"the document has no {path!r}")
    return found


def _parent(document: Any, path: str) -> tuple[Any, str]:  # noqa: ANN401
    names = _names(path)
    if not names:
        raise PatchError("the whole document can only be replaced")
    parent = _get(document, path.rpartition("/")[0])
    if not isinstance(parent, dict | list):
        raise PatchError(f"the document has no {path!r}")
    return parent, names[-1]


def _index(name: str, length: int, path: str) -> int:
    if not name.isdecimal() or not name.isascii() or int(name) >= length:
        raise PatchError(f"the document has no {path!r}")
    return int(name)


def _names(path: str) -> list[str]:
    if path == "":
        return []
    if not path.startswith("/"):
        raise PatchError(f"not a JSON pointer: {path!r}", hint=_EXAMPLE)
    return [name.replace("~1", "/").replace("~0", "~") for name in path[1:].split("/")]


def _join(path: str, name: str) -> str:
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
