/* SPDX-License-Identifier: MIT */
/*
 * check.c of lesson 16: what the probe lines stand for, and coroutines of the
 * checker's own. It is compiled after the learner's program, into one file.
 *
 * A compiler without optimisation keeps no variable in a register over a call,
 * so the registers are looked at in assembly: both sides of a switch have a
 * pattern of their own in them.
 */
#undef coro_switch
#undef stack_new
#undef coro_prepare
#undef coro_resume
#undef coro_yield
#undef stack_free

/* Of [stacks] and [frames] in expect.toml; the stack of the first coroutine has
 * the number behind PROBE_OF_MAIN. */
enum { PROBE_OF_MAIN = 1 };
enum {
    PROBE_FRAME_WALK = 1,
    PROBE_FRAME_BEGIN,
    PROBE_FRAME_MAIN,
    PROBE_FRAME_RESUME
};
enum { PROBE_COROS = 16, PROBE_GUARD = 4096 };

/* Their stacks, in the order in which they were made. */
static struct {
    char *memory;
    size_t bytes;
    int resumed;       /* how often */
    bool has_returned; /* its function */
} probe_coros[PROBE_COROS];

static int probe_coro_count;

/* Which of them this address is in, the newest; -1: none. */
static int probe_coro_of(const void *address)
{
    const char *at = address;

    for (int i = probe_coro_count - 1; i >= 0; i--)
        if (probe_coros[i].memory && at >= probe_coros[i].memory &&
            at < probe_coros[i].memory + probe_coros[i].bytes)
            return i;
    return -1;
}

#define PROBE_HERE probe_coro_of(__builtin_frame_address(0))

/* Whether this byte may be read: the kernel tries it. */
static bool probe_may_read(const char *at)
{
    static int ends[2];
    bool can;
    char byte;

    if (!ends[1] && pipe2(ends, O_CLOEXEC) < 0)
        abort();
    probe_quiet(true);
    can = write(ends[1], at, 1) == 1 && read(ends[0], &byte, 1) == 1;
    probe_quiet(false);
    return can;
}

/* --- the learner's functions, looked at ---------------------------------- */

static void probe_stack_new(struct coro *self, size_t wanted)
{
    char name[32];

    probe_figure_add("stacks", 1);
    stack_new(self, wanted);
    if (!self->memory || probe_coro_count == PROBE_COROS)
        return;
    probe_expect(probe_may_read(self->memory + self->memory_bytes - 1),
                 "NO STACK", "size", (long)self->memory_bytes, 0, 0);
    snprintf(name, sizeof(name), "coroutine %s", self->name ? self->name : "?");
    probe_coros[probe_coro_count].memory = self->memory;
    probe_coros[probe_coro_count].bytes = self->memory_bytes;
    probe_coro_count++;
    if (self->memory_bytes > PROBE_GUARD)
        probe_stack(name, self->memory + PROBE_GUARD,
                    self->memory_bytes - PROBE_GUARD);
}

static void probe_stack_free(struct coro *self)
{
    probe_expect(PROBE_HERE < 0, "STACK GONE @16.4", "its own", PROBE_HERE, 0,
                 0);
    stack_free(self);
}

/* The newest stack pointers that a switch has kept, or coro_prepare() has made.
 * What the last switch has kept is read at the next one. */
enum { PROBE_POINTERS = 1024 };

static const void *probe_pointers[PROBE_POINTERS];
static unsigned probe_pointer_count;
static void **probe_last_save;

static void probe_note_pointer(const void *pointer)
{
    probe_pointers[probe_pointer_count++ % PROBE_POINTERS] = pointer;
}

static bool probe_is_known(const void *pointer)
{
    for (int i = 0; i < PROBE_POINTERS; i++)
        if (probe_pointers[i] == pointer)
            return true;
    return false;
}

