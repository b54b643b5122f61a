# SPDX-License-Identifier: Apache-2.0
"""Runs the `console` blocks of a Markdown page as a reader would type them, and compares what they print.

    for step in console.steps(page_text): ...          # what is to be run, in order
    with console.Session(folder, environment) as shell:
        shell.run(step)                                # raises Mismatch

In a block, `$ COMMAND` is typed into the shell (a backslash at its end goes on in the next line) and the lines up to the
next `$ ` are what it must print, to the last. All blocks of a page share one shell, one folder and its background jobs.
A command must end with status 0, unless the next one is `echo $?`. Of one that ends in `&` the output is waited for; after
`kill %1` the job's end. Each has SECONDS.

    ...                        a line: any lines, or none. Within a line: any text
    <!-- varies -->            before the block: figures may differ
    <!-- varies: 42 ms, #3 --> the figures in these parts of the block may differ, all others may not
    ```c server.c              writes the block to that file, when its turn comes

Ports from 7000 to 8099 are replaced by free ones, the same throughout the page, in commands, files and output alike.
The shell reads its commands from a pipe that is not its standard input, so a command cannot eat the next ones.
"""
import dataclasses
import os
import re
import select
import signal
import subprocess
import time

import programs

SECONDS = 20
FENCE = re.compile(r"^```(.*)$")
MARK = re.compile(r"^<!-- varies(?:: (.*))? -->$")
FIGURE = re.compile(r"0x[0-9a-f]+|\d+(?:[.,]\d+)*")
KILL = re.compile(r"^kill (?:-\w+ )?(%\d+)$")
PORT = re.compile(r"(?<![\w.,])(7\d\d\d|80\d\d)(?![\w]|[.,]\d)")
JOB_NOTICE = re.compile(r"^\S+: line \d+: +\d+ (Killed|Terminated|Aborted|Segmentation fault) .*\n?", re.MULTILINE)
END = "\x1e"


class PageError(Exception):
    """The page is written wrongly: a mark without a block, output without a command."""


class Mismatch(AssertionError):
    """A command did not print what the page says."""


@dataclasses.dataclass
class Block:
    info: str
    line: int
    lines: list
    varies: list | None = None  # None: nothing; []: every figure; else the parts whose figures do


@dataclasses.dataclass
class File:
    name: str
    text: str


@dataclasses.dataclass
class Command:
    line: int
    text: str
    varies: list | None
    expected: list = dataclasses.field(default_factory=list)
    status_asked: bool = False


def blocks(text):
    """Every fenced block of the page."""
    found, block, mark, mark_line = [], None, None, 0
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if block is not None:
            if fence:
                found.append(block)
                block = None
            else:
                block.lines.append(line)
        elif MARK.match(line):
            parts = MARK.match(line)[1]
            mark, mark_line = parts.split(", ") if parts else [], number
        elif fence:
            block = Block(fence[1].strip(), number, [], mark)
            mark = None
        elif line and mark is not None:
            raise PageError(f"line {mark_line}: this mark stands before no block")
    if block is not None or mark is not None:
        raise PageError(f"line {block.line if block else mark_line}: the block has no end, or the mark no block")
    return found


def commands(block):
    found, going_on = [], False
    for number, line in enumerate(block.lines, block.line + 1):
        if going_on:
            found[-1].text += "\n" + line
        elif line.startswith("$ "):
            found.append(Command(number, line[2:], block.varies))
        elif not found:
            raise PageError(f"line {number}: output without a command")
        else:
            found[-1].expected.append(line.rstrip())
        going_on = (going_on or line.startswith("$ ")) and line.endswith("\\")
    if not found:
        raise PageError(f"line {block.line}: a block without a command")
    for part in block.varies or []:
        if not FIGURE.search(part) or not any(part in line for one in found for line in one.expected):
            raise PageError(f"line {block.line}: the block prints no {part!r}, or it has no figure")
    return found


def steps(text):
    """The page's files and commands, in order."""
    found = []
    for block in blocks(text):
        words = block.info.split()
        if block.info == "console":
            found += commands(block)
        elif len(words) == 2:
            found.append(File(words[1], "\n".join(block.lines) + "\n"))
    ordered = [step for step in found if isinstance(step, Command)]
    for step, following in zip(ordered, ordered[1:]):
        step.status_asked = following.text == "echo $?"
    return found


def with_any_figures(text):
    """Figures in columns: the space before one is as wide as its digits leave."""
    ends = [0] + [end for figure in FIGURE.finditer(text) for end in figure.span()] + [len(text)]
    literals = [re.escape(text[begin:end]) for begin, end in zip(ends[::2], ends[1::2])]
    literals = [re.sub(r"(?:\\ ){2,}", " +", literal) for literal in literals]
    return f"(?:{FIGURE.pattern})".join(literals)


