// --- lanes: who did what, on an axis of time or with a column a step --------
const THREAD_LOOK = {runs: "run", polls: "run", takes: "run", job: "run",
                     asleep: "sleep", blocked: "block"};
const TASK_LOOK = {new: "new", ready: "ready", running: "run", waiting: "wait"};
const ROLE_ORDER = ["loop", "executor", "worker", "other", "reactor", "bell", "ring",
                    "pool"];

// For each step: it repeats, and so does a sleep beside it. Polls that wait for
// a wake in between are no busy polling, however often they come.
function sleepsInFold(events) {
  const sleeps = [];
  for (let i = 0, end; i < events.length; i = Math.max(end, i + 1)) {
    for (end = i; end < events.length && events[end].times > 1;) end++;
    const any = events.slice(i, end).some(e => e.kind === "park");
    for (let k = i; k < end; k++) sleeps[k] = any;
  }
  return sleeps;
}

// The lanes of a run and their segments: [first step, after step, look, call].
function laneTable(run) {
  const threads = run.trace.threads.slice().sort((a, b) =>
    ROLE_ORDER.indexOf(a.role) - ROLE_ORDER.indexOf(b.role) || a.id - b.id);
  const lanes = threads.map(t => ({thread: t.id, segments: []}));
  const ofThread = Object.fromEntries(lanes.map(l => [l.thread, l]));
  const ofTask = {}, tasks = [];
  const machine = new Machine(run.trace, run.events);
  let busy = -1;
  const sleeps = sleepsInFold(run.events);
  const change = (lane, step, look, call) => {
    if (lane.task !== undefined && lane.task === busy) look = "busy";
    const last = lane.segments[lane.segments.length - 1];
    if (last && last[2] === look && last[3] === call) return;
    if (last) last[1] = step;
    lane.segments.push([step, -1, look, call]);
  };
  // Only what an event touches can have changed: its tasks, all threads.
  const lookAt = (step, touched) => {
    const s = machine.state;
    for (const id in s.threads)
      if (ofThread[id])
        change(ofThread[id], step, THREAD_LOOK[s.threads[id].does] || "", s.threads[id].in);
    for (const id of touched) {
      if (!s.tasks[id]) continue;
      if (!ofTask[id]) tasks.push(ofTask[id] = {task: Number(id), segments: []});
      change(ofTask[id], step, TASK_LOOK[s.tasks[id].does] || "");
    }
  };
  lookAt(-1, []);
  run.events.forEach((e, i) => {
    if (e.times > 1 && !sleeps[i]) {
      if (e.kind === "poll" || e.kind === "pending") busy = e.task;
    } else if (e.kind !== "answer") busy = -1;
    const touched = new Set([e.task, ...machine.thread(e.thread).polls]);
    machine.step(e);
    lookAt(i, touched);
  });
  tasks.sort((a, b) => a.task - b.task);
  const all = lanes.concat(tasks);
  for (const lane of all) {
    const last = lane.segments[lane.segments.length - 1];
    if (last) last[1] = run.events.length;
  }
  return all;
}

// Where each step stands, for a width in pixels; a folded step is wider.
// columns: for each column how many events it folds; at: the column of a step.
function stepAxis(run, width, columns, at, tail) {
  const sizes = columns.map(times => 1 + Math.log10(times));
  const sum = sizes.reduce((a, b) => a + b, 0) + tail + .5;
  const unit = Math.max(Math.min(width / sum, 80), Math.min(5, 30000 / sum));
  const left = [unit / 2];
  for (const size of sizes) left.push(left[left.length - 1] + size * unit);
  const end = left[left.length - 1] + tail * unit;
  return {x: i => i < 0 ? 0 : i > run.last ? end : left[at[i]], end,
          size: i => left[at[i] + 1] - left[at[i]],
          middle: i => (left[at[i]] + left[at[i] + 1]) / 2,
          column: p => (left[p] + left[p + 1]) / 2, columns: columns.length,
          width: Math.max(width, Math.ceil(sum * unit))};
}

function timeAxis(run, width, endNs) {
  const total = Math.max(1, endNs) * 1.01;
  const end = run.endNs / total * width;
  const x = i => i < 0 ? 0 : i > run.last ? end : run.events[i].ns / total * width;
  return {x, end, size: () => 2, middle: x, width, total};
}

function niceStep(span, pieces) {
  const raw = Math.max(span / pieces, 1e-9);
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].find(m => m * power >= raw) * power;
}