static void probe_coro_prepare(struct coro *self)
{
    long room;

    coro_prepare(self);
    probe_note_pointer(self->stack_pointer);
    room = self->memory + self->memory_bytes - (char *)self->stack_pointer;
    probe_expect(room >= 0 && room <= (long)self->memory_bytes,
                 "OUTSIDE THE STACK", "elsewhere", room, 0, 0);
    probe_expect(room <= (long)self->memory_bytes / 2, "OUTSIDE THE STACK",
                 "low", (long)self->memory_bytes - room,
                 (long)self->memory_bytes, 0);
    probe_expect(room >= 8, "OUTSIDE THE STACK", "high", room, 0, 0);
}

/* Where the last coroutine that yielded was, about. */
static char *probe_left;

static unsigned long probe_switches;

static void probe_coro_switch(void **save, void *to)
{
    const int from = PROBE_HERE, where = probe_coro_of(to);

    probe_expect(from != where, "WRONG STACK", "same", from, 0, 0);
    probe_expect(!to || where >= 0 || from >= 0, "WRONG STACK", "main", 0, 0,
                 0);
    probe_expect(to, "WRONG STACK", "null", 0, 0, 0);
    if (probe_last_save && probe_may_read((char *)probe_last_save))
        probe_note_pointer(*probe_last_save);
    probe_expect(probe_is_known(to), "WRONG STACK @16.4", "unknown", 0, 0, 0);
    probe_last_save = save;
    probe_event(PROBE_SWITCH, where, -1, 0);
    probe_event(PROBE_STACK, PROBE_OF_MAIN + 1 + where, -1, 0);
    if (from >= 0)
        probe_left = __builtin_frame_address(0);
    probe_switches++;
    coro_switch(save, to);
}

/* A yield of a coroutine: others may have run meanwhile, `current` is its own
 * again. */
static void probe_coro_yield(void)
{
    const unsigned long before = probe_switches;
    const int here = PROBE_HERE;

    coro_yield();
    probe_expect(probe_switches > before, "WRONG STACK @16.4", "yield", here, 0,
                 0);
    probe_expect(
        here < 0 || (current && current->memory == probe_coros[here].memory),
        "WRONG OWNER: current", current ? "after" : "none after", here, 0, 0);
}

/* The function of the coroutine that runs has returned. */
static void probe_returned(void)
{
    const int here = PROBE_HERE;

    if (here >= 0)
        probe_coros[here].has_returned = true;
}

/* Of the last coro_begin(): rsp at its first instruction. It is compiled
 * without optimisation, so its first push is rbp, and rbp is rsp then. */
static uintptr_t probe_rsp;

/* The first thing that a coroutine does. */
static void probe_begin(void *frame)
{
    const int here = PROBE_HERE;

    probe_rsp = (uintptr_t)frame + 8;
    probe_expect(here >= 0, "WRONG STACK", "begin", 0, 0, 0);
    probe_expect(current && current->memory == probe_coros[here].memory,
                 "WRONG OWNER: current", current ? "current" : "no current",
                 here, 0, 0);
    probe_event(PROBE_FRAME, PROBE_OF_MAIN + 1 + here, PROBE_FRAME_BEGIN,
                probe_coros[here].memory + probe_coros[here].bytes -
                    (char *)frame);
}

/* walk() begins or ends. */
static void probe_frame(bool begins)
{
    const int here = PROBE_HERE;

    probe_event(PROBE_FRAME, PROBE_OF_MAIN + 1 + here,
                begins ? PROBE_FRAME_WALK : -1,
                begins && here >= 0
                    ? probe_coros[here].memory + probe_coros[here].bytes -
                          (char *)__builtin_frame_address(0)
                    : 0);
}

static _Noreturn void probe_again(void)
{
    probe_fail("RESUMED AFTER ITS END", "coroutine", PROBE_HERE, 0, 0);
}

/* Of whose stack each resume was, in order. */
static int probe_order[1024], probe_resumes;