def line_pattern(line, varies):
    pieces = line.split("...")
    if len(pieces) > 1:
        return ".*".join(line_pattern(piece, varies) for piece in pieces)
    if varies == []:
        return with_any_figures(line)
    for part in varies or []:
        if part in line:
            before, after = line.split(part, 1)
            return line_pattern(before, varies) + with_any_figures(part) + line_pattern(after, varies)
    return re.escape(line)


def pattern(expected, varies):
    """A regular expression for the whole output."""
    return re.compile("".join("(?:.*\n)*" if line.strip() == "..." else line_pattern(line, varies) + "\n"
                              for line in expected))


def tidy(output):
    """Without the shell's words on a killed job and blanks at the ends of lines; with a newline at its own."""
    text = "\n".join(line.rstrip() for line in JOB_NOTICE.sub("", output).splitlines())
    return text + "\n" if text else ""


class Session:
    """A shell in a folder, and all that it starts."""

    def __init__(self, folder, environment, seconds=SECONDS):
        self.folder, self.seconds, self.ports, self.text = folder, seconds, {}, ""
        script, self.script = os.pipe()
        self.shell = subprocess.Popen(["bash", "--norc", "--noprofile", f"/dev/fd/{script}"], cwd=folder, env=environment,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      pass_fds=[script], start_new_session=True)
        os.close(script)
        self.type(f"exec {script}<&-\n")  # the shell keeps a copy that programs do not inherit

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.close(self.script)
        self.shell.wait()
        self.shell.stdout.close()

    def on_free_ports(self, text):
        def free(port):
            if port[0] not in self.ports:
                self.ports[port[0]] = str(programs.free_port())
            return self.ports[port[0]]
        return PORT.sub(free, text)

    def run(self, step):
        if isinstance(step, File):
            with open(os.path.join(self.folder, step.name), "w", encoding="utf-8") as out:
                out.write(self.on_free_ports(step.text))
            return
        self.check(step, [self.on_free_ports(line) for line in step.expected])

    def check(self, step, expected):
        deadline = time.monotonic() + self.seconds
        killed = KILL.match(step.text)
        gone = f"wait {killed[1]} 2>/dev/null; " if killed else ""
        self.type(f"{self.on_free_ports(step.text)}\n__s=$?; {gone}printf '{END}%d{END}' $__s; (exit $__s)\n")
        wanted = pattern(expected, step.varies)
        background = step.text.rstrip().endswith("&")
        status, output = self.until_status(step, deadline)
        if background:
            output = self.until_match(wanted, output, deadline)
        if not wanted.fullmatch(tidy(output)):
            self.mismatch(step, expected, output, "another output")
        if status != 0 and not step.status_asked:
            self.mismatch(step, expected, output, f"status {status}")

    def until_match(self, wanted, output, deadline):
        """The first lines that match; what a job printed after them is left to the next command. All, if none match."""
        output, self.text = output + self.text, ""
        while True:
            lines = output.splitlines(keepends=True)
            for count in range(len(lines) + 1):
                begin = "".join(lines[:count])
                if wanted.fullmatch(tidy(begin)):
                    self.text = output[len(begin):]
                    return begin
            if not self.read(deadline):
                return output
            output, self.text = output + self.text, ""

    def type(self, text):
        try:
            os.write(self.script, text.encode())
        except BrokenPipeError:
            raise Mismatch("the shell has ended") from None

    def until_status(self, step, deadline):
        while self.text.count(END) < 2:
            if not self.read(deadline):
                self.mismatch(step, step.expected, f"{self.text}\n{self.processes()}", "no end in time")
        output, status, self.text = self.text.split(END, 2)
        return int(status), output

    def read(self, deadline):
        """Whether something came in time."""
        ready, _, _ = select.select([self.shell.stdout], [], [], max(0, deadline - time.monotonic()))
        data = os.read(self.shell.stdout.fileno(), 65536) if ready else b""
        self.text += data.decode(errors="replace")
        return bool(data)

    def processes(self):
        """What the shell has running, where there is a ps."""
        done = subprocess.run(f"ps -o pid,stat,wchan:20,args -s {self.shell.pid}", shell=True, capture_output=True, text=True,
                              check=False)
        return done.stdout

    @staticmethod
    def mismatch(step, expected, output, what):
        raise Mismatch("\n".join([f"line {step.line}: $ {step.text}: {what}. Expected:", *expected, "--- it printed:",
                                  tidy(output)]))
