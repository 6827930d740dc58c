# SPDX-License-Identifier: MIT
"""inotify(7) for one folder, through the C library: a descriptor to select on.

The folder is watched, not the file: many editors save by a rename, after which
a watch on the file would be one on the old version.
"""
import ctypes
import os
import struct

IN_CLOSE_WRITE = 0x8
IN_MOVED_FROM = 0x40
IN_MOVED_TO = 0x80
IN_DELETE = 0x200
IN_DELETE_SELF = 0x400
IN_MOVE_SELF = 0x800
IN_IGNORED = 0x8000
IN_NONBLOCK = os.O_NONBLOCK
IN_CLOEXEC = os.O_CLOEXEC

CHANGES = (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |
           IN_DELETE_SELF | IN_MOVE_SELF)
HEAD = struct.Struct("iIII")

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return result


class Folder:
    """Tells which names in a folder have changed. It may be deleted and made
    again: then add() watches the new one."""

    def __init__(self, path):
        self.path = path
        self.fd = check(libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC),
                        "inotify")
        self.watched = False
        self.add()

    def add(self):
        """Watch the folder if it is there. Returns whether it newly is."""
        if self.watched:
            return False
        number = libc.inotify_add_watch(self.fd, os.fsencode(self.path),
                                        CHANGES)
        self.watched = number >= 0
        return self.watched

    def changed(self):
        """The names that have changed since the last call."""
        names = set()
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return names
        at = 0
        while at < len(data):
            _, mask, _, length = HEAD.unpack_from(data, at)
            name = data[at + HEAD.size:at + HEAD.size + length]
            at += HEAD.size + length
            if mask & (IN_IGNORED | IN_MOVE_SELF):
                self.watched = False
                names.add("")
            else:
                names.add(os.fsdecode(name.rstrip(b"\0")))
        return names

    def close(self):
        os.close(self.fd)