static void probe_coro_resume(struct coro *self)
{
    const int which = self->memory ? probe_coro_of(self->memory) : -1;
    const int from = PROBE_HERE;
    const struct coro *before = current;
    static bool is_shown;

    if (!is_shown) {
        is_shown = true;
        probe_event(PROBE_STACK, PROBE_OF_MAIN, -1, 0);
        probe_event(PROBE_FRAME, PROBE_OF_MAIN, PROBE_FRAME_MAIN, 0);
    }
    if (self->done)
        probe_fail("RESUMED AFTER ITS END", "coroutine", which, 0, 0);
    if (which >= 0 && probe_resumes < 1024) {
        probe_order[probe_resumes++] = which;
        probe_coros[which].resumed++;
    }
    probe_event(PROBE_FRAME, PROBE_OF_MAIN, PROBE_FRAME_RESUME, 0);
    coro_resume(self);
    probe_event(PROBE_FRAME, PROBE_OF_MAIN, -1, 0);
    probe_expect(PROBE_HERE == from, "WRONG STACK", "resume", which, 0, 0);
    probe_expect(!self->done || which < 0 || probe_coros[which].has_returned,
                 "ENDED EARLY @16.4", "coroutine", which,
                 which < 0 ? 0 : probe_coros[which].resumed, 0);
    probe_expect(current == NULL || current == before, "WRONG OWNER: current",
                 "still", which, 0, 0);
    probe_expect(self->done ||
                     (probe_left - (char *)self->stack_pointer < 1024 &&
                      probe_left > (char *)self->stack_pointer),
                 "WRONG STACK", "pointer", which,
                 probe_left - (char *)self->stack_pointer, 0);
}

/* --- 16.1 registers ------------------------------------------------------- */

/* rbx, rbp, r12 to r15: fills them with a pattern that begins with `first`,
 * calls `call`, and says which have changed: bit 0 is rbx. */
long probe_with_pattern(long first, void (*call)(void));

__asm__(".text\n"
        ".globl probe_with_pattern\n"
        "probe_with_pattern:\n"
        "    push %rbx\n"
        "    push %rbp\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    push %rdi\n"
        "    lea 1(%rdi), %rbx\n"
        "    lea 2(%rdi), %rbp\n"
        "    lea 3(%rdi), %r12\n"
        "    lea 4(%rdi), %r13\n"
        "    lea 5(%rdi), %r14\n"
        "    lea 6(%rdi), %r15\n"
        "    call *%rsi\n"
        "    pop %rdi\n"
        "    xor %eax, %eax\n"
        "    lea 1(%rdi), %rcx\n"
        "    cmp %rbx, %rcx\n"
        "    je 1f\n"
        "    or $1, %eax\n"
        "1:  lea 2(%rdi), %rcx\n"
        "    cmp %rbp, %rcx\n"
        "    je 1f\n"
        "    or $2, %eax\n"
        "1:  lea 3(%rdi), %rcx\n"
        "    cmp %r12, %rcx\n"
        "    je 1f\n"
        "    or $4, %eax\n"
        "1:  lea 4(%rdi), %rcx\n"
        "    cmp %r13, %rcx\n"
        "    je 1f\n"
        "    or $8, %eax\n"
        "1:  lea 5(%rdi), %rcx\n"
        "    cmp %r14, %rcx\n"
        "    je 1f\n"
        "    or $16, %eax\n"
        "1:  lea 6(%rdi), %rcx\n"
        "    cmp %r15, %rcx\n"
        "    je 1f\n"
        "    or $32, %eax\n"
        "1:  pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbp\n"
        "    pop %rbx\n"
        "    ret\n");

static void probe_expect_kept(long lost, long where)
{
    static const char *const names[] = {"rbx", "rbp", "r12",
                                        "r13", "r14", "r15"};

    for (int i = 0; i < 6; i++)
        probe_expect(!(lost & 1L << i), "REGISTER LOST", names[i], where,
                     __builtin_popcountl((unsigned long)lost), 0);
}

