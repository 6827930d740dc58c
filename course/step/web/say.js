// --- say: a sentence for each step, the state in a line (sentences.py) -----
const byNumber = table =>
  Object.entries(table).sort((a, b) => Number(a[0]) - Number(b[0]));

function who(run, id) {
  const thread = run.threads[id];
  if (!thread) return word("role", "other") + " " + id;
  const role = WORDS.role[thread.role] ? thread.role : "other";
  const alone = run.trace.threads.filter(t => t.role === thread.role).length === 1;
  const text = word("role", role);
  return role !== "other" && alone ? text : text + " " + thread.name;
}
const nameOf = (run, table, id) => (run.trace[table] || {})[id] || "";
const threadName = (run, id) => run.threads[id] ? run.threads[id].name : id;
const inBrackets = name => name ? ` (${name})` : "";

function keeper(run) { // the thread that keeps the wakers
  const found = Object.values(run.threads).find(t => ["reactor", "bell"].includes(t.role));
  return found ? who(run, found.id) : word("role", "reactor");
}

// What a lesson says of its bars, stacks, frames, and its own sentences.
const tableOf = (trace, table, id) => (trace[table] || {})[id] || {};
const pairOf = (trace, table, id) => tableOf(trace, table, id)[lang] || String(id);

// ["rsp", or "rsp of main"]: the stack pointers in this stack.
const pointers = (run, s, id) => byNumber(s.pointer).filter(([, at]) => at === Number(id))
  .map(([thread]) => Object.keys(s.pointer).length === 1 ? "rsp"
    : ui("rsp_of", {name: threadName(run, thread)}));

// The key of the sentence of an event; m is the machine before it.
function variant(e, m) {
  const s = m.state, t = m.thread(e.thread);
  const queue = s.queues[e.thread] || [], polls = t.polls;
  switch (e.kind) {
  case "push": {
    const owner = m.queueOf(e), other = m.thread(owner);
    if (owner !== e.thread && other.in === "park" && !other.permit)
      return "push.asleep";
    break;
  }
  case "pop":
    if (queue.length && queue[0] !== e.task && queue.includes(e.task))
      return "pop.lifo";
    break;
  case "poll":
    if (e.task < 0 || polls.includes(e.task)) return "poll.leaf";
    if (!(s.tasks[e.task] || {}).polled) return "poll.first";
    break;
  case "ready":
  case "pending": {
    const top = polls[polls.length - 1];
    if (polls.length && (top < 0 || polls.slice(0, -1).includes(top)))
      return e.kind + ".leaf";
    if (e.kind === "pending" && m.queued(e.task)) return "pending.queued";
    if (e.kind === "pending" && !m.wakes) return "pending.busy";
    break;
  }
  case "sleep": if (e.source === 0) return "sleep.delay"; break;
  case "unpark":
    if (m.thread(m.unparked(e)).in === "park") return "unpark.asleep";
    break;
  case "awake": if (e.value < 0) return "awake.time"; break;
  case "job-done": if (m.roles[e.thread] !== "pool") return "job-done.seen"; break;
  case "permit": if (!t.permit) return "permit.none"; break;
  case "park": if (queue.length) return "park.queued"; break;
  case "register": if (e.source === 0 && m.stop) return "register.stop"; break;
  case "epoll-done": if (e.value === 0) return "epoll-done.none"; break;
  case "send": if (m.partial) return "send.bytes"; break;
  case "event":
    if ((e.value & 5) === 4) return "event.room";
    if (e.source in s.wakers) return "event.waker";
    if (e.source === 0 && m.stop) return "event.stop";
    if (m.roles[e.thread] === "reactor") return "event.none";
    break;
  case "would-block":
    if (e.value === 1) return "would-block.write";
    if (e.source < 0) return "would-block.nowhere"; break;
  case "recv": if (e.value === 0) return "recv.end"; break;
  case "switch": if (e.task < 0) return "switch.back"; break;
  case "level": if (!("most" in tableOf(m.trace, "bars", e.source))) return "level.count"; break;
  case "frame":
    if (tableOf(m.trace, "stacks", e.task).list)
      return e.source < 0 ? "frame.out" : "frame.in";
    if (e.source < 0) return "frame.pop"; break;
  }
  return Object.hasOwn(WORDS.say, e.kind) ? e.kind : "unknown";
}

