"""Lists what has grown past one sitting. Run by `make lint`; fails only on the hard limits."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

FILE_AIM, FILE_LIMIT = 400, 600
FUNCTION_AIM, FUNCTION_LIMIT = 60, 100


def measured() -> tuple[dict[str, int], dict[str, int]]:
    """Lines by file and by `file:function`, of the shipped Python."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], capture_output=True, text=True, check=True
    ).stdout.split()
    files: dict[str, int] = {}
    functions: dict[str, int] = {}
    for name in listed:
        path = Path(name)
        if name.startswith(("tests/", "storage/migrations/versions/")) or not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        files[name] = text.count("\n")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                functions[f"{name}:{node.name}"] = (node.end_lineno or 0) - node.lineno + 1
    return files, functions


def main() -> int:
    files, functions = measured()
    for name, lines in sorted({**files, **functions}.items(), key=lambda item: -item[1]):
        aim = FUNCTION_AIM if ":" in name else FILE_AIM
        if lines > aim:
            print(f"large: {name} has {lines} lines (aim {aim})")
    print(
        f"files: median {statistics.median(files.values()):.0f} lines of {len(files)}; "
        f"functions: median {statistics.median(functions.values()):.0f} lines of {len(functions)}"
    )
    over = [n for n, lines in files.items() if lines > FILE_LIMIT]
    over += [n for n, lines in functions.items() if lines > FUNCTION_LIMIT]
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
