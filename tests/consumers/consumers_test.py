# SPDX-License-Identifier: Apache-2.0
"""Rondo as its users get it: installed under a prefix, found through CMake, meson and pkg-config, and taken away again.

This folder is a project of a user's with one description for each of the three. It is built against a tree that was
installed once with DESTDIR and then moved, so nothing in it can depend on where it was made. Its servers have to
answer, with more connections than kernel threads: linked, but not in effect, would not do.
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import programs

HERE = programs.SOURCE / "tests" / "consumers"
INSTALLER = programs.SOURCE / "packaging" / "install.py"
CONNECTIONS = 20
WORKERS = 2
MOST_TASKS = 8
NOBODY = 65534
FLAGS = ("-O1", "-Wall", "-Wl,--as-needed")
UNINSTALLED = programs.SANITIZED and "an instrumented library needs its sanitizer's in the program"


def call(*command, cwd=None, **settings):
    """Runs a command to its end with settings in the environment; returns what it wrote, and raises if it failed."""
    environment = {**os.environ, **{name: str(value) for name, value in settings.items()}}
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def install(prefix, destdir=""):
    call(sys.executable, INSTALLER, "install", programs.BUILD, prefix, DESTDIR=destdir)


def uninstall(prefix, destdir=""):
    call(sys.executable, INSTALLER, "uninstall", prefix, DESTDIR=destdir)


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def dynamic(path):
    """The needed libraries, the run path and the name of a program or library."""
    text = call("readelf", "-d", path, LC_ALL="C")
    found = {kind: re.findall(rf"\({kind}\).*\[(.*)\]", text) for kind in ("NEEDED", "RUNPATH", "RPATH", "SONAME")}
    return {kind: values for kind, values in found.items() if values}


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="rondo-consumers-")))


@unittest.skipIf(UNINSTALLED, UNINSTALLED)
class Consumers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rondo-consumers-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        install("/usr", destdir=cls.folder / "stage")
        cls.prefix = cls.folder / "moved"
        (cls.folder / "stage" / "usr").rename(cls.prefix)
        (cls.libdir,) = {path.parent for path in cls.prefix.rglob("librondo.so")}
        cls.found = {"PKG_CONFIG_PATH": cls.libdir / "pkgconfig", "CMAKE_PREFIX_PATH": cls.prefix}

    def serves(self, program):
        """The program answers on many connections at once, and does it with the installed libraries on few tasks."""
        settings = {"RONDO_WORKERS": str(WORKERS), "LD_LIBRARY_PATH": str(self.libdir)}
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(programs.Server(program, settings=settings, native=True))
            clients = [stack.enter_context(server.connect()) for _ in range(CONNECTIONS)]
            for number, client in enumerate(clients):
                client.sendall(b"hello %d\n" % number)
            for number, client in enumerate(clients):
                self.assertEqual(stack.enter_context(client.makefile("rb")).readline(), b"hello %d\n" % number)
            self.assertLessEqual(server.tasks(), MOST_TASKS)
            self.assertEqual(self.libraries_of(server), {str(self.libdir)})

    def libraries_of(self, server):
        """The folders from which the server has loaded Rondo's libraries."""
        with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as lines:
            return {os.path.dirname(line.split()[-1]) for line in lines if "librondo" in line}

    def script(self, name, command):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\nexec {command}\n")
        path.chmod(0o755)
        return path

    def assert_linked(self, program):
        """The shim comes before libc; nothing but where they were found says where the libraries are."""
        libraries = dynamic(program)["NEEDED"]
        self.assertIn("librondo_shim.so.0", libraries)
        self.assertLess(libraries.index("librondo_shim.so.0"), libraries.index("libc.so.6"))

    def test_cmake(self):
        build = self.folder / "cmake-build"
        call("cmake", "-S", HERE, "-B", build, f"-DCMAKE_EXE_LINKER_FLAGS={FLAGS[-1]}", **self.found)
        call("cmake", "--build", build)
        self.assert_linked(build / "pthread_server")
        self.serves(build / "pthread_server")
        self.serves(build / "rondo_server")

    def test_meson(self):
        build = self.folder / "meson-build"
        call("meson", "setup", build, HERE, **self.found)
        call("ninja", "-C", build)
        self.assert_linked(build / "pthread_server")
        self.serves(build / "pthread_server")
        self.serves(build / "rondo_server")

    def test_pkg_config(self):
        for package, source in (("rondo-pthread", "pthread_server.c"), ("rondo", "rondo_server.c")):
            flags = call("pkg-config", "--cflags", "--libs", package, **self.found).split()
            program = self.folder / package
            with self.subTest(package=package):
                call("cc", *FLAGS, "-o", program, HERE / source, *flags)
                self.serves(program)
        self.assert_linked(self.folder / "rondo-pthread")

    def test_a_program_that_starts_threads_through_libstdcxx_alone_keeps_the_shim(self):
        source = self.folder / "thread.cpp"
        source.write_text("#include <thread>\nint main() { std::thread([] {}).join(); }\n")
        flags = call("pkg-config", "--cflags", "--libs", "rondo-pthread", **self.found).split()
        call("c++", *FLAGS, "-o", self.folder / "thread", source, *flags)
        self.assert_linked(self.folder / "thread")
        call(self.folder / "thread", LD_LIBRARY_PATH=self.libdir)

    def test_the_launcher(self):
        program = self.folder / "unlinked"
        call("cc", *FLAGS, "-pthread", "-o", program, HERE / "pthread_server.c")
        self.serves(self.script("launch", f'{self.prefix}/bin/rondo {program} "$@"'))

    def test_knot(self):
        site = self.folder / "site"
        site.mkdir()
        (site / "index.html").write_text("here")
        script = self.script("serve", f'{self.prefix}/bin/knot --root {site} --port "$@"')
        with programs.Server(script, native=True) as server:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/", timeout=10) as answer:
                self.assertEqual(answer.read(), b"here")
            self.assertEqual(self.libraries_of(server), {str(self.libdir)})

    def test_libraries_have_a_versioned_name_and_no_foreign_path(self):
        for name in ("librondo", "librondo_shim"):
            self.assertEqual((self.libdir / f"{name}.so").resolve().name, f"{name}.so.0")
            self.assertEqual(dynamic(self.libdir / f"{name}.so")["SONAME"], [f"{name}.so.0"])
        for path in [*self.libdir.glob("*.so"), *(self.prefix / "bin").iterdir()]:
            found = dynamic(path)
            for places in found.get("RUNPATH", []) + found.get("RPATH", []):
                for place in places.split(":"):
                    resolved = os.path.normpath(place.replace("$ORIGIN", str(path.parent)))
                    self.assertEqual(resolved, str(self.libdir), path)

    def test_only_rondo_names_are_exported(self):
        names = call("nm", "-D", "--defined-only", "--format=just-symbols", self.libdir / "librondo.so").split()
        self.assertGreater(len(names), 100)
        self.assertEqual([name for name in names if not name.startswith("rondo_")], [])

    def test_descriptions_name_no_place(self):
        for path in [*self.prefix.rglob("*.pc"), *self.prefix.rglob("*.cmake")]:
            for place in (str(self.folder), str(programs.SOURCE), str(programs.BUILD)):
                self.assertNotIn(place, path.read_text(), path)