// What a lesson itself says of a bar that gets longer, or shorter by its owner
// or by another thread; or "".
function levelText(run, e, m) {
  const bar = e.kind === "level" ? tableOf(run.trace, "bars", e.source) : {};
  if (!bar.owner) return "";
  const key = e.value > (m.state.levels[e.source] || 0) ? "more"
    : threadName(run, e.thread) === bar.owner ? "less" : "taken";
  return pair(bar[key]) || "";
}

function say(run, e, m) {
  const thread = who(run, e.thread), current = m.current(e.thread);
  const actor = current >= 0 ? word("role", "task", {task: current}) : thread;
  const target = e.kind === "push" ? m.queueOf(e)
    : e.kind === "unpark" ? m.unparked(e) : e.value;
  const queue = m.state.queues[e.thread] || [];
  const text = e.kind === "log" ? (run.trace.logs || [])[e.value] || "" : e.kind;
  const template = e.kind === "note" ? pairOf(run.trace, "notes", e.source)
    : levelText(run, e, m) || WORDS.say[variant(e, m)][lang];
  const sentence = fill(template, {
    lang, who: thread, Who: capital(thread), actor, Actor: capital(actor),
    task: e.task, source: e.source, value: number(e.value),
    target: who(run, target), name: threadName(run, target),
    queue: queue.length ? queue[0] : "",
    owner: m.state.wakers[e.source] ?? "", keeper: keeper(run), text,
    bar: pairOf(run.trace, "bars", e.source), Bar: capital(pairOf(run.trace, "bars", e.source)),
    Stack: capital(pairOf(run.trace, "stacks", e.task)),
    most: number(tableOf(run.trace, "bars", e.source).most || 0),
    stack: pairOf(run.trace, "stacks", e.task), frame: pairOf(run.trace, "frames", e.source),
    tname: inBrackets(nameOf(run, "tasks", e.task)),
    sname: inBrackets(nameOf(run, "sources", e.source)),
  });
  return e.times > 1 ? `${sentence} ×\u00a0${number(e.times)}` : sentence;
}

function does(run, t) {
  if (t.does === "asleep" && t.in === "wait") return ui("asleep");
  const key = t.does !== "polls" ? t.does
    : t.task < 0 ? "runs" : run.switches ? "task" : "polls";
  return fill(WORDS.does[key][lang], {task: t.task, in: t.in});
}

function stateLine(run, s) {
  const parts = [], many = Object.keys(s.queues).length > 1;
  const part = (title, text) =>
    parts.push(title + colon() + text);
  for (const [id, t] of byNumber(s.threads))
    part(threadName(run, id), does(run, t) + (t.permit ? ` (${ui("permit")})` : ""));
  for (const [id, queue] of byNumber(s.queues))
    if (queue.length || !many)
      part((many ? ui("queue_of", {name: threadName(run, id)})
                 : ui("ready_queue")).toLowerCase(), queue.join(" ") || ui("empty"));
  const tasks = new Map();
  for (const [id, task] of byNumber(s.tasks)) {
    if (!tasks.has(task.does)) tasks.set(task.does, []);
    tasks.get(task.does).push(id);
  }
  if (tasks.size)
    part(ui("tasks").toLowerCase(), [...tasks].map(([what, ids]) =>
      word("task", what) + " " + (ids.length <= 8 ? ids.join(" ") : `× ${ids.length}`)).join(", "));
  if (Object.keys(s.wakers).length)
    part(ui("wakers").toLowerCase(),
         byNumber(s.wakers).map(([id, task]) => `${id}→${task}`).join(", "));
  if (Object.keys(s.epoll).length)
    part(run.epoll ? "epoll" : ui("sockets"), byNumber(s.epoll).map(([id, entry]) =>
      id + (entry.data === "no" ? "" : ` (${ui("data")})`)).join(", "));
  for (const [id, value] of byNumber(s.levels)) {
    const most = tableOf(run.trace, "bars", id).most;
    part(pairOf(run.trace, "bars", id), number(value) + (most ? ` / ${number(most)}` : ""));
  }
  for (const [id, frames] of byNumber(s.stacks))
    part(pairOf(run.trace, "stacks", id), (frames.map(([frame]) => pairOf(run.trace, "frames", frame))
      .join(" | ") || ui("empty")) + pointers(run, s, id).map(text => ` ← ${text}`).join(""));
  return parts.join(lang === "fr" ? "\u202f; " : "; ");
}

function sentences(run) {
  const machine = new Machine(run.trace, run.events);
  return run.events.map(e => {
    const text = say(run, e, machine);
    machine.step(e);
    return text;
  });
}
