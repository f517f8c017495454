# SPDX-License-Identifier: MIT
"""What the checks share: which files are ours, C text without its comments, and findings.

The C scanner knows just enough of the language to be right about this code base: it blanks
comments, strings and directives, keeps every offset and line, and splits the rest at the
outermost braces into functions and declarations. It needs no compiler and no ctags.
"""

import bisect
import functools
import os
import re
import subprocess
import sys

C_FOLDERS = ("src", "port", "include", "tests")
SKIPPED_FOLDERS = {".git", ".cache", "__pycache__", "_deps", "CMakeFiles"}

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M | re.S)
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)|_Alignas\s*\([^()]*\)|\bCMX_[A-Z_]+\s*\([^()]*\)", re.S)


def default_root():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def all_files(root):
    """Paths of every file of the project, relative to root: known to git or new, never ignored."""
    if os.path.exists(os.path.join(root, ".git")):
        command = ["git", "-C", root, "ls-files", "-z", "-c", "-o", "--exclude-standard"]
        try:
            out = subprocess.run(command, capture_output=True, check=True).stdout
            names = sorted(set(os.fsdecode(out).split("\0")) - {""})
            names = [n for n in names if not _is_skipped(n) and os.path.isfile(os.path.join(root, n))]
            if names:
                return names
        except (OSError, subprocess.CalledProcessError):
            pass  # no git here, or it distrusts the owner: the walk below sees the same files
    names = []
    for folder, folders, files in os.walk(root):
        here = os.path.relpath(folder, root)
        prefix = "" if here == "." else here + "/"
        folders[:] = sorted(f for f in folders if not _is_skipped(prefix + f + "/x"))
        names += [prefix + f for f in sorted(files)]
    return names


def _is_skipped(name):
    folders = name.split("/")[:-1]
    if folders and (folders[0] == "build" or folders[0].startswith("build-")):
        return True
    return any(folder in SKIPPED_FOLDERS for folder in folders)


def c_files(root, folders=C_FOLDERS):
    wanted = tuple(folder + "/" for folder in folders)
    return [n for n in all_files(root) if n.endswith((".c", ".h")) and n.startswith(wanted)]


class Findings:
    """Collects one line per finding; finish() prints them, the count, and gives the exit code."""

    def __init__(self, check):
        self.check = check
        self.lines = []

    def add(self, path, line, rule, remedy):
        self.lines.append((path, line, f"{path}:{line}: {rule}: {remedy}"))

    def finish(self, seen, what="files"):
        if seen == 0:
            self.add(".", 0, "nothing-checked", f"no {what} found; is this the project's root?")
        for _, _, text in sorted(set(self.lines)):
            print(text)
        count = len(set(self.lines))
        print(f"{self.check}: {count} finding{'' if count == 1 else 's'} in {seen} {what}")
        return 1 if count else 0


def run_check(main):
    """Runs main(root) for a script that takes an optional ROOT."""
    if len(sys.argv) > 2 or (len(sys.argv) == 2 and sys.argv[1].startswith("-")):
        print(f"usage: {os.path.basename(sys.argv[0])} [ROOT]", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(os.path.abspath(sys.argv[1] if len(sys.argv) == 2 else default_root())))


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


class Item:
    """A function definition or a declaration at the outermost level."""

    def __init__(self, source, start, open_brace, end, is_function):
        self.start, self.open_brace, self.end = start, open_brace, end
        self.is_function = is_function
        self.first_line = source.line_of(start)
        self.last_line = source.line_of(end)
        stop = open_brace if open_brace is not None else end
        head = source.body[start:stop]
        self.has_must_check = "CMX_MUST_CHECK" in head
        self.head = _ATTRIBUTE.sub(lambda m: _blank(m.group()), head)
        self.words, self.name, self.parameters = self._signature()

    def _signature(self):
        """Words before the name, the name, the parameters; name is None unless it is a function."""
        match = re.match(r"([^()=]*?)(\w+)\s*\(", self.head)
        if match is None or match.group(1).split()[:1] == ["typedef"]:
            return [], None, []
        words = re.findall(r"\w+|\*", match.group(1))
        if not words or match.group(2) == "_Static_assert":
            return [], None, []  # a macro used at the outermost level
        if re.match(r"\s*\*", self.head[match.end():]):
            return [], None, []  # a pointer to a function
        return words, match.group(2), split_parameters(self.head, match.end())

    @property
    def is_prototype(self):
        return self.name is not None and not self.is_function


def split_parameters(text, start):
    """Parameters in the parentheses that opened just before start."""
    depth, parts, last = 0, [], start
    for position in range(start, len(text)):
        char = text[position]
        if char in "([{":
            depth += 1
        elif char in ")]}":
            if depth == 0:
                parts.append(text[last:position].strip())
                return [] if parts in ([""], ["void"]) else parts
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[last:position].strip())
            last = position + 1
    return []


