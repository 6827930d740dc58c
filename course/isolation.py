# SPDX-License-Identifier: MIT
"""Run a command where it cannot reach the network nor change files.

    python3 isolation.py HOW FOLDER HIDDEN[:HIDDEN...] COMMAND...

By namespaces where the machine allows a user to make them: a network with
nothing but loopback, processes that all end with the first one, and a file
system that is read-only but for FOLDER, with the HIDDEN folders empty (the
hand-ins of the others). Landlock
keeps the files safe where namespaces are not allowed. isolation.kind() says
what this machine has: "namespaces", "landlock" or "".
"""
import ctypes
import fcntl
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys

LIMITS = {
    resource.RLIMIT_CPU: 300,  # seconds of each process
    resource.RLIMIT_FSIZE: 64 << 20,
    resource.RLIMIT_NOFILE: 1024,
    resource.RLIMIT_NPROC: 4096,
    resource.RLIMIT_CORE: 0,
}

libc = ctypes.CDLL(None, use_errno=True)

# Numbers that are the same on all architectures: system calls since 5.x.
SYS_MOUNT_SETATTR = 442
SYS_LANDLOCK_CREATE_RULESET = 444
SYS_LANDLOCK_ADD_RULE = 445
SYS_LANDLOCK_RESTRICT_SELF = 446

AT_FDCWD = -100
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 1
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000

# Everything that changes a file or a folder, of Landlock's first version.
LANDLOCK_WRITES = sum(1 << bit for bit in (1, 4, 5, 6, 7, 8, 9, 10, 11, 12))
PR_SET_NO_NEW_PRIVS = 38
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def must(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare_command():
    """The words before a command that gives it namespaces of its own."""
    return ["unshare", "--user", "--map-root-user", "--net", "--ipc",
            "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]


def works(command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, timeout=30,
                              stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def has_landlock():
    version = 1  # LANDLOCK_CREATE_RULESET_VERSION
    return libc.syscall(SYS_LANDLOCK_CREATE_RULESET, None,
                        ctypes.c_size_t(0), version) >= 1


def kind():
    if shutil.which("unshare") and works(
            unshare_command() + [sys.executable, __file__, "--probe"]):
        return "namespaces"
    return "landlock" if has_landlock() else ""


def bring_up_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        request = fcntl.ioctl(sock, SIOCGIFFLAGS, request)
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS,
                    struct.pack("16sh14x", b"lo", flags | IFF_UP))


def mount(source, target, flags):
    must(libc.mount(os.fsencode(source), os.fsencode(target), None,
                    ctypes.c_ulong(flags), None), "mount")


def set_mounts(path, on, off, flags):
    """Change the attributes of one mount, or of all below it."""
    attributes = struct.pack("QQQQ", on, off, 0, 0)
    must(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), flags,
                      attributes, ctypes.c_size_t(len(attributes))),
         "mount_setattr")


def close_the_files(folder, hidden):
    """All of the file system read-only, but for the folder; the hidden ones
    are empty."""
    mount("none", "/", MS_REC | MS_PRIVATE)
    empty = os.path.join(folder, "empty")
    os.makedirs(empty, exist_ok=True)
    mount(folder, folder, MS_BIND)
    for path in hidden:
        mount(empty, path, MS_BIND)
    set_mounts("/", MOUNT_ATTR_RDONLY, 0, AT_RECURSIVE)
    set_mounts(folder, 0, MOUNT_ATTR_RDONLY, 0)


def restrict_by_landlock(folder):
    """No file may be changed but those in the folder and /dev."""
    rules = struct.pack("Q", LANDLOCK_WRITES)
    ruleset = must(libc.syscall(SYS_LANDLOCK_CREATE_RULESET, rules,
                                ctypes.c_size_t(len(rules)), 0), "landlock")
    for path, rights in ((folder, LANDLOCK_WRITES), ("/dev", 1 << 1)):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, descriptor)
        must(libc.syscall(SYS_LANDLOCK_ADD_RULE, ruleset, 1, rule, 0),
             "landlock")
        os.close(descriptor)
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    must(libc.syscall(SYS_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock")
    os.close(ruleset)


def set_limits():
    for limit, value in LIMITS.items():
        hard = resource.getrlimit(limit)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(limit, (value, value))


def command_line(how, folder, hidden, command):
    """The words that run a command isolated; how: what kind() has said."""
    words = [sys.executable, __file__, how or "limits", folder,
             ":".join(hidden)] + command
    return unshare_command() + words if how == "namespaces" else words


def main(argv):
    if argv[1] == "--probe":
        bring_up_loopback()
        mount("none", "/", MS_REC | MS_PRIVATE)
        set_mounts("/", MOUNT_ATTR_RDONLY, 0, AT_RECURSIVE)
        return 0
    how, folder, hidden, command = argv[1], argv[2], argv[3], argv[4:]
    folder = os.path.realpath(folder)
    temporary = os.path.join(folder, "tmp")
    os.makedirs(temporary, exist_ok=True)
    must(libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl")
    if how == "namespaces":
        bring_up_loopback()
        close_the_files(folder, [path for path in hidden.split(":") if path])
    elif how == "landlock":
        restrict_by_landlock(folder)
    set_limits()
    environment = {"PATH": os.environ.get("PATH", os.defpath),
                   "HOME": temporary, "TMPDIR": temporary, "LC_ALL": "C.UTF-8",
                   "PYTHONDONTWRITEBYTECODE": "1"}
    os.chdir(folder)
    os.execvpe(command[0], command, environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
