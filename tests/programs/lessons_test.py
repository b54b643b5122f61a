# SPDX-License-Identifier: Apache-2.0
"""The lessons and web clients of docs/examples do under `rondo` what they do natively.

Each program runs once natively, where its output must be what the lesson promises, and then under rondo with 1 and 2
workers, where output and status must be the native ones. Lines that may come in any order are sorted. The web clients
talk to a small server in this process. stdin and stdout are pipes whose file status flags, which the program shares with
this process, must be the same after its end.
"""
import contextlib
import fcntl
import http.server
import os
import pty
import re
import subprocess
import termios
import threading
import unittest

import programs

WORKERS = ("1", "2")
SECONDS = 60 * programs.TIME_FACTOR
PALINDROMES = "one anna two\nthree level\n"
PAGES = ["/0", "/10", "/missing", "/70000", "/5000", "/1", "/300000", "/2"]
PAGES_ANSWER = "".join(sorted(
    f"{page}: status {404 if page == '/missing' else 200}, {3 if page == '/missing' else page[1:]} bytes\n" for page in PAGES))


def flags(descriptor):
    return fcntl.fcntl(descriptor, fcntl.F_GETFL)


class Outcome:
    """A program run to its end with these bytes on stdin."""

    def __init__(self, name, args, stdin, workers):
        settings = None if workers is None else {"RONDO_WORKERS": workers}
        in_read, in_write = os.pipe()
        out_read, out_write = os.pipe()
        before = flags(in_read), flags(out_write)
        os.write(in_write, stdin.encode())
        os.close(in_write)
        with open(out_read, "rb") as stream:
            process = subprocess.Popen(programs.command(name, args, native=workers is None), stdin=in_read, stdout=out_write,
                                       stderr=subprocess.PIPE, env=programs.environment(settings, workers is None))
            got = []
            reader = threading.Thread(target=lambda: got.append(stream.read()))
            reader.start()
            with process:
                try:
                    _, error = process.communicate(timeout=SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    _, error = process.communicate()
                    error += b"(killed: it did not end in time)"
            self.flags_kept = before == (flags(in_read), flags(out_write))
            os.close(in_read)
            os.close(out_write)
            reader.join()
        self.name = f"{name} {args} " + ("natively" if workers is None else f"under rondo with {workers} workers")
        self.status = process.returncode
        self.output = got[0].decode(errors="replace")
        self.error = error.decode(errors="replace")

    def __str__(self):
        return f"{self.name}: status {self.status}, flags kept: {self.flags_kept}, stderr:\n{self.error}\nstdout:\n{self.output[-2000:]}"


def in_order(text):
    return text


def in_any_order(text):
    return "".join(sorted(text.splitlines(keepends=True)))


class Lesson(unittest.TestCase):
    maxDiff = None

    def outcomes(self, name, args, stdin):
        for workers in (None, *WORKERS):
            outcome = Outcome(name, args, stdin, workers)
            self.assertEqual(outcome.status, 0, outcome)
            self.assertTrue(outcome.flags_kept, outcome)
            yield outcome

    def prints(self, expected, name, *args, stdin="", arrange=in_order):
        for outcome in self.outcomes(name, args, stdin):
            self.assertEqual(arrange(outcome.output), arrange(expected), outcome)

    def matches(self, pattern, name, *args):
        for outcome in self.outcomes(name, args, ""):
            self.assertRegex(outcome.output, pattern)
            yield outcome.output


class Threads(Lesson):
    def test_hello_threads(self):
        expected = "".join(f"thread {i}: hello\nmain: thread {i} returned {i * i}\n" for i in range(100))
        self.prints(expected, "hello_threads", 100, arrange=in_any_order)

    def test_counter_race_with_a_lock(self):
        self.prints("with a lock: counted 400000 of 400000\n", "counter_race", "lock")

    def test_counter_race_without_a_lock(self):
        for output in self.matches(r"\Awithout a lock: counted \d+ of 400000\n\Z", "counter_race"):
            counted = int(output.split()[4])
            self.assertTrue(0 < counted <= 400000, output)

    def test_argument_race_wrong(self):
        for output in self.matches(r"\A(threads that believe to be number \d: \d\n){9}\Z", "argument_race", "wrong"):
            self.assertEqual(sum(int(line.split()[-1]) for line in output.splitlines()), 8)

    def test_argument_race_right(self):
        expected = "".join(f"threads that believe to be number {i}: {int(i < 8)}\n" for i in range(9))
        self.prints(expected, "argument_race", "right")

    def test_dining_philosophers(self):
        self.prints("".join(f"philosopher {i} ate 30 times\n" for i in range(5)), "dining_philosophers", 30)

    def test_readers_writers(self):
        self.prints("80 changes, seen half done 0 times\n", "readers_writers", 40)

    def test_thread_pool(self):
        self.prints("of 1..1000, 871 takes longest: 178 steps\n", "thread_pool", 1000)

    def test_timed_wait(self):
        self.prints("nothing came in 50 ms\nthe parcel came\n", "timed_wait")

    def test_cancel_cleanup(self):
        self.prints("a thread in read:\n"
                    "  the memory is given back\n"
                    "  the last handler is the first that was pushed\n"
                    "  it was cancelled\n"
                    "a thread in pthread_cond_wait:\n"
                    "  the mutex is given back\n"
                    "  it was cancelled\n"
                    "a thread that disabled it:\n"
                    "  read 'a'\n"
                    "  read 'b'\n"
                    "  it was cancelled\n", "cancel_cleanup")


class Data(Lesson):
    def test_producer_consumer(self):
        self.prints("3 producers of 1..2000: the consumers got a sum of 6003000\n", "producer_consumer", 2000)

    def test_producer_consumer_sem(self):
        self.prints("2 producers of 1..2000: the consumers got a sum of 4002000\n", "producer_consumer_sem", 2000)

    def test_parallel_call(self):
        answers = "".join(f"service {i}: {'Connection refused' if i == 3 else i * 100}\n" for i in range(1, 31))
        self.prints(f"{answers}total: {sum(range(1, 31)) * 100 - 300}\n", "parallel_call", 30)

    def test_pipeline(self):
        self.prints("1 ENO\n2 [ANNA]\n3 OWT\n4 EERHT\n5 [LEVEL]\n", "pipeline", stdin=PALINDROMES)

    def test_pipeline_of_many_words(self):
        words = [f"word{i}x" for i in range(3000)]
        expected = "".join(f"{i + 1} {word[::-1].upper()}\n" for i, word in enumerate(words))
        self.prints(expected, "pipeline", stdin=" ".join(words))

    def test_pipeline_of_pipes(self):
        lines = [f"line {i}" for i in range(4000)]
        numbered = enumerate((line for line in lines if not line.endswith("7")), 1)
        stdin = "".join(f"{'#' if line.endswith('7') else ''}{line}\n" for line in lines)
        self.prints("".join(f"{number}\t{line}"[::-1] + "\n" for number, line in numbered), "pipeline_pipes", stdin=stdin)


class AlarmClock(Lesson):
    """Main waits for its next command while the threads sleep."""

    def test_from_a_pipe(self):
        self.prints("(0.05) sooner\n(1) later\n", "alarm_clock", stdin="1 later\n0.05 sooner\n")

    def test_on_a_terminal(self):
        for workers in (None, *WORKERS):
            with self.subTest(workers=workers or "native"):
                self.talk(workers)

    def talk(self, workers):
        ours, theirs = pty.openpty()
        before = flags(theirs), termios.tcgetattr(theirs)
        settings = None if workers is None else {"RONDO_WORKERS": workers}
        process = subprocess.Popen(programs.command("alarm_clock", (), native=workers is None), stdin=theirs,
                                   stdout=subprocess.PIPE, env=programs.environment(settings, workers is None))
        watch = threading.Timer(SECONDS, process.kill)
        watch.start()
        with process, contextlib.ExitStack() as end:
            end.callback(watch.cancel)
            for message in ("first", "second"):
                os.write(ours, f"0.02 {message}\n".encode())
                self.assertEqual(process.stdout.readline().replace(b"alarm> ", b""), f"(0.02) {message}\n".encode())
            os.write(ours, b"\x04")
            self.assertEqual(process.wait(), 0)
        self.assertEqual((flags(theirs), termios.tcgetattr(theirs)), before)
        os.close(ours)
        os.close(theirs)


class Signals(Lesson):
    def test_a_handler_that_writes_to_a_pipe(self):
        lines = "".join(f"signal 10, the {i}th byte from the pipe\n" for i in range(1, 21))
        self.prints(lines, "signal_printf", "pipe")

    def test_a_handler_that_prints(self):
        """Which text comes out is undefined, and whether main and its handler lock each other out: that is the lesson. But
        the program ends, and says which."""
        for workers in (None, *WORKERS):
            outcome = Outcome("signal_printf", ("wrong",), "", workers)
            self.assertIn(outcome.status, (0, 3), outcome)
            self.assertEqual(outcome.status == 3, "wait for each other" in outcome.error, outcome)
            self.assertTrue(outcome.flags_kept, outcome)


class Pages(http.server.BaseHTTPRequestHandler):
    """/N is N bytes; everything else is missing."""

    def do_GET(self):
        known = re.fullmatch(r"/(\d+)", self.path)
        body = b"x" * int(known[1]) if known else b"no\n"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class WebClient(Lesson):
    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        cls.thread = threading.Thread(target=cls.server.serve_forever)
        cls.thread.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.thread.join()
        cls.server.server_close()

    def check(self, name, arrange=in_any_order):
        port = self.server.server_address[1]
        expected = PAGES_ANSWER if arrange is in_any_order else "".join(
            next(line for line in PAGES_ANSWER.splitlines(keepends=True) if line.startswith(page + ":")) for page in PAGES)
        for most in (3, 100):
            self.prints(expected, name, "127.0.0.1", port, most, *PAGES, arrange=arrange)

    def test_web_join(self):
        self.check("web_join", in_order)

    def test_web_poll(self):
        self.check("web_poll")

    def test_web_condvar(self):
        self.check("web_condvar")

    def test_web_nonblocking(self):
        self.check("web_nonblocking")

    def test_nobody_listens(self):
        for name, reason in (("web_condvar", "no connection"), ("web_nonblocking", "Connection refused")):
            self.prints(f"/: {reason}\n", name, "127.0.0.1", programs.free_port(), 1, "/")


if __name__ == "__main__":
    unittest.main()