class Source:
    """One C file: text as it is; code without comments and string contents; body without directives."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace", newline="") as file:
            self.text = file.read()
        self.line_comments = []
        self.without_comments = _TOKEN.sub(self._blank_comment, self.text)
        self.code = _TOKEN.sub(self._blank_string, self.without_comments)
        self.directives = []  # (line, joined text)
        self.body = _DIRECTIVE.sub(self._take_directive, self.code)

    def _blank_comment(self, match):
        token = match.group()
        if token.startswith("//"):
            self.line_comments.append(self.line_of(match.start()))
        return token if token[0] in "\"'" else _blank(token)

    @staticmethod
    def _blank_string(match):
        token = match.group()
        return token[0] + " " * (len(token) - 2) + token[-1] if token[0] in "\"'" else token

    def _take_directive(self, match):
        text = re.sub(r"\\\n", " ", match.group()).strip()
        self.directives.append((self.line_of(match.start()), text))
        return _blank(match.group())

    @functools.cached_property
    def _line_starts(self):
        return [0] + [m.end() for m in re.finditer("\n", self.text)]

    def line_of(self, offset):
        return bisect.bisect_right(self._line_starts, offset)

    @property
    def lines(self):
        return self.text.split("\n")

    @functools.cached_property
    def includes(self):
        """(line, name, is_angled) of every include; name None where it is not spelled out."""
        found = []
        for match in re.finditer(r"^[ \t]*#[ \t]*include\b[ \t]*([^\n]*)", self.without_comments, re.M):
            name = re.match(r'"([^"]+)"|<([^>]+)>', match.group(1))
            line = self.line_of(match.start())
            if name is None:
                found.append((line, None, False))
            else:
                found.append((line, name.group(1) or name.group(2), name.group(2) is not None))
        return found

    @functools.cached_property
    def _scan(self):
        items, balanced = [], True
        start, depth, parens, open_brace = 0, 0, 0, None
        for match in re.finditer(r"[{}();]", self.body):
            char, at = match.group(), match.start()
            if char == "(":
                parens += 1
            elif char == ")":
                parens -= 1
            elif char == "{":
                if depth == 0:
                    if re.fullmatch(r'\s*extern\s+" *"\s*', self.body[start:at]):
                        start = at + 1
                        continue
                    open_brace = at
                depth += 1
            elif char == "}":
                if depth == 0:  # the end of extern "C"
                    start = at + 1
                    continue
                depth -= 1
                if depth == 0 and self._is_function_head(start, open_brace):
                    items.append(self._item(start, open_brace, at, True))
                    start, open_brace = at + 1, None
            elif depth == 0 and parens == 0:
                if self.body[start:at].strip():
                    items.append(self._item(start, open_brace, at, False))
                start, open_brace = at + 1, None
        if depth != 0 or parens != 0:
            balanced = False
        return items, balanced

    def _is_function_head(self, start, open_brace):
        head = _ATTRIBUTE.sub(lambda m: _blank(m.group()), self.body[start:open_brace])
        return re.match(r"[^()=]*\w\s*\(", head) is not None and head.rstrip().endswith(")")

    def _item(self, start, open_brace, end, is_function):
        start += len(self.body[start:end]) - len(self.body[start:end].lstrip())
        return Item(self, start, open_brace, end, is_function)

    @property
    def items(self):
        return self._scan[0]

    @property
    def is_balanced(self):
        return self._scan[1]

    @property
    def functions(self):
        return [item for item in self.items if item.is_function and item.name]

    @property
    def prototypes(self):
        return [item for item in self.items if item.is_prototype]

    @functools.cached_property
    def function_pointers(self):
        """(offset, name, parameters) of every pointer to a function that is declared."""
        found = []
        for match in re.finditer(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*\)\s*\(", self.body):
            found.append((match.start(), match.group(1), split_parameters(self.body, match.end())))
        return found


def read_ranks(root, findings):
    """The table tests/ranks.txt as {module: rank}; its own mistakes become findings."""
    path, ranks = "tests/ranks.txt", {}
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            lines = file.read().split("\n")
    except OSError:
        findings.add(path, 1, "rank-table", "missing; it holds one line 'folder/name rank' per module")
        return ranks
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or words[0].count("/") != 1 or not words[1].isdigit():
            findings.add(path, number, "rank-table", "write 'folder/name rank'")
        elif words[0] in ranks:
            findings.add(path, number, "rank-table", f"{words[0]} already has a rank; keep one line")
        else:
            ranks[words[0]] = int(words[1])
            floor = FLOORS.get(words[0].split("/")[0])
            if floor is None:
                findings.add(path, number, "rank-table", f"unknown folder; known: {' '.join(FLOORS)}")
            elif not floor * 100 <= int(words[1]) < floor * 100 + 100:
                findings.add(path, number, "rank-table",
                             f"a rank of floor {floor} is {floor * 100}..{floor * 100 + 99}")
    return ranks


FLOORS = {"chatmux": 0, "base": 0, "text": 0, "chat": 1, "policy": 1, "wire": 2, "pool": 3,
          "client": 4, "cli": 5}


if __name__ == "__main__":  # for check_style.sh: the C files under ROOT, NUL-terminated
    for name in c_files(sys.argv[1]):
        sys.stdout.write(name + "\0")
