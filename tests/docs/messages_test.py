# SPDX-License-Identifier: Apache-2.0
"""docs/troubleshooting.md has an entry for every message in the sources, and none that no source prints.

A message is a string literal with a blank inside, or any in a statement that calls one of PRINTERS; adjacent literals are
one. Of the servers' literals, which are HTTP for the most part, only the latter count, and not the names of calls. Of the
benchmarks' Python it is what SPEAKERS are given or what is printed on stderr, of `dev` what it echoes there. NO_MESSAGES
lists what is no message, with the reason.

An entry is a code span in the first column of a table; `<…>` in it is filled in at run time. A literal's words must stand
in some entry, and an entry's words must be made of literals. The labels of `rondo --check` are held to docs/limits.md.
"""
import ast
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(os.environ["RONDO_TEST_SOURCE_DIR"])
FOLDERS = ("runtime", "syscall_shim", "bench/loadgen", "bench/micro", "bench/servers", "knot")
SERVERS = ("knot/", "bench/micro/", "bench/servers/")
SUFFIXES = {".cpp", ".h", ".c"}
PRINTERS = re.compile(r"\b((panic|fail|refuse|say|die|fatal|perror|warn|notice|complain)\w*\s*\(|fprintf\(\s*stderr)")
NOT_SPOKEN = re.compile(r"\b(static_assert|asm|__asm__|__attribute__|_Pragma|printf|puts|Flag|snprintf)\b(?!.*stderr)", re.DOTALL)
NO_MESSAGES = (
    (r"syscall_shim/tools/check_", r"", "the report of --check, which limits.md explains"),
    (r"syscall_shim/tools/report\.cpp", r"", "the same"),
    (r"syscall_shim/tools/options\.cpp", r"(kernel threads that|how to wait|whose are|reserved for|who runs|write down|report |when no |under a seed|print |whether )",
     "what --help prints"),
    (r"syscall_shim/tools/options\.cpp", r"end at a data race", "the same"),
    (r"syscall_shim/tools/explore_options\.cpp",
     r"(how many|the first of|processes at|choices after|seconds |the exit status|other output|let alloc|print this)", "the same"),
    (r"syscall_shim/tools/verdict\.cpp", r"Assertion `", "what assert() prints"),
    (r"syscall_shim/tools/trace_text\.h", r"rondo-trace ", "the head of a trace"),
    (r"bench/", r"usage: ", "what --help prints"),
    (r"bench/loadgen/protocol\.cpp", r"(GET |Host: |HTTP/|\\r\\n)", "HTTP"),
    (r"runtime/(include|api)/", r"rondo \d", "the version"),
    (r"syscall_shim/process_commands\.cpp", r"exit 0", "a command"),
    (r"syscall_shim/tools/unwind_main\.cpp", r"(site |stack |name |%d )", "what rondo-unwind is asked and tells"),
    (r"runtime/system/inspector(_answers)?\.cpp", r"(close_range|socket|bind|listen|\{|,)", "calls that a message names, JSON"),
    (r"runtime/system/diagnostics\.cpp", r" of thread ", "the list of threads"),
    (r"syscall_shim/tools/inspect\.cpp", r"(a line for|the backtraces of|how many threads)", "what --help prints"),
    (r"syscall_shim/tools/inspect_(stats|threads)\.cpp", r"( ms|waits for| ?of )", "what ps, stacks and stats print"),
    (r"syscall_shim/tools/backtrace\.cpp", r" at /usr/include/", "a part of a line"),
)
TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|^[ \t]*\#[ \t]*include[^\n]*|'(?:[^'\\\n]|\\.)+'|"((?:[^"\\\n]|\\.)*)\"""",
                   re.DOTALL | re.MULTILINE)
SPEAKERS = {"BenchError", "SystemExit", "error"}
FORMAT = re.compile(r"%[-+ #0]*[\d*.]*(?:hh|ll|[hlzjt])?[a-zA-Z]")
PLACEHOLDER = re.compile(r"<[^>]*>")
FOLDED = str.maketrans({"’": "'"})


class Literal:
    def __init__(self, place, text, statement):
        self.place, self.text, self.statement = place, text, statement

    def is_message(self):
        if not re.search(r"[A-Za-z]{2}", self.text) or NOT_SPOKEN.search(self.statement):
            return False
        if any(re.match(file, self.place) and re.match(text, self.text) for file, text, _ in NO_MESSAGES):
            return False
        printed, words = PRINTERS.search(self.statement) is not None, " " in self.text.strip()
        return printed and not self.text.isidentifier() if self.place.startswith(SERVERS) else printed or words

    def parts(self):
        """Its words, without what is filled in."""
        return [part for part in map(tidy, FORMAT.split(self.text)) if re.search(r"[A-Za-z]{2}", part)]


def tidy(text):
    """Without escapes and with single blanks; without blanks and punctuation at the ends."""
    text = re.sub(r"\\n|\\t|\s+", " ", text).replace('\\"', '"').translate(FOLDED)
    return text.strip(" .,;:()\"'")


def literals_of(place, source):
    """The string literals of a source text, each with the code before it in its statement."""
    found, code, end_of_last = [], "", 0
    for token in TOKEN.finditer(source):
        between = source[end_of_last:token.start()]
        code += between
        end_of_last = token.end()
        if token[1] is None:
            continue
        if found and not between.strip() and found[-1].end == token.start() - len(between):
            found[-1].text += token[1]
        else:
            line = source.count("\n", 0, token.start()) + 1
            found.append(Literal(f"{place}:{line}", token[1], re.split(r"[;{}]", code)[-1]))
            code += '""'
        found[-1].end = token.end()
    return found


