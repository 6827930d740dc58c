// --- state: what everything is doing at each step (state.py, the same) -----
const EXECUTORS = ["executor", "worker"];
const RUNNING = ["job-start", "block", "sleep", "thread-end", "end"];
const SLEEPERS = ["reactor", "bell", "pool", "ring", "worker"];
const ENDS_SLEEP = {"awake": "park", "epoll-done": "epoll_wait"};
const COUNTED = {};
for (const [name, figure] of Object.entries(WORDS.figure))
  for (const kind of figure.kinds) (COUNTED[kind] ||= []).push(name);

// The events of a packed trace (pack.py).
function unpack({kinds, rows}) {
  const lines = {};
  let us = 0, thread = 0;
  return rows.split(" ").map(row => {
    const f = row.split(",").map(text => text ? parseInt(text, 36) : NaN);
    const or = (k, none) => f[k] >= 0 || f[k] < 0 ? f[k] : none;
    const kind = kinds[f[2]];
    us += f[0];
    thread = or(1, thread);
    lines[kind] = or(6, lines[kind] || 0);
    return [us * 1000, thread, kind, or(3, 0) - 1, or(4, 0) - 1, or(5, 0), lines[kind], or(7, 1)];
  });
}
const readEvents = trace => (trace.events || unpack(trace.packed)).map(f => ({
  ns: f[0], thread: f[1], kind: f[2], task: f[3] ?? -1, source: f[4] ?? -1,
  value: f[5] ?? 0, line: f[6] ?? 0, times: Math.max(1, f[7] ?? 1)}));

// Frames and stack pointers have the number of a stack where others have a task.
const taskOf = e => e.kind === "frame" || e.kind === "stack" ? -1 : e.task;

const remove = (list, value) => {
  const at = list.indexOf(value);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
};

// The call in which a thread slept before its first event, or "".
function firstSleep(thread, events) {
  const first = events.find(e => e.thread === thread.id);
  if (first && ENDS_SLEEP[first.kind]) return ENDS_SLEEP[first.kind];
  if (first && ["thread-start", "epoll-wait", "park"].includes(first.kind))
    return "";
  if (thread.role === "reactor" || thread.role === "bell") return "epoll_wait";
  return SLEEPERS.includes(thread.role) ? "wait" : "";
}

class Machine {
  constructor(trace, events) {
    this.trace = trace;
    this.roles = {};
    const s = this.state = {threads: {}, tasks: {}, queues: {}, wakers: {},
      epoll: {}, jobs: {}, ring: {}, channels: {},
      levels: {}, stacks: {}, pointer: {}, figures: {}};
    for (const t of trace.threads) {
      this.roles[t.id] = t.role;
      const sleeps = firstSleep(t, events);
      const first = events.find(e => e.thread === t.id);
      let does = sleeps ? "asleep" : "runs";
      // A bare thread says nothing when it starts; the first one is there.
      const later = !sleeps && events.length && events[0].thread !== t.id &&
        t.role === "other";
      if (first && first.kind === "thread-start" || later ||
          !sleeps && SLEEPERS.includes(t.role)) does = "none";
      s.threads[t.id] = {does, in: sleeps, task: -1, permit: false, polls: []};
      if (EXECUTORS.includes(t.role)) s.queues[t.id] = [];
    }
    // After these a pool thread has nothing to do, and waits for a job.
    this.rests = new Set();
    const later = {};
    for (const e of [...events].reverse())
      if (this.roles[e.thread] === "pool") {
        if ((later[e.thread] || "job-start") === "job-start") this.rests.add(e);
        later[e.thread] = e.kind;
      }
    const used = new Set(events.map(e => e.kind));
    this.epoll = used.has("register");
    // Somebody has found no room to send: how much is sent is of interest.
    this.partial = events.some(e => e.kind === "would-block" && e.value === 1);
    // Source 0 ends the reactor; without one it is a source like others.
    this.stop = trace.threads.some(t => ["reactor", "bell"].includes(t.role));
    this.wakes = used.has("wake") || used.has("set-waker");
    for (const kind in COUNTED)
      if (used.has(kind)) for (const name of COUNTED[kind]) s.figures[name] = 0;
  }

  // A thread of the state; 0 is nobody's and is not kept.
  thread(id) {
    const fresh = {does: "runs", in: "", task: -1, permit: false, polls: []};
    return id ? this.state.threads[id] ||= fresh : fresh;
  }
  task(id) {
    return this.state.tasks[id] ||= {does: "new", on: 0, polled: false};
  }
  queue(id) { return this.state.queues[id] ||= []; }
  channel(id) { return this.state.channels[id] ||= {held: 0, waits: []}; }
  queued(task) {
    return Object.values(this.state.queues).some(q => q.includes(task));
  }
  executor(id) { return EXECUTORS.includes(this.roles[id]); }

