"""The tables in docs/ say what the code says."""

import re


def rows(text):
    """The cells of the table rows, without head and rule."""
    lines = [line for line in text.splitlines() if line.startswith("| `") or line.startswith("| 1")
             or re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_errors_md_lists_every_code_with_its_number(root):
    header = (root / "core/include/odb/core/error.h").read_text()
    enum = re.search(r"enum class ErrorCode.*?\{(.*?)\n\};", header, re.DOTALL).group(1)
    codes = {int(number): name for name, number in re.findall(r"(k\w+) = (\d+),", enum)}
    # Codes without a number of their own follow the one before.
    previous = None
    for name, number in re.findall(r"^\s*(k\w+)(?: = (\d+))?,", enum, re.MULTILINE):
        previous = int(number) if number else previous + 1
        codes[previous] = name
    del codes[0]

    table = {}
    for number, name, meaning, action in rows((root / "docs/errors.md").read_text()):
        assert int(number) not in table
        table[int(number)] = name.strip("`")
        assert meaning and action
    assert table == codes
    assert list(table) == sorted(table)


def test_limits_md_agrees_with_help(root, run):
    help_text = run("--help").stdout
    limits = help_text[help_text.index("Limits:"):]
    offered = re.findall(r"(--[a-z-]+) \w+=(\S+) \(Env:(\w+)\)", limits)
    assert len(offered) >= 12
    table = [tuple(cell.strip("`") for cell in row[:3])
             for row in rows((root / "docs/limits.md").read_text())]
    options = [row for row in table if row[0].startswith("--")]
    assert options == offered
