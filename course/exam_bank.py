# SPDX-License-Identifier: MIT
"""The questions of the exam: for each, how its values are drawn from a seed,
and how its answer is computed from them. exam_texts/ has the sentences.

    draw(random) -> values   {name: number, text or list}
    answer(values) -> list   one thing for each part (a), (b), ...; or, where
                             the question asks for a series, the series

tests/course/test_exam.py computes each answer in another way: by the kernel,
by a compiled program, by a simulation, by the figures of the lessons.
"""
import collections
import textwrap

PIPE_PLACES = 16  # packets in a pipe, of any size
UINT32 = 1 << 32

Template = collections.namedtuple("Template",
                                  "name lesson draw answer series")
BANK = []


def template(lesson, draw, series=False):
    """The function below is the answer of the template of its name."""
    def keep(function):
        BANK.append(Template(function.__name__, lesson, draw, function,
                             series))
        return function
    return keep


def divide_up(a, b):
    return -(-a // b)


def calls(script):
    """A script as lines of calls: [["push", 4], ["pop"]] is push(4); pop();"""
    return "\n".join(textwrap.wrap(" ".join(
        f"{name}({', '.join(map(str, arguments))});"
        for name, *arguments in script), 64))


# --- 00 ground -----------------------------------------------------------


def draw_descriptor(random):
    opened = random.randint(4, 7)
    first, second = random.sample(range(3, 3 + opened), 2)
    return {"opened": opened, "first": first, "second": second, "again": 3}


@template("00", draw_descriptor, series=True)
def descriptor(values):
    """The lowest number that is free."""
    taken = set(range(3 + values["opened"]))
    taken -= {values["first"], values["second"]}
    given = []
    for _ in range(values["again"]):
        number = 0
        while number in taken:
            number += 1
        taken.add(number)
        given.append(number)
    return given


def draw_eagain(random):
    room = random.randint(5, 12)
    return {"bytes": room * random.randint(1, 2) + random.randint(1, room - 1),
            "room": room, "reads": 4, "closed": random.choice([0, 1])}


@template("00", draw_eagain, series=True)
def eagain(values):
    left, said = values["bytes"], []
    for _ in range(values["reads"]):
        taken = min(left, values["room"])
        left -= taken
        said.append(taken or (0 if values["closed"] else "-1 (EAGAIN)"))
    return said


def machine_code(values):
    cases = "".join(f"    case {state}: state = {values['to'][state]}; "
                    f"return {values['gives'][state]};\n"
                    for state in range(4))
    return ("int state = 0;\n\nint next(void)\n{\n    switch (state) {\n" +
            cases + "    }\n    return 0;\n}\n")


def draw_machine(random):
    values = {"to": [random.choice([other for other in range(4)
                                    if other != state])
                     for state in range(4)],
              "gives": random.sample(range(1, 10), 4),
              "count": random.randint(5, 8)}
    values["code"] = machine_code(values)
    return values


@template("00", draw_machine)
def machine(values):
    state, total = 0, 0
    for _ in range(values["count"]):
        total += values["gives"][state]
        state = values["to"][state]
    return [total, state]


# --- 01 to 04 ------------------------------------------------------------


def draw_short_writes(random):
    most = random.randint(5, 12)
    return {"most": most, "bytes": random.randint(2 * most + 1, 7 * most)}


@template("01", draw_short_writes)
def short_writes(values):
    polls = divide_up(values["bytes"], values["most"])
    return [polls, polls - 1]


def draw_sleep(random):
    nap = random.choice([150, 250, 350, 450])

    def delay():
        return random.choice([one for one in range(200, 1000, 50)
                              if one % nap])
    return {"nap": nap, "one": delay(), "two": delay()}


@template("02", draw_sleep)
def sleep(values):
    seen = divide_up(values["one"], values["nap"]) * values["nap"]
    last = seen + divide_up(values["two"], values["nap"]) * values["nap"]
    return [seen, last, last - values["one"] - values["two"]]


def draw_one_after_the_other(random):
    return {"gets": random.randint(3, 12)}


@template("03", draw_one_after_the_other)
def one_after_the_other(values):
    return [values["gets"] + 1, values["gets"], values["gets"]]


def draw_scan(random):
    return {"children": random.randint(5, 40)}


@template("04", draw_scan)
def scan(values):
    count = values["children"]
    return [count + count * (count + 1) // 2, 2 * count]


# --- 05, 06: executor, waker, reactor ------------------------------------


def draw_ready_queue(random):
    script, queued, popped = [], [], []
    for task in random.sample(range(4), 4)[:3]:
        script.append(["wake", task])
        queued.append(task)
    while len(popped) < 5:
        idle = [task for task in range(4) if task not in queued]
        if queued and (not idle or random.random() < .55):
            popped.append(queued.pop(0))
            script.append(["pop"])
        else:
            queued.append(random.choice(idle))
            script.append(["wake", queued[-1]])
    return {"script": script, "calls": calls(script)}


@template("05", draw_ready_queue, series=True)
def ready_queue(values):
    """First in, first out."""
    queue, popped = [], []
    for name, *task in values["script"]:
        if name == "wake":
            queue += task
        else:
            popped.append(queue.pop(0))
    return popped


def draw_permit(random):
    script, permit, asleep, parks = [], False, False, 0
    while parks < 5 or asleep:
        if asleep or random.random() < .45:
            script.append(["unpark"])
            permit, asleep = not asleep, False
        else:
            script.append(["park"])
            parks += 1
            asleep, permit = not permit, False
    return {"script": script, "calls": calls(script)}


@template("05", draw_permit, series=True)
def permit(values):
    """The numbers of the calls of park() that sleep."""
    there, asleep, number, slept = False, False, 0, []
    for name, in values["script"]:
        if name == "unpark":
            there, asleep = not asleep, False
        else:
            number += 1
            if not there:
                asleep = True
                slept.append(number)
            there = False
    return slept or [0]


def draw_edge(random):
    room = random.randint(100, 300)
    return {"room": room, "bytes": room * random.randint(3, 6) +
            random.randint(1, room - 1)}


@template("06", draw_edge)
def edge(values):
    return [divide_up(values["bytes"], values["room"]), 1,
            values["bytes"] - values["room"]]


# --- 07, 08 --------------------------------------------------------------


def draw_reads(random):
    room = random.choice([4, 8, 16])
    return {"room": room, "parts": [random.randint(room, 6 * room)
                                    for _ in range(3)]}


@template("07", draw_reads)
def reads(values):
    useful = sum(divide_up(part, values["room"]) for part in values["parts"])
    return [useful + len(values["parts"]), useful]


def draw_bucket(random):
    bucket, drained = random.randint(20, 64), random.randint(4, 16)
    return {"bucket": bucket, "drained": drained, "total": bucket + drained *
            random.randint(3, 8) + random.randint(1, drained)}


@template("07", draw_bucket)
def bucket(values):
    more = divide_up(values["total"] - values["bucket"], values["drained"])
    return [1 + more, more]


def draw_executors(random):
    executors = random.randint(2, 6)
    return {"executors": executors, "work": random.choice([10, 15, 20, 25]),
            "visits": executors * random.randint(4, 9) +
            random.randint(1, executors - 1)}


@template("08", draw_executors)
def executors(values):
    most = divide_up(values["visits"], values["executors"])
    return [values["visits"] * values["work"], most * values["work"]]


# --- 09, 10: time and disk -----------------------------------------------


def draw_deadlines(random):
    times = random.sample(range(10, 100, 10), random.randint(3, 5))
    count = random.randint(8, 11)
    deadlines = times + [random.choice(times)
                         for _ in range(count - len(times))]
    random.shuffle(deadlines)
    return {"deadlines": deadlines}


@template("09", draw_deadlines)
def deadlines(values):
    return [len(set(values["deadlines"])), len(values["deadlines"]),
            min(values["deadlines"])]


def draw_drift(random):
    return {"period": random.choice([10, 20, 25, 50]),
            "late": random.randint(1, 4), "ticks": random.randint(20, 120)}


@template("09", draw_drift)
def drift(values):
    right = values["ticks"] * values["period"]
    return [right + values["ticks"] * values["late"], right + values["late"]]


def draw_timeout(random):
    limit = random.randrange(200, 500, 50)
    return {"limit": limit, "gets": random.sample(
        [one for one in range(50, 900, 10) if one != limit], 5)}


@template("09", draw_timeout)
def timeout(values):
    limit = values["limit"]
    return [sum(one > limit for one in values["gets"]),
            sum(min(one, limit) for one in values["gets"])]


def draw_pool(random):
    threads = random.randint(3, 8)
    return {"threads": threads, "ms": random.randint(3, 9),
            "jobs": threads * random.randint(5, 12) +
            random.randint(1, threads - 1)}


@template("10", draw_pool)
def pool(values):
    rounds = divide_up(values["jobs"], values["threads"])
    return [values["jobs"] * values["ms"], rounds * values["ms"],
            (rounds - 1) * values["ms"]]


# --- 11, 12: pipes, a bare thread ----------------------------------------


def draw_packets(random):
    room = random.randint(10, 20)
    sizes = [random.randint(3, room), random.randint(room + 1, 2 * room),
             random.randint(3, room)]
    random.shuffle(sizes)
    return {"room": room, "sizes": sizes}


@template("11", draw_packets)
def packets(values):
    return [min(size, values["room"]) for size in values["sizes"]] + [
        sum(max(size - values["room"], 0) for size in values["sizes"])]


def draw_stream(random):
    room = random.randint(10, 20)
    sizes = [random.randint(5, 2 * room) for _ in range(3)]
    sizes[0] += max(0, room + 1 - sum(sizes))
    return {"room": room, "sizes": sizes, "reads": 3}


@template("11", draw_stream, series=True)
def stream(values):
    left, said = sum(values["sizes"]), []
    for _ in range(values["reads"]):
        said.append(min(left, values["room"]) or "-1 (EAGAIN)")
        left -= min(left, values["room"])
    return said


def draw_places(random):
    written = random.randint(7, PIPE_PLACES)
    return {"size": random.choice([8, 16, 24, 48]), "written": written,
            "read": random.randint(2, written - 1)}


@template("11", draw_places)
def places(values):
    return [PIPE_PLACES - values["written"] + values["read"]]


def draw_sixteen(random):
    return {"end": "0x7f%04x%02x0" % (random.randrange(1 << 16),
                                      random.randrange(1 << 8)),
            "size": random.choice([16, 24, 32, 40, 48, 56])}


@template("12", draw_sixteen)
def sixteen(values):
    padding = (8 - values["size"]) % 16
    return [padding, hex(int(values["end"], 16) - padding - values["size"])]


# --- 13, 14, 15: the ring, the CPU pool, a pipeline ----------------------


def draw_counters(random):
    entries = random.choice([8, 16, 32, 64])
    head = UINT32 - random.randint(1, 5)
    return {"entries": entries, "head": head,
            "tail": (head + random.randint(6, entries - 1)) % UINT32}


@template("13", draw_counters)
def counters(values):
    used = (values["tail"] - values["head"]) % UINT32
    return [used, values["entries"] - used,
            values["tail"] % values["entries"]]


def draw_generations(random):
    table = [random.randint(1, 4) for _ in range(4)]
    completions = [[slot, table[slot]] for slot in
                   random.sample(range(4), 3)]
    completions += [[slot, random.randrange(table[slot])]
                    for slot in random.sample(range(4), 2)]
    random.shuffle(completions)
    return {"table": ", ".join(f"{slot}: {one}"
                               for slot, one in enumerate(table)),
            "generations": table, "completions": completions,
            "list": ", ".join(f"({slot}, {generation})"
                              for slot, generation in completions)}


@template("13", draw_generations, series=True)
def generations(values):
    """The numbers of the completions that a future still waits for."""
    return [number for number, (slot, generation) in
            enumerate(values["completions"], 1)
            if generation == values["generations"][slot]]


def draw_back_pressure(random):
    workers = random.randint(2, 12)
    return {"workers": workers, "jobs": workers + PIPE_PLACES +
            random.randint(5, 90)}


@template("14", draw_back_pressure)
def back_pressure(values):
    accepted = values["workers"] + PIPE_PLACES
    return [PIPE_PLACES, values["jobs"] - accepted, accepted + 1]


def draw_side_by_side(random):
    read, hashed = random.sample(range(2, 12), 2)
    return {"read": read, "hash": hashed, "blocks": random.randint(6, 20)}


@template("15", draw_side_by_side)
def side_by_side(values):
    read, hashed, blocks = values["read"], values["hash"], values["blocks"]
    return [blocks * (read + hashed),
            read + (blocks - 1) * max(read, hashed) + hashed]


# --- 16, 17, 18: stacks, steals, channels --------------------------------


def draw_switches(random):
    return {"numbers": [random.randint(3, 9)
                        for _ in range(random.randint(2, 4))]}


@template("16", draw_switches)
def switches(values):
    resumes = sum(count + 1 for count in values["numbers"])
    return [resumes, 2 * resumes]


def draw_in_turn(random):
    numbers = random.sample(range(1, 30), 9)
    cut, end = random.randint(1, 3), random.randint(5, 7)
    return {"lists": [numbers[:cut], numbers[cut:end], numbers[end:]]}


@template("16", draw_in_turn, series=True)
def in_turn(values):
    rounds = max(map(len, values["lists"]))
    return [one[place] for place in range(rounds) for one in values["lists"]
            if place < len(one)]


def draw_fork_join(random):
    return {"n": random.randint(5, 14)}


@template("17", draw_fork_join)
def fork_join(values):
    """fib(n) has 2 fib(n + 1) - 1 calls, and every task but a leaf forks."""
    before, now = 0, 1
    for _ in range(values["n"]):
        before, now = now, before + now
    tasks = 2 * now - 1
    forks = (tasks - 1) // 2
    return [tasks, forks, tasks + forks]


def draw_deque(random):
    script, held, taken = [], 0, 0
    for number in random.sample(range(10, 99), 9):
        if held < 3 or random.random() < .6:
            script.append(["push", number])
            held += 1
        else:
            script.append([random.choice(["pop", "steal"])])
            held -= 1
            taken += 1
    while taken < 4:
        script.append([random.choice(["pop", "steal"])])
        taken += 1
    return {"script": script, "calls": calls(script)}


@template("17", draw_deque, series=True)
def deque(values):
    """An array with two indices: the owner at the bottom, thieves on top."""
    slots, top, bottom, results = {}, 0, 0, []
    for name, *task in values["script"]:
        if name == "push":
            slots[bottom] = task[0]
            bottom += 1
        elif top == bottom:
            results.append("-")
        elif name == "pop":
            bottom -= 1
            results.append(slots[bottom])
        else:
            results.append(slots[top])
            top += 1
    return results


def draw_slots(random):
    capacity = random.randint(3, 8)
    pops = random.randint(5, 40)
    return {"capacity": capacity, "pops": pops,
            "pushes": pops + random.randint(1, capacity - 1)}


@template("18", draw_slots)
def slots(values):
    capacity = values["capacity"]
    return [values["pushes"] % capacity, values["pops"] % capacity,
            capacity - (values["pushes"] - values["pops"])]


def draw_channel(random):
    capacity = random.randint(2, 6)
    return {"capacity": capacity, "values": capacity * random.randint(2, 6) +
            random.randint(1, capacity)}


@template("18", draw_channel)
def channel(values):
    return [divide_up(values["values"], values["capacity"]) - 1,
            values["values"]]
