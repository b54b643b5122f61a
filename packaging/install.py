# SPDX-License-Identifier: Apache-2.0
"""Installs a build directory under a prefix, and takes it away again. `./dev install` and `./dev uninstall` call it.

Usage: install.py install BUILD_DIR PREFIX
       install.py uninstall PREFIX

DESTDIR in the environment goes before PREFIX, as everywhere. Meson lays the tree out in a folder of its own; nothing in
it depends on the prefix, so it is then moved file by file: each is written beside its place and renamed over it, for a
library may be in use. PREFIX/share/rondo/manifest names each file and, with a / at its end, each folder that was not
there before, all relative to PREFIX. Uninstalling removes these, a folder only when nothing else is in it. Rejected:
meson's own list, which lies in the build directory and forgets the folders when something is installed twice.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

MANIFEST = pathlib.PurePath("share/rondo/manifest")
LDCONFIG = "/sbin/ldconfig"


def refuse(problem):
    sys.exit(f"dev: {problem}")


def root_of(prefix):
    return pathlib.Path(os.environ.get("DESTDIR", "") + os.path.abspath(prefix))


def require_writable(root):
    place = root
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        refuse(f"{place} is not a directory")
    if not os.access(place, os.W_OK | os.X_OK):
        refuse(f"no permission to write in {place}; name another PREFIX, or do it as root")


def read_manifest(root):
    try:
        return (root / MANIFEST).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def stage(build, folder):
    """Lets meson install into the folder; returns where its prefix begins, and the files and links below that."""
    environment = {key: value for key, value in os.environ.items() if key != "DESTDIR"}
    done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", folder], check=False,
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        refuse(f"meson install failed:\n{done.stdout}")
    top = pathlib.Path(folder)
    while not (top / "bin").is_dir():
        (top,) = top.iterdir()
    return top, sorted(path.relative_to(top) for path in top.rglob("*") if path.is_symlink() or path.is_file())


def make_folder(root, folder):
    """Makes a folder; returns the manifest's lines for it and those around it that were not there."""
    made = []
    while not folder.is_dir():
        made.append(folder)
        folder = folder.parent
    for missing in reversed(made):
        missing.mkdir()
    return [os.path.relpath(missing, root) + "/" for missing in made]


def remove(root, lines):
    for line in lines:
        if not line.endswith("/"):
            (root / line).unlink(missing_ok=True)
    folders = {os.path.normpath(root / line) for line in lines if line.endswith("/")}
    for folder in sorted(folders, key=len, reverse=True):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # it holds something else


def put(source, target):
    beside = target.with_name(f".{target.name}.new")
    shutil.copy2(source, beside, follow_symlinks=False)
    os.replace(beside, target)


def update_loader(folder):
    """Renews the dynamic loader's cache if it is to look in this folder; returns whether it is."""
    searched = subprocess.run([LDCONFIG, "-N", "-X", "-v"], capture_output=True, text=True, check=False).stdout
    if f"{folder}:" not in searched:
        return False
    if os.geteuid() == 0:
        subprocess.run([LDCONFIG], check=False)
    return True


def install(build, root):
    require_writable(root)
    before = read_manifest(root)
    with tempfile.TemporaryDirectory(prefix="rondo-install-") as staging:
        tree, files = stage(build, staging)
        folders = [line for line in before if line.endswith("/")]
        for path in [*files, MANIFEST]:
            folders += make_folder(root, (root / path).parent)
        lines = [str(path) for path in files] + folders
        (root / MANIFEST).write_text("\n".join(lines) + "\n", encoding="utf-8")
        remove(root, set(before) - set(lines))
        for path in files:
            put(tree / path, root / path)
    print(f"Rondo is installed in {root}: {len(files)} files")
    libraries = root / next(path.parent for path in files if path.name == "librondo.so")
    if not os.environ.get("DESTDIR") and not update_loader(libraries):
        print(f"The dynamic loader does not look in {libraries}: link programs with -Wl,-rpath,{libraries}")


def uninstall(root):
    lines = read_manifest(root)
    if not lines:
        refuse(f"Rondo is not installed in {root}: there is no {root / MANIFEST}")
    require_writable(root)
    libraries = root / next(os.path.dirname(line) for line in lines if line.endswith("/librondo.so"))
    remove(root, [*lines, str(MANIFEST)])
    if not os.environ.get("DESTDIR"):
        update_loader(libraries)
    print(f"Rondo is no longer installed in {root}")


def main(arguments):
    os.umask(0o022)
    try:
        if len(arguments) == 3 and arguments[0] == "install":
            install(arguments[1], root_of(arguments[2]))
        elif len(arguments) == 2 and arguments[0] == "uninstall":
            uninstall(root_of(arguments[1]))
        else:
            refuse(__doc__)
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