  // The thread whose ready queue a push goes to.
  queueOf(e) {
    if (this.executor(e.value)) return e.value;
    const on = (this.state.tasks[e.task] || {}).on;
    if (on) return on;
    return this.executor(e.thread) ? e.thread : this.firstExecutor(e);
  }
  firstExecutor(e) {
    const first = Object.keys(this.roles).find(id => this.executor(id));
    return first === undefined ? e.thread : Number(first);
  }
  // The thread that an unpark is for; a trace may leave it out.
  unparked(e) { return e.value || this.firstExecutor(e); }
  // The task that a thread polls or runs, or -1.
  current(id) {
    const tasks = this.thread(id).polls.filter(task => task >= 0);
    return tasks.length ? tasks[tasks.length - 1] : -1;
  }

  step(e) {
    const t = this.thread(e.thread);
    if (e.kind !== "answer") {
      t.in = "";
      if (t.polls.length)
        Object.assign(t, {does: "polls", task: this.current(e.thread)});
      else if (t.does !== "takes" && t.does !== "job")
        Object.assign(t, {does: "runs", task: -1});
    }
    if (Object.hasOwn(STEPS, e.kind)) STEPS[e.kind](this, e, t);
    if (this.rests.has(e) && !RUNNING.includes(e.kind)) this.sleep(t, "wait");
    for (const name of COUNTED[e.kind] || [])
      this.state.figures[name] = (this.state.figures[name] || 0) + e.times;
    return this.state;
  }
  // The task whose poll ends with this event, or -1 for a leaf.
  returned(e, t) {
    const task = t.polls.length ? t.polls.pop() : e.task;
    t.does = t.polls.length ? "polls" : "runs";
    t.task = this.current(e.thread);
    return t.polls.includes(task) ? -1 : task;
  }
  sleep(t, call) { Object.assign(t, {does: "asleep", in: call, task: -1}); }
  data(e, data) {
    const entry = this.state.epoll[e.source];
    if (entry) entry.data = data;
  }
  arrived(e) { remove(this.channel(e.source).waits, e.task); }
  poll(e, t) {
    t.polls.push(e.task);
    if (e.task >= 0)
      Object.assign(this.task(e.task),
                    {does: "running", on: e.thread, polled: true});
    Object.assign(t, {does: "polls", task: this.current(e.thread)});
  }
}

