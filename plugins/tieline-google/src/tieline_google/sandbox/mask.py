"""Field masks, as the parameter `fields` takes them: which parts of an answer are wanted. Answers nothing."""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]
"""Key → the tree below it; an empty one means everything."""


def masked(value: Any, fields: str) -> Any:
    """The parts of an answer that a mask names; all of it without one."""
    return _cut(value, parsed(fields)) if fields and fields != "*" else value


def parsed(fields: str) -> Tree:
    """`a,b(c,d/e),f.g` as a tree."""
    tree: Tree = {}
    stack, at, word = [tree], tree, ""
    path = tree
    for sign in fields + ",":
        if sign in "./(,)":
            if word:
                at = path.setdefault(word, {})
            word = ""
            if sign in "./":
                path = at
            elif sign == "(":
                stack.append(at)
                path = at
            else:
                if sign == ")" and len(stack) > 1:
                    stack.pop()
                path = stack[-1]
        elif not sign.isspace():
            word += sign
    return tree


def _cut(value: Any, tree: Tree) -> Any:
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [_cut(one, tree) for one in value]
    if isinstance(value, dict):
        return {k: _cut(v, tree[k]) for k, v in value.items() if k in tree}
    return value