class Lanes {
  constructor(run, box) {
    this.run = run;
    this.box = box;
    this.table = laneTable(run);
    this.machine = new Machine(run.trace, run.events);
    this.box.innerHTML = `<h3 hidden></h3><div class="names" aria-hidden="true"></div>` +
      `<div class="scroll"><svg class="drawn" role="img"></svg>` +
      `<svg class="now" aria-hidden="true"></svg></div>`;
    [this.title, this.names, this.scroll] = this.box.children;
    [this.drawn, this.now] = this.scroll.children;
    const pick = event => {
      const x = event.clientX - this.drawn.getBoundingClientRect().left;
      this.onpick(this.stepAt(x));
    };
    this.scroll.addEventListener("pointerdown", event => {
      if (event.button) return;
      this.dragging = true;
      pick(event);
    });
    addEventListener("pointermove", e => this.dragging && pick(e));
    addEventListener("pointerup", () => { this.dragging = false; });
  }

  stepAt(x) {
    let low = 0, high = this.run.last;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.axis.x(middle) <= x) low = middle; else high = middle - 1;
    }
    return low;
  }

  // What all that is drawn needs: the axis, and where each lane is.
  measure(kind, room, shared) {
    const {run, table} = this;
    const threads = table.filter(lane => lane.thread !== undefined).length;
    const big = Math.max(13, Math.min(32, room / table.length));
    const small = Math.max(1.6, Math.min(big, (room - threads * big) /
                                       Math.max(1, table.length - threads)));
    this.top = 14;
    let y = this.top;
    for (const lane of table) {
      lane.y = y;
      lane.h = lane.thread !== undefined ? big : small;
      y += lane.h;
    }
    this.bottom = y;
    const width = Math.max(200, this.scroll.clientWidth - 2);
    this.axis = kind === "time" ? timeAxis(run, width, shared.endNs)
      : stepAxis(run, width, shared.columns, shared.at, shared.tail);
  }

  labels() {
    let free = 0;
    return this.table.map(lane => {
      if (lane.y < free || lane.h < 12 && lane.task % 10 !== 0) return "";
      free = lane.y + Math.max(lane.h, 12);
      const thread = lane.thread !== undefined;
      const label = thread ? threadName(this.run, lane.thread)
        : `${ui("task")} ${lane.task}`;
      const role = thread ? (this.run.threads[lane.thread] || {}).role : "";
      const also = role && !label.startsWith(role) && role !== "other" && WORDS.role[role]
        ? ` <i>${esc(word("role", role).replace(/^(the |le |la |l’)/, ""))}</i>` : "";
      return `<span style="top:${lane.y}px;height:${Math.max(lane.h, 12)}px">` +
        `${esc(label)}${also}</span>`;
    }).join("");
  }

  draw(kind, hopeless, room, shared) {
    this.measure(kind, room, shared);
    const {run, table, axis, bottom} = this;
    this.names.innerHTML = this.labels();
    this.scroll.style.height = bottom + 20 + "px";
    const paths = {}, texts = [];
    // In pieces side by side, so that the browser paints only what is seen.
    const box = (look, x, y, w, h) => ((paths[look] ||= [])[Math.floor(x / 500)] ||= []).push(
      `M${x.toFixed(1)} ${y.toFixed(1)}h${w.toFixed(1)}v${h.toFixed(1)}h-${w.toFixed(1)}z`);
    for (const {y, h, segments} of table) {
      const pad = h > 10 ? 3 : h > 4 ? .5 : 0, inner = h - 2 * pad;
      for (const [from, to, look, call] of segments) {
        if (!look) continue;
        const x = axis.x(from);
        const w = Math.max(axis.x(to) - x, look === "run" ? 2 : 1);
        if (look === "wait" || look === "new")
          box(h > 4 ? look : "thin", x, y + h / 2 - 1, w, h > 4 ? 2 : .7);
        else if (look === "sleep" && h > 10) box(look, x, y + pad + inner * .2, w, inner * .6);
        else box(look, x, y + pad, w, inner);
        const long = call && call !== "wait" ? word("does", "asleep", {in: call}) : "";
        const text = {sleep: w > long.length * 7 + 14 && long || ui("asleep"), ready: word("task", "ready"), busy: ui("busy"),
                      block: ui("blocked"), wait: ui("waits")}[look];
        if (h > 12 && text && w > text.length * 7 + 14)
          texts.push(`<text class="on-${look}" x="${(x + w / 2).toFixed(1)}" ` +
            `y="${y + h / 2 + 4}" text-anchor="middle">${esc(text)}</text>`);
      }
    }
    let svg = `<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" ` +
      `patternTransform="rotate(45)"><path d="M0 0v6" class="hatch"/></pattern></defs>` +
      this.ticks(kind, axis, bottom);
    for (const look of ["thin", "new", "wait", "sleep", "ready", "block", "busy", "run"])
      for (const piece of paths[look] || [])
        if (piece) svg += `<path class="look-${look}" d="${piece.join("")}"/>`;
    if (table.length < 30)
      for (const piece of paths.ready || [])
        if (piece) svg += `<path fill="url(#hatch)" d="${piece.join("")}"/>`;
    svg += texts.join("") + this.folded() + this.hopeless(hopeless);
    if (table.length < 30 && run.last <= 600)
      run.events.forEach((e, i) => svg += this.arrow(e, i));
    for (const layer of [this.drawn, this.now]) {
      layer.setAttribute("width", axis.width);
      layer.setAttribute("height", bottom + 18);
    }
    this.drawn.innerHTML = svg;
    this.drawn.setAttribute("aria-label", ui("timeline"));
  }

  // "× 316,612" over the steps that stand for so many.
  folded() {
    const {events, last} = this.run;
    let svg = "";
    for (let i = 0; i <= last; i++) {
      if (events[i].times < 2) continue;
      let to = i;
      while (to < last && events[to + 1].times === events[i].times) to++;
      const x = this.axis.x(i), w = Math.max(1, this.axis.x(to + 1) - x);
      svg += `<rect class="many" x="${x}" y="1" width="${w}" height="${this.bottom}"/>`;
      if (w > 60) svg += `<text class="many-text" x="${x + w / 2}" y="11" ` +
        `text-anchor="middle">× ${number(events[i].times)}</text>`;
      i = to;
    }
    return svg;
  }

  hopeless(step) {
    if (step < 0) return "";
    const {axis, bottom} = this, x = axis.x(step), text = uiOf(this.run.trace.verdict, "hopeless_lane");
    const room = text.length * 6.6 + 20, view = this.scroll.clientWidth;
    const left = x + room > axis.width || axis.width > view && x > room;
    return `<rect class="lost" x="${x}" y="${this.top - 2}" ` +
      `width="${Math.max(0, axis.end - x)}" height="${bottom - this.top + 4}"/>` +
      `<path class="flag" d="M${x} ${bottom + 2}V2h10l-3 4 3 4h-10"/>` +
      `<text class="lost-text" x="${left ? x - 6 : x + 14}" y="11" ` +
      `text-anchor="${left ? "end" : "start"}">${esc(text)}</text>`;
  }

  ticks(kind, axis, bottom) {
    let svg = "";
    const text = (x, label) => `<path class="tick" d="M${x} ${this.top}V${bottom + 3}"/>` +
      `<text class="tick-text" x="${x}" y="${bottom + 15}" text-anchor="${x < 12 ? "start" : x > axis.width - 14 ? "end" : "middle"}">${label}</text>`;
    if (kind === "time") {
      const all = axis.total / 1e6, step = niceStep(all, axis.width / 90);
      for (let ms = 0; ms <= all; ms += step)
        svg += text(ms / all * axis.width,
                    number(ms, step < 1 ? 1 : 0) + (ms === 0 ? " ms" : ""));
    } else {
      const step = Math.max(1, Math.round(niceStep(axis.columns, axis.width / 60)));
      for (let p = step; p <= axis.columns; p += step) svg += text(axis.column(p - 1), number(p));
    }
    return svg;
  }

  lane(what, id) { return this.table.findIndex(lane => lane[what] === id); }

  // From the thread that wakes to the task, or the thread, that is woken.
  arrow(e, i, strong = "") {
    let from = this.lane("thread", e.thread), to = -1;
    if (e.kind === "wake" || e.kind === "push") to = this.lane("task", e.task);
    if (e.kind === "unpark") to = this.lane("thread", this.machine.unparked(e));
    if (e.kind === "steal") to = this.lane("thread", e.value);
    if (e.kind === "push" && !strong) return "";
    if (from < 0 || to < 0 || from === to) return "";
    const x = this.axis.middle(i), a = this.table[from], b = this.table[to];
    const y1 = a.y + a.h / 2, y2 = b.y + b.h / 2;
    const d = y2 > y1 ? -1 : 1;
    return `<path class="arrow ${strong}" d="M${x} ${y1}V${y2 + d * 3}"/>` +
      `<path class="arrow-head ${strong}" d="M${x - 4} ${y2 + d * 6}h8l-4 ${-d * 6}z"/>`;
  }

  show(i) {
    if (i < 0 || !this.axis) { this.now.innerHTML = ""; return; }
    const {axis} = this, x = axis.x(i), w = Math.max(2, axis.size(i));
    this.now.innerHTML = `<rect class="cursor" x="${x}" y="0" width="${w}" ` +
      `height="${this.bottom + 4}"/>` + this.arrow(this.run.events[i], i, "strong") +
      // What is still to come is hidden where the learner has to predict it.
      (this.hide ? `<rect class="veil" x="${x + w}" y="0" width="${axis.width}" ` +
                   `height="${this.bottom + 20}"/>` : "");
    const view = this.scroll;
    if (axis.width > view.clientWidth + 2 &&
        (x < view.scrollLeft + 40 || x > view.scrollLeft + view.clientWidth - 60))
      view.scrollLeft = x - view.clientWidth / 2;
  }
}
