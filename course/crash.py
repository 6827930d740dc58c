# SPDX-License-Identifier: MIT
"""Explains a crash: which instruction, which register, which stack.

    crash = Crash(recording)
    crash.cause      STACK OVERFLOW, STACK GONE, STACK NOT ALIGNED, WRONG RETURN
                     ADDRESS or CRASHED: only what the registers show
    crash.sentences  [{"en", "fr"}], the evidence

native/probe.c has kept registers, code, stack words and the memory map.
"""
import re
import struct

import causes
import texts

# The order of struct ucontext's registers, x86-64.
NAMES = """r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip
eflags csgsfs err trapno oldmask cr2""".split()
BY_NUMBER = """rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14
r15""".split()
PAGE, NEAR = 4096, 1 << 18
FAULTS = (4, 7, 8, 11)           # signals of an instruction, with its si_code
PROTECTION, PAGE_FAULT = 13, 14  # numbers of the processor's exceptions
FETCH, WRITE = 16, 2             # bits of a page fault's error code
MAP_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")

# SSE moves that demand an address that is a multiple of 16: prefix, opcodes.
ALIGNED = {b"": {0x28, 0x29, 0x2b}, b"\x66": {0x28, 0x29, 0x2b, 0x6f, 0x7f,
                                             0xe7}}


def signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) else value


def is_canonical(address):
    return address >> 47 in (0, (1 << 17) - 1)


class Instruction:
    """What is needed of one x86-64 instruction: is it a ret, or a move that
    wants alignment, and the address of its memory operand."""

    def __init__(self, code, registers):
        self.is_ret = code[:1] in (b"\xc3", b"\xc2") or \
            code[:2] in (b"\xf3\xc3", b"\xf2\xc3")
        self.is_aligned_move, self.address, self.base = False, None, None
        i, prefix, rex = 0, b"", 0
        while i < len(code) and code[i] in (0x66, 0xf2, 0xf3):
            prefix, i = code[i:i + 1], i + 1
        if i < len(code) and code[i] & 0xf0 == 0x40:
            rex, i = code[i], i + 1
        if code[i:i + 1] == b"\x0f":
            self.is_aligned_move = code[i + 1] in ALIGNED.get(prefix, ())
            i += 2
        else:
            i += 1
        try:
            self.read_operand(code, i, rex, registers)
        except (IndexError, struct.error):
            pass

    def read_operand(self, code, i, rex, registers):
        modrm = code[i]
        mode, low, i = modrm >> 6, modrm & 7, i + 1
        if mode == 3:
            return
        address = 0
        if low == 4:
            sib, i = code[i], i + 1
            base, index = sib & 7, (sib >> 3 & 7) | (rex & 2) << 2
            if index != 4:
                address += registers[BY_NUMBER[index]] << (sib >> 6)
            base = None if base == 5 and mode == 0 else base | (rex & 1) << 3
            wide = base is None
        elif low == 5 and mode == 0:
            return  # relative to the program counter: no register to blame
        else:
            base, wide = low | (rex & 1) << 3, False
        if base is not None:
            self.base = BY_NUMBER[base]
            address += registers[self.base]
        if mode == 1:
            address += signed(code[i], 8)
        elif mode == 2 or wide:
            address += struct.unpack_from("<i", code, i)[0]
        self.address = address & (1 << 64) - 1


class Map:
    """The memory map: [(begin, end, rights, name)]"""

    def __init__(self, text):
        self.parts = []
        for line in text.splitlines():
            found = MAP_LINE.match(line)
            if found:
                self.parts.append((int(found[1], 16), int(found[2], 16),
                                   found[3], found[4].strip()))

    def at(self, address):
        return next((one for one in self.parts
                     if one[0] <= address < one[1]), None)

    def above(self, address):
        """The part that begins next above an address."""
        return next((one for one in self.parts if one[0] > address), None)

    def is_guard(self, part):
        """Whether it guards the end of a stack: it cannot be used, is small,
        and memory that can be written follows."""
        above = self.above(part[0])
        return part[2][:2] == "--" and part[1] - part[0] <= NEAR and \
            above and above[0] == part[1] and "w" in above[2]

    def used(self, address):
        """As at(), but None where addresses are only reserved: another thread
        may have done that where there was a stack."""
        part = self.at(address)
        return part if part and (part[2][:2] != "--" or
                                 self.is_guard(part)) else None