class Subproject(TemporaryFolder):
    def test_both_dependencies_come_from_the_subproject(self):
        for name in ("meson.build", "pthread_server.c", "rondo_server.c"):
            shutil.copy(HERE / name, self.folder)
        (self.folder / "subprojects").mkdir()
        (self.folder / "subprojects" / "rondo").symlink_to(programs.SOURCE)
        said = call("meson", "setup", "--wrap-mode=forcefallback", "build", cwd=self.folder)
        for name in ("rondo", "rondo-pthread"):
            self.assertRegex(said, rf"Dependency {name} found: YES \S+ \(overridden\)")


class Installation(TemporaryFolder):
    def test_uninstall_leaves_nothing(self):
        for prefix, destdir in ((self.folder / "new" / "prefix", ""), ("/opt/rondo", self.folder / "stage")):
            with self.subTest(prefix=str(prefix)):
                install(prefix, destdir)
                self.assertTrue((pathlib.Path(f"{destdir}{prefix}") / "bin" / "rondo").exists())
                install(prefix, destdir)
                uninstall(prefix, destdir)
                self.assertEqual(tree(self.folder), [])

    def test_uninstall_leaves_what_was_there(self):
        for kept in ("bin/mine", "include/mine.h", "empty/folder/"):
            (self.folder / kept).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / kept).mkdir() if kept.endswith("/") else (self.folder / kept).write_text("mine")
        before = tree(self.folder)
        install(self.folder)
        added = self.folder / "include" / "rondo" / "mine.h"
        added.write_text("mine")
        uninstall(self.folder)
        self.assertEqual(tree(self.folder), sorted([*before, "include/rondo", "include/rondo/mine.h"]))

    def test_a_newer_version_replaces_the_older_ones_files(self):
        install(self.folder)
        before = tree(self.folder)
        manifest = self.folder / "share" / "rondo" / "manifest"
        manifest.write_text("bin/former\n" + manifest.read_text())
        (self.folder / "bin" / "former").write_text("former")
        install(self.folder)
        self.assertEqual(tree(self.folder), before)

    def refused(self, *arguments, python=sys.executable, **options):
        done = subprocess.run([python, INSTALLER, *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False, **options)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        return done.stderr

    def test_refusals_are_one_line(self):
        self.assertEqual(self.refused("uninstall", self.folder),
                         f"dev: Rondo is not installed in {self.folder}: there is no {self.folder}/share/rondo/manifest\n")
        (self.folder / "file").write_text("")
        self.assertEqual(self.refused("install", programs.BUILD, self.folder / "file"),
                         f"dev: {self.folder}/file is not a directory\n")

    def test_without_permission_nothing_is_written(self):
        self.folder.chmod(0o555)
        self.addCleanup(self.folder.chmod, 0o755)
        options = {}
        if os.geteuid() == 0:
            python = shutil.which("python3", path="/usr/bin:/bin")
            if not python or subprocess.run(["test", "-r", INSTALLER], user=NOBODY, check=False).returncode != 0:
                self.skipTest("another user cannot read the source tree")
            options = {"python": python, "user": NOBODY, "group": NOBODY, "extra_groups": []}
        self.assertEqual(self.refused("install", programs.BUILD, self.folder / "prefix", **options),
                         f"dev: no permission to write in {self.folder}; name another PREFIX, or do it as root\n")
        self.assertEqual(tree(self.folder), [])


if __name__ == "__main__":
    unittest.main()
