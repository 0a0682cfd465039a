"""JSON Patch (RFC 6902) with JSON Pointers (RFC 6901): apply one, or find the one between two documents."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from webhookctl.errors import UsageError

Patch = Sequence[Mapping[str, Any]]


class PatchError(UsageError):
    """The patch is not one, or does not fit the document."""

    code = "patch"


def parse(patch: object) -> Patch:
    """Check the form of a patch that came from JSON. Raises PatchError that names the first operation that is none."""
    if not isinstance(patch, list):
        raise PatchError("a JSON patch is a list of operations", hint=_EXAMPLE)
    for number, step in enumerate(patch, start=1):
        fault = _fault(step)
        if fault is not None:
            raise PatchError(f"operation {number} of the JSON patch {fault}", hint=_EXAMPLE)
    return patch


def apply(patch: Patch, document: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the patched copy of a document. Raises PatchError when a path is not there or a test does not hold."""
    try:
        result = copy.deepcopy(document)
        for step in patch:
            result = _OPERATIONS[step["op"]](result, step)
    except RecursionError as error:
        raise PatchError("the document or the patch nests too deep") from error
    return result


def difference(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    """Yield a patch that turns `before` into `after`, and fits no document in which these places look different.

    What goes is tested for its old value first, and what is added must be a new member of an object (`mustBeNew`: a
    word of ours, which RFC 6902 tells others to ignore). Lists that differ in length are replaced whole.
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
    elif not _is_same(before, after) or type(before) is not type(after):
        yield {"op": "test", "path": path, "value": before}
        yield {"op": "replace", "path": path, "value": after}


def changes(patch: Patch) -> str:
    """Say what a patch changes: operations and paths, never values (they may be personal)."""
    return ", ".join(f"{step['op']} {step['path']}" for step in patch if step["op"] != "test")


def _fault(step: object) -> str | None:
    """Say why this is no operation (RFC 6902, section 4); None when it is one."""
    if not isinstance(step, dict):
        return "is not an object"
    name = step.get("op")
    if not isinstance(name, str) or name not in _OPERATIONS:
        return f"has no op of {', '.join(_OPERATIONS)}"
    missing = [member for member in ("path", *_NEEDS.get(name, ())) if member not in step]
    if missing:
        return f"({name}) has no {missing[0]!r}"
    pointers = [member for member in ("path", *_NEEDS.get(name, ())) if member != "value"]
    for member in pointers:
        if not isinstance(step[member], str) or not _POINTER.fullmatch(step[member]):
            return f"({name}) has a {member!r} that is not a JSON pointer"
    if name == "move" and step["path"].startswith(f"{step['from']}/"):
        return "(move) moves a value into itself"
    return None


def _add(document: Any, step: Mapping[str, Any]) -> Any:  # noqa: ANN401
    if step.get("mustBeNew") is True:
        if _has(document, step["path"]):
            raise PatchError(f"the document has a {step['path']!r} already")
        if not isinstance(_parent(document, step["path"])[0], dict):
            raise PatchError(f"the document has no object for {step['path']!r}")
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
    if not _is_same(found, step["value"]):
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
_POINTER: Final = re.compile(r"(?:/(?:[^~/]|~[01])*+)*+", re.DOTALL)
"""RFC 6901, section 3."""
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,8}")
"""RFC 6901, section 4; no list has more than that."""
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


def _is_same(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Compare as JSON does (RFC 6902, section 4.6): `true` is no number, at any depth."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def _index(name: str, length: int, path: str) -> int:
    if not _INDEX.fullmatch(name) or int(name) >= length:
        raise PatchError(f"the document has no {path!r}")
    return int(name)


def _names(path: str) -> list[str]:
    if path == "":
        return []
    return [name.replace("~1", "/").replace("~0", "~") for name in path[1:].split("/")]


def _join(path: str, name: str) -> str:
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