const ended = (m, e, t) => Object.assign(t, {does: "ended", task: -1});
const waits = (m, e, t) => {
  const task = m.returned(e, t);
  if (task >= 0) m.task(task).does = m.queued(task) ? "ready" : "waiting";
};
const took = (m, e, t) => { t.permit = false; };
const STEPS = {
  "thread-end": ended,
  "end": m => {
    for (const thread of Object.values(m.state.threads)) ended(m, null, thread);
  },
  "spawn": (m, e) => {
    const task = m.task(e.task);
    if (m.executor(e.thread)) task.on = e.thread;
  },
  "push": (m, e) => {
    const owner = m.queueOf(e), task = m.task(e.task);
    m.queue(owner).push(e.task);
    task.on = owner;
    if (task.does !== "running") task.does = "ready";
  },
  "pop": (m, e, t) => {
    for (const q of [m.queue(e.thread), ...Object.values(m.state.queues)])
      if (remove(q, e.task)) break;
    m.task(e.task).on = e.thread;
    Object.assign(t, {does: "takes", task: e.task});
  },
  "poll": (m, e, t) => m.poll(e, t),
  "pending": waits,
  "await-poll": (m, e, t) => m.poll(e, t),
  "await-pending": waits,
  "await-ready": waits,
  "ready": (m, e, t) => {
    const task = m.returned(e, t);
    if (task >= 0) m.task(task).does = "done";
  },
  "drop": (m, e) => {
    if (e.task >= 0 && m.task(e.task).does !== "done")
      m.task(e.task).does = "dropped";
  },
  "unpark": (m, e) => { m.thread(m.unparked(e)).permit = true; },
  "park": (m, e, t) => { // who sleeps has found no permit
    m.sleep(t, "park");
    t.permit = false;
  },
  "permit": took,
  "awake": took,
  "epoll-wait": (m, e, t) => m.sleep(t, "epoll_wait"),
  // The checker's delay is no call of the program's.
  "sleep": (m, e, t) => m.sleep(t, e.source === 0 ? "wait" : "sleep"),
  "block": (m, e, t) => { t.does = "blocked"; },
  "connect": (m, e) => { // without epoll: the sockets themselves
    if (!m.epoll && e.source >= 0) m.state.epoll[e.source] = {fd: e.value, data: "no"};
  },
  "register": (m, e) => { m.state.epoll[e.source] = {fd: e.value, data: "no"}; },
  "deregister": (m, e) => {
    delete m.state.epoll[e.source];
    delete m.state.wakers[e.source];
  },
  "set-waker": (m, e) => { m.state.wakers[e.source] = e.task; },
  "answer": (m, e) => m.data(e, "arrived"),
  "event": (m, e) => { // EPOLLOUT alone: room, and no data
    if ((e.value & 5) !== 4) m.data(e, "told");
  },
  "would-block": (m, e) => { if (e.value !== 1) m.data(e, "no"); },
  "recv": (m, e) => { if (e.value === 0) m.data(e, "no"); },
  "job-queued": (m, e) => { m.state.jobs[e.source] = "queued"; },
  "job-start": (m, e, t) => {
    m.state.jobs[e.source] = "running";
    Object.assign(t, {does: "job", task: e.source});
  },
  "job-done": (m, e, t) => {
    m.state.jobs[e.source] = "done";
    if (t.does === "job") Object.assign(t, {does: "runs", task: -1});
  },
  "submit": (m, e) => { m.state.ring[e.source] = "submitted"; },
  "complete": (m, e) => { m.state.ring[e.source] = "complete"; },
  "steal": (m, e) => {
    remove(m.state.queues[e.value] || [], e.task);
    m.queue(e.thread).push(e.task);
    m.task(e.task).on = e.thread;
  },
  "switch": (m, e, t) => {
    for (const task of t.polls)
      if (task >= 0 && m.task(task).does === "running")
        m.task(task).does = m.queued(task) ? "ready" : "waiting";
    t.polls = [];
    Object.assign(t, {does: "runs", task: -1});
    if (e.task >= 0) m.poll(e, t);
  },
  "chan-send": (m, e) => {
    m.channel(e.source).held += e.times;
    m.arrived(e);
  },
  "chan-recv": (m, e) => {
    const channel = m.channel(e.source);
    channel.held = Math.max(0, channel.held - e.times);
    m.arrived(e);
  },
  "chan-wait": (m, e) => {
    const waits = m.channel(e.source).waits;
    if (!waits.includes(e.task)) waits.push(e.task);
  },
  "level": (m, e) => { m.state.levels[e.source] = e.value; },
  "frame": (m, e) => {
    const frames = m.state.stacks[e.task] ||= [];
    const {list} = (m.trace.stacks || {})[e.task] || {};
    if (e.source >= 0) frames.push([e.source, e.value]);
    else if (list) frames.shift(); // the oldest
    else frames.pop();
  },
  "stack": (m, e) => {
    m.state.stacks[e.task] ||= [];
    m.state.pointer[e.thread] = e.task;
  },
};

// A trace, and its state after any step, from a copy kept every 128 steps.
class Run {
  constructor(trace) {
    this.trace = trace;
    this.events = readEvents(trace);
    this.last = this.events.length - 1;
    this.endNs = Math.max(trace.end_ns || 0,
                          this.events.length ? this.events[this.last].ns : 0);
    this.threads = Object.fromEntries(trace.threads.map(t => [t.id, t]));
    this.epoll = this.events.some(e => e.kind === "register");
    this.bare = this.events.every(e => ["thread-start", "thread-end", "end"].includes(e.kind));
    this.wakes = this.events.some(e => e.kind === "wake");
    this.switches = this.events.some(e => e.kind === "switch");
    this.kept = [];
    this.machine = new Machine(trace, this.events);
    this.done = 0;
    this.keep();
  }
  keep() {
    if (this.done % 128 === 0)
      this.kept[this.done / 128] ||= JSON.stringify(this.machine.state);
  }
  // The machine when `count` events have happened.
  after(count) {
    count = Math.max(0, Math.min(count, this.events.length));
    if (count < this.done || count - this.done > 256) {
      let at = Math.floor(count / 128);
      while (!this.kept[at]) at--;
      if (count < this.done || at * 128 > this.done) {
        this.machine.state = JSON.parse(this.kept[at]);
        this.done = at * 128;
      }
    }
    while (this.done < count) {
      this.machine.step(this.events[this.done++]);
      this.keep();
    }
    return this.machine;
  }
}