/*
 * The switch alone, between main's stack and one of the checker's; nothing else
 * of the learner's code runs.
 *
 * No switch has left the other stack yet, and how many words this one will take
 * there only the learner knows. So every word there, and around *save, is the
 * same: the address of a landing. Wherever RET takes it from, it leads there,
 * and rsp tells how many words were taken before. Read as the two control words
 * of the floating point, which a switch may keep as well, the address is the
 * usual setting of both.
 */
enum { PROBE_PADS = 64, PROBE_LANDING = 0x1f80 };

static char *const probe_landing_page = (char *)0x37f00001000;

static struct probe_pads {
    uintptr_t below[PROBE_PADS], word, above[PROBE_PADS];
} probe_near_pads, probe_far_pads;

static char probe_far_stack[32768] __attribute__((aligned(16)));

/* What probe_switch_now() gives to coro_switch(), and what was seen of it. */
void *probe_save, *probe_to;
void *probe_return_at; /* where CALL has put the return address */
void *probe_landed;    /* rsp at the landing */
void *probe_far_top = probe_far_stack + sizeof(probe_far_stack);
void probe_switch_now(void);
void probe_land(void);
_Noreturn void probe_far(void);

__asm__(".text\n"
        ".globl probe_switch_now\n"
        "probe_switch_now:\n"
        "    mov probe_save(%rip), %rdi\n"
        "    mov probe_to(%rip), %rsi\n"
        "    lea -8(%rsp), %rax\n"
        "    mov %rax, probe_return_at(%rip)\n"
        "    call coro_switch\n"
        "    ret\n"
        ".globl probe_land\n"
        "probe_land:\n"
        "    mov %rsp, probe_landed(%rip)\n"
        "    mov probe_far_top(%rip), %rsp\n"
        "    xor %ebp, %ebp\n"
        "    call probe_far\n");