class Crash:
    def __init__(self, recording):
        self.recording = recording
        self.signal = recording.crash_signal
        self.address = recording.crash_address
        self.map = Map(recording.crash_map)
        self.registers = dict(zip(NAMES, recording.crash_registers))
        self.known = any(self.registers.values())  # rip may be 0
        self.stack = recording.crash_stack
        self.cause, self.sentences = "CRASHED", []
        self.known_stack = False  # it is one that the program has made
        self.called_null = False
        if self.signal in FAULTS and recording.crash_code <= 0:
            self.say("sent")  # si_addr is the sender then, and no address
        elif self.known and self.signal in (11, 7, 4):
            self.code = Instruction(recording.crash_bytes, self.registers)
            self.explain()
        elif recording.overflowed:
            self.cause = "STACK OVERFLOW"

    def say(self, key, **values):
        self.sentences.append(causes.evidence("CRASHED", key, **{
            name: hex(value) if isinstance(value, int) and value > 0xffff or
            name.endswith("address") and isinstance(value, int) else value
            for name, value in values.items()}))

    def stack_at(self, address, below=0):
        """(name, base, size) of the known stack that an address is in, or at
        most so many bytes below."""
        return next((one for one in self.recording.stacks
                     if one[1] - below <= address < one[1] + one[2]), None)

    def explain(self):
        rip, trap = self.registers["rip"], self.registers["trapno"]
        err = self.registers["err"]
        if trap == PAGE_FAULT and err & FETCH or rip == self.address and \
                not self.is_code(rip) or trap == PROTECTION and \
                not is_canonical(rip):
            return self.jumped(rip)
        if trap == PROTECTION:
            return self.protection()
        if self.signal == 4:
            return self.say("illegal", address=rip,
                            where=self.where(rip))
        return self.page_fault(err)

    def is_code(self, address):
        part = self.map.at(address)
        return part is not None and "x" in part[2]

    def jumped(self, rip):
        """It tried to run what is no code."""
        words = self.recording.crash_words
        caller = self.recording.crash_pc[1]
        if rip == 0 and caller and caller == words[len(words) // 2]:
            self.called_null = True
            self.say("called_null")
            return
        self.say("no_code", address=rip, where=self.where(rip))
        if words[len(words) // 2 - 1] == rip:  # the ret has just popped it
            self.cause = "WRONG RETURN ADDRESS"
            self.say("popped", stack_address=self.stack - 8,
                     where=self.where(self.stack - 8))

    def protection(self):
        """A general protection fault has no address: the operand tells."""
        rip, code = self.registers["rip"], self.code
        if code.is_ret:
            words = self.recording.crash_words
            self.cause = "WRONG RETURN ADDRESS"
            return self.say("ret", address=words[len(words) // 2],
                            stack_address=self.stack,
                            where=self.where(self.stack))
        if code.is_aligned_move and code.address is not None and \
                code.address % 16:
            if code.base in ("rsp", "rbp"):
                self.cause = "STACK NOT ALIGNED"
            return self.say("aligned", address=code.address,
                            rest=code.address % 16, register=code.base or "?",
                            stack_address=self.stack,
                            stack_rest=self.stack % 16)
        if code.address is not None and not is_canonical(code.address):
            return self.say("canonical", address=code.address,
                            register=code.base or "?")
        return self.say("protection", address=rip)

    def page_fault(self, err):
        address, part = self.address, self.map.at(self.address)
        verb = {"en": "write" if err & WRITE else "read",
                "fr": "écrire" if err & WRITE else "lire"}
        here = self.stack_at(self.stack)
        known = here or self.stack_at(self.stack, NEAR)
        if here and not part and here == self.stack_at(address):
            return self.near_stack(verb, address, part)  # it is gone
        if known and known[1] - NEAR <= address < known[1] and \
                abs(address - self.stack) < NEAR:
            self.cause, self.known_stack = "STACK OVERFLOW", True
            return self.say("below_known", verb=verb, address=address,
                            name=known[0], bytes=known[1] - address,
                            size=known[2])
        if abs(address - self.stack) < NEAR:
            return self.near_stack(verb, address, self.map.used(address))
        if address < PAGE:
            return self.say("null", verb=verb, address=address)
        if part:
            return self.say("rights", verb=verb, address=address,
                            rights=part[2], where=self.where(address))
        return self.say("nothing", verb=verb, address=address,
                        where=self.where(address))

    def near_stack(self, verb, address, part):
        """The address is one of the stack's, and cannot be used."""
        above = self.map.above(address)
        if not part and self.stack_at(address):
            self.cause = "STACK GONE"
            return self.say("gone", verb=verb, address=address,
                            stack_address=self.stack)
        guard = part and self.map.is_guard(part)
        if guard or not part and above and above[0] - address < NEAR and \
                "w" in above[2]:
            self.cause = "STACK OVERFLOW"
            return self.say("guard" if guard else "below_stack", verb=verb,
                            address=address, stack_address=self.stack,
                            bytes=(above[0] if above else part[1]) - address)
        if not part and self.stack < PAGE:
            return self.say("no_stack", verb=verb, address=address,
                            stack_address=self.stack)
        if not part and not self.map.used(self.stack):
            self.cause = "STACK GONE"
            return self.say("gone", verb=verb, address=address,
                            stack_address=self.stack)
        return self.say("nothing", verb=verb, address=address,
                        where=self.where(address))

    def where(self, address):
        """In words: which part of the memory this address is in."""
        known = self.stack_at(address)
        if known:
            return causes.evidence("CRASHED", "in_known", name=known[0],
                                   bytes=address - known[1], size=known[2])
        part = self.map.at(address)
        if not part:
            return causes.evidence("CRASHED", "in_nothing")
        key = "in_stack" if part[3].startswith("[stack") else \
            "in_heap" if part[3] == "[heap]" else \
            "in_code" if "x" in part[2] else \
            "in_guard" if "r" not in part[2] else "in_memory"
        return causes.evidence("CRASHED", key, rights=part[2])


def crashed(run):
    """A Finding if a signal has ended this run, or a stack is full."""
    result, recording = run.result, run.recording
    found = Crash(recording)
    if result.signal in (None, "SIGKILL", "SIGTERM") and \
            found.cause != "STACK OVERFLOW":
        return None
    words = run.last_words()
    text = f": {words}" if words and result.signal == "SIGABRT" else ""
    finding = causes.Finding(
        found.cause, None, result.signal if found.cause == "CRASHED" else None,
        run.steps[-1] if run.steps else None,
        **causes.at(run, recording.crash_pc))
    finding.evidence = causes.evidence(
        "CRASHED", "signal", signal=result.signal,
        thread=recording.name_of(recording.crash_thread),
        text={"en": text, "fr": text.replace(": ", " : ", 1)})
    for sentence in found.sentences:
        finding.evidence = texts.both(finding.evidence, sentence)
    finding.often = found.cause == "STACK OVERFLOW" and not found.known_stack
    # Where a stack made by the program shows to be wrong is not where it was
    # made wrong.
    if found.known_stack or found.cause in ("STACK GONE", "STACK NOT ALIGNED",
                                            "WRONG RETURN ADDRESS"):
        finding.sure = False
    # Nor is who calls NULL the one who forgot to write the pointer.
    finding.direct = finding.direct and not found.called_null
    return finding