def python_messages(place, source):
    """What a Python source prints on stderr or ends with; what is filled in is a %s."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        if name not in SPEAKERS and not (name == "print" and any(word.arg == "file" for word in call.keywords)):
            continue
        for text in call.args:
            pieces = text.values if isinstance(text, ast.JoinedStr) else [text]
            words = "".join(str(piece.value) if isinstance(piece, ast.Constant) else "%s" for piece in pieces)
            found.append(Literal(f"{place}:{call.lineno}", words, "say("))
    return found


def shell_messages(place, source):
    """What a shell script echoes on stderr."""
    return [Literal(place, re.sub(r"\$(\w+|\{[^}]*\})", "%s", text), "say(")
            for text in re.findall(r'echo "([^"]*)" >&2', source)]


def messages():
    found = shell_messages("dev", (ROOT / "dev").read_text())
    for path in sorted((ROOT / "bench").rglob("*.py")):
        found += python_messages(str(path.relative_to(ROOT)), path.read_text())
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES:
                found += literals_of(str(path.relative_to(ROOT)), path.read_text())
    return found


def entries(page):
    """The code spans in the first column of the page's tables."""
    found = []
    for row in re.findall(r"^\| (.*?) \|", page.replace("\\|", "\0"), re.MULTILINE):
        found += [span.replace("\0", "|") for span in re.findall(r"`([^`]+)`", row)]
    return found


def without_entry(literals, spans):
    """Messages of which some part stands in no entry."""
    known = "\n".join(re.sub(r"\s+", " ", span) for span in spans)
    return [f"{one.place}: {one.text}" for one in literals if any(part not in known for part in one.parts())]


def without_source(spans, literals):
    """Entries with words that no source has: each part of an entry must be made of literals."""
    pieces = sorted({part for one in literals for part in one.parts()}, key=len, reverse=True)
    wrong = []
    for span in spans:
        for part in map(tidy, PLACEHOLDER.split(span)):
            rest = part
            for piece in filter(rest.__contains__, pieces):
                rest = re.sub(rf"(?<!\w){re.escape(piece)}(?!\w)", " ", rest)
            if re.search(r"[A-Za-z]{2}", rest):
                wrong.append(f"{span}: no source has {rest.strip()!r}")
    return wrong


class Troubleshooting(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.page = (ROOT / "docs/troubleshooting.md").read_text()
        self.literals = messages()

    def test_every_message_has_an_entry(self):
        spoken = [one for one in self.literals if one.is_message()]
        self.assertGreater(len(spoken), 60, "the sources' messages are not found any more")
        self.assertEqual(without_entry(spoken, entries(self.page)), [])

    def test_every_entry_has_a_source(self):
        self.assertEqual(without_source(entries(self.page), self.literals), [])

    def test_every_entry_has_a_cause_and_a_remedy(self):
        rows = [row for row in self.page.splitlines() if row.startswith("| `")]
        cells = [[cell.strip() for cell in row.replace("\\|", "").strip("|").split("|")] for row in rows]
        self.assertEqual([row for row, found in zip(rows, cells) if len(found) != 3 or not all(found)], [])

    def test_every_exception_is_needed(self):
        for file, text, reason in NO_MESSAGES:
            self.assertTrue(any(re.match(file, one.place) and re.match(text, one.text) for one in self.literals),
                            f"{file} {text} ({reason}) matches nothing")


class Labels(unittest.TestCase):
    def test_limits_explains_every_line_of_check(self):
        page = (ROOT / "docs/limits.md").read_text()
        source = "".join(path.read_text() for path in (ROOT / "syscall_shim/tools").glob("check_*.cpp"))
        labels = set(re.findall(r'\breport(?:_list)?\(\s*"([^"]+)"', source))
        self.assertGreater(len(labels), 10)
        self.assertEqual(sorted(label for label in labels if f"`{label}`" not in page), [])


class Checks(unittest.TestCase):
    """The comparison finds what is wrong."""

    source = '''
        // a comment "is no message"
        static_assert(true, "nor is this");
        void f() { notice << "rondo: the disk " << name << " is full; "
                             "buy another"; fail("broken"); printf("a line of %d output\\n", 1);
                   fprintf(stderr, "tool: cannot read %s: %s\\n", a, b); x = "word"; }
    '''

    def setUp(self):
        self.literals = literals_of("some.cpp", self.source)
        self.spoken = [one for one in self.literals if one.is_message()]

    def test_messages_are_found(self):
        self.assertEqual([one.text for one in self.spoken],
                         ["rondo: the disk ", " is full; buy another", "broken", "tool: cannot read %s: %s\\n"])

    def test_messages_of_scripts_are_found(self):
        python = 'print("a table")\nprint(f"wait {seconds} s", file=sys.stderr)\nload.BenchError(f"{side} is not built")\n'
        shell = 'echo "a line"\necho "dev: no $word here" >&2\n'
        self.assertEqual([one.text for one in python_messages("a.py", python) + shell_messages("dev", shell)],
                         ["wait %s s", "%s is not built", "dev: no %s here"])

    def test_a_message_without_an_entry_is_found(self):
        spans = ["rondo: the disk <name> is full; buy another", "tool: cannot read <file>: <reason>"]
        self.assertEqual(without_entry(self.spoken, spans), ["some.cpp:5: broken"])
        self.assertEqual(without_entry(self.spoken, [*spans, "it is broken"]), [])

    def test_an_entry_without_a_source_is_found(self):
        self.assertEqual(without_source(["rondo: the disk <name> is full; buy another", "broken"], self.literals), [])
        self.assertEqual(len(without_source(["rondo: the disk <name> is empty"], self.literals)), 1)


if __name__ == "__main__":
    unittest.main()