/* movabs $probe_land, %rax; jmp *%rax: at the address of the landing. */
static void probe_make_landing(void)
{
    static const uint8_t movabs[] = {0x48, 0xb8}, jump[] = {0xff, 0xe0};
    const uint64_t land = (uintptr_t)probe_land;
    char *at = mmap(probe_landing_page, PAGE_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uintptr_t word = (uintptr_t)probe_land;

    if (at == probe_landing_page) {
        at += PROBE_LANDING % PAGE_BYTES;
        memcpy(at, movabs, 2);
        memcpy(at + 2, &land, 8);
        memcpy(at + 10, jump, 2);
        if (mprotect(probe_landing_page, PAGE_BYTES, PROT_READ | PROT_EXEC) ==
            0)
            word = (uintptr_t)at;
    }
    for (size_t i = 0; i < sizeof(struct probe_pads) / 8; i++)
        (&probe_near_pads.below[0])[i] = (&probe_far_pads.below[0])[i] = word;
}

static bool probe_is_in(const struct probe_pads *pads, const void *address)
{
    const char *at = address;

    return at >= (const char *)pads && at < (const char *)(pads + 1);
}

/* The first switch has come to the other stack. What has it left on main's, and
 * taken from here? */
static void probe_look_at_words(void)
{
    const char *saved = (char *)probe_near_pads.word;
    const long left = (const char *)probe_return_at - saved;
    const long taken = (char *)probe_landed - (char *)&probe_far_pads.word - 8;

    probe_expect(!probe_is_in(&probe_near_pads, probe_landed), "WRONG STACK",
                 "exchanged", 0, 0, 0);
    probe_expect(probe_near_pads.word != probe_near_pads.above[0],
                 "WRONG STACK", "not kept", 0, 0, 0);
    probe_expect(left >= 0 && left < 4096, "WRONG STACK", "kept", left, 0, 0);
    probe_expect(*(uintptr_t *)probe_landed == probe_far_pads.above[0],
                 "WRONG RETURN ADDRESS", "called", 0, 0, 0);
    probe_expect(left == taken, "WRONG RETURN ADDRESS", "words", left / 8,
                 taken / 8, 0);
}

static void *probe_far_sp, *probe_near_sp;
static long probe_lost_there, probe_lost_here;

/* All that ever runs on the other stack. */
void probe_far(void)
{
    probe_look_at_words();
    probe_near_sp = (void *)probe_near_pads.word;
    for (int i = 1;; i++) {
        probe_save = &probe_far_sp;
        probe_to = probe_near_sp;
        probe_lost_there |=
            probe_with_pattern(0x5a0000001000L * i, probe_switch_now);
    }
}

PROBE_CASE(registers)
{
    probe_make_landing();
    probe_stack("the checker", probe_far_stack, sizeof(probe_far_stack));
    probe_save = &probe_near_pads.word;
    probe_to = &probe_far_pads.word;
    for (int i = 1; i <= 5; i++) {
        probe_lost_here |=
            probe_with_pattern(0x650000200000L * i, probe_switch_now);
        probe_expect(probe_landed, "WRONG STACK", "stayed", 0, 0, 0);
        probe_expect_kept(probe_lost_there, 2);
        probe_expect_kept(probe_lost_here, 1);
        probe_save = &probe_near_sp;
        probe_to = probe_far_sp;
    }
}

/* --- 16.2 stacks -----------------------------------------------------------
 */

PROBE_CASE(stacks)
{
    static const size_t wanted[] = {1024, 1, 16384, 16385, 100000};
    struct coro coros[5];

    for (int i = 0; i < 5; i++) {
        coros[i] = (struct coro){.name = "a"};
        stack_new(&coros[i], wanted[i]);
        probe_expect(coros[i].memory && coros[i].memory != MAP_FAILED,
                     "NO STACK", "null", (long)wanted[i], 0, 0);
    }
    for (int i = 0; i < 5; i++) {
        const char *top = coros[i].memory + coros[i].memory_bytes;
        const char *low = top;
        const long least =
            wanted[i] < MIN_STACK_BYTES ? MIN_STACK_BYTES : (long)wanted[i];

        probe_expect(probe_may_read(top - 1), "NO STACK", "size",
                     (long)coros[i].memory_bytes, 0, 0);
        while (low > coros[i].memory && probe_may_read(low - 1))
            low -= (uintptr_t)low % PAGE_BYTES ? (uintptr_t)low % PAGE_BYTES
                                               : PAGE_BYTES;
        probe_expect(low > coros[i].memory, "NO GUARD PAGE", "open", top - low,
                     0, 0);
        probe_expect(top - low >= least, "STACK TOO SMALL", "bytes", top - low,
                     (long)wanted[i], least);
    }
}

static void probe_deep_entry(void *arg)
{
    volatile char local[9000];

    for (size_t i = sizeof(local); i > 0; i--) /* as calls use a stack */
        local[i - 1] = (char)i;
    *(int *)arg = local[0];
}

/* A function that needs 9,000 bytes, however few were asked for. */
PROBE_CASE(deep)
{
    int seen = 0;
    struct coro one = coro_new("a", probe_deep_entry, &seen, 1024);

    coro_resume(&one);
    probe_expect(one.done && seen == 1, "FORGOTTEN TASK", "coroutine", 0, 1, 0);
}

/* --- 16.3 the first entry --------------------------------------------------
 */

static void probe_look_entry(void *arg)
{
    (void)arg;
}

PROBE_CASE(entry)
{
    static const size_t wanted[] = {1024, 16385, 16392, 100001};

    for (int i = 0; i < 4; i++) {
        struct coro one = coro_new("a", probe_look_entry, NULL, wanted[i]);

        coro_resume(&one);
        probe_expect(one.done, "FORGOTTEN TASK", "coroutine", 0, 1, 0);
        probe_expect(probe_rsp % 16 == 8 ||
                         (uintptr_t)(one.memory + one.memory_bytes) % 16 == 0,
                     "STACK NOT ALIGNED @16.2", "size", (long)one.memory_bytes,
                     (long)wanted[i], 0);
        probe_expect(probe_rsp % 16 == 8, "STACK NOT ALIGNED", "begin",
                     (long)(probe_rsp % 16), (long)wanted[i], (long)probe_rsp);
    }
}

/* --- 16.4 there and back ---------------------------------------------------
 */

static void probe_count_entry(void *arg)
{
    volatile int *count = arg;
    volatile long local[64];

    for (int i = 0; i < 64; i++)
        local[i] = i * (long)(uintptr_t)arg;
    for (int round = 0; round < 5; round++) {
        ++*count;
        coro_yield();
        for (int i = 0; i < 64; i++)
            probe_expect(local[i] == i * (long)(uintptr_t)arg, "WRONG STACK",
                         "locals", round + 1, 0, 0);
    }
}

/* Two in turn, also not in order; each goes on where it was. */
PROBE_CASE(back)
{
    static const int order[] = {0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0};
    int counts[2] = {0}, seen[2] = {0};
    struct coro coros[2];

    for (int i = 0; i < 2; i++)
        coros[i] = coro_new(i ? "b" : "a", probe_count_entry, &counts[i], 1024);
    for (int i = 0; i < 12; i++) {
        const int which = order[i];

        probe_expect(!coros[which].done, "ENDED EARLY", "coroutine", which,
                     seen[which], 0);
        probe_coro_resume(&coros[which]);
        seen[which]++;
        probe_expect(counts[which] == (seen[which] < 5 ? seen[which] : 5),
                     "WRONG STACK", "count", which, counts[which], seen[which]);
    }
    probe_expect(coros[0].done && coros[1].done, "FORGOTTEN TASK", "coroutine",
                 coros[0].done, 6, 0);
}

/* --- 16.5 turns ------------------------------------------------------------
 */

enum { PROBE_MOST = 6 };

static int probe_yields[PROBE_MOST];
static int probe_ended;

static void probe_turns_entry(void *arg)
{
    const int *yields = arg;

    for (int i = 0; i < *yields; i++)
        coro_yield();
    probe_ended++;
}

/* How often one was resumed between two resumes of another, which was not at
 * its end. */
static void probe_expect_turns(int count)
{
    for (int i = 0; i < count; i++) {
        int others[PROBE_MOST] = {0}, seen = 0;

        for (int k = 0; k < probe_resumes && seen <= probe_yields[i]; k++) {
            const int who = probe_order[k];

            if (who == i) {
                seen++;
                memset(others, 0, sizeof(others));
            } else if (who < count) {
                probe_expect(++others[who] <= 3, "STARVATION", "coroutine", i,
                             others[who], who);
            }
        }
    }
}

static void probe_run_turns(int count, const int *yields)
{
    struct coro coros[PROBE_MOST];
    char *memory[PROBE_MOST];
    size_t bytes[PROBE_MOST];

    probe_ended = 0;
    for (int i = 0; i < count; i++) {
        static const char *const names[] = {"a", "b", "c", "d", "e", "f"};

        probe_yields[i] = yields[i];
        coros[i] = coro_new(names[i], probe_turns_entry, &probe_yields[i], 1);
        memory[i] = coros[i].memory;
        bytes[i] = coros[i].memory_bytes;
    }
    run_all(coros, count);
    for (int i = 0; i < count; i++)
        probe_expect(coros[i].done, "FORGOTTEN TASK", "coroutine", i,
                     probe_coros[i].resumed, yields[i] + 1);
    probe_expect(probe_ended == count, "FORGOTTEN TASK", "ended", probe_ended,
                 count, 0);
    probe_expect_turns(count);
    for (int i = 0; i < count; i++)
        probe_expect(!probe_may_read(memory[i] + bytes[i] - 1),
                     "STACK LEFT BEHIND", "coroutine", i, (long)bytes[i] / 1024,
                     0);
}

PROBE_CASE(turns)
{
    const int yields[] = {7, 0, 20, 1, 20, 13};

    probe_run_turns(6, yields);
}

PROBE_CASE(alone)
{
    const int yields[] = {3};

    probe_run_turns(1, yields);
}
