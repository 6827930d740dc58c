// --- stage: the whole state at a step, as a picture -------------------------
const REACTORS = ["reactor", "bell"];
const MOST = 300; // and of more than so many, the first
const MANY = 8; // so many tasks or sources, and each is only its number

// Which link of the picture an event goes along, and what is written there.
const LINK_OF = {
  "register": ["ask", "register"], "deregister": ["ask", "deregister"],
  "connect": ["ask", "connect"], "send": ["ask", "send"],
  "recv": ["ask", "read"], "would-block": ["ask", "read: EAGAIN"],
  "set-waker": ["leave", "set_waker"],
  "epoll-wait": ["event", "epoll_wait"], "epoll-done": ["event", "epoll_wait"],
  "event": ["event", "token"], "wake": ["push", "wake()"],
  "wake-again": ["push", "wake()"], "push": ["push", "push"],
  "pop": ["pop", "pop"], "poll": ["pop", "poll"], "await-poll": ["pop", "poll"],
  "unpark": ["unpark", "unpark()"],
  "awake": ["unpark", "permit"], "submit": ["ring"],
  "complete": ["ring"], "job-queued": ["pool"], "job-start": ["pool"],
  "job-done": ["pool"], "chan-send": ["chan"],
  "chan-recv": ["chan"], "chan-wait": ["chan"],
  "level": ["bars"], "frame": ["stacks"], "stack": ["stacks"],
};

class Stage {
  constructor(run, box) {
    this.run = run;
    this.box = box;
    const has = new Set(run.events.map(e => e.kind));
    const threads = run.trace.threads;
    const roles = new Set(threads.map(t => t.role));
    this.parks = ["park", "permit", "unpark"].some(kind => has.has(kind));
    this.executors = threads.filter(t =>
      !REACTORS.includes(t.role) && t.role !== "pool" && t.role !== "ring");
    this.reactors = threads.filter(t => REACTORS.includes(t.role));
    this.taskCount = new Set(run.events.map(taskOf).filter(task => task >= 0)).size;
    this.epoll = has.has("register");
    this.leaves = has.has("set-waker");
    this.sourceCount = new Set(run.events.filter(e =>
      e.kind === (this.epoll ? "register" : "connect"))
      .map(e => e.source)).size;
    this.parts = [
      this.executors.length && "exec", (has.has("register") || has.has("connect")) && "kernel",
      (has.has("push") || has.has("pop")) && this.executors.length < 2 && "queue",
      (this.reactors.length || has.has("set-waker")) && "reactor",
      (roles.has("pool") || has.has("job-queued")) && "pool",
      has.has("submit") && "ring", has.has("chan-send") && "chan",
      has.has("level") && "bars", (has.has("frame") || has.has("stack")) && "stacks",
      this.taskCount && "tasks",
    ].filter(Boolean);
    const wide = this.parts.includes("kernel") || this.parts.includes("reactor");
    const extra = ["bars", "stacks", "pool", "ring", "chan"].filter(p => this.parts.includes(p));
    const [up, down] = ["kernel", "reactor"].filter(p => this.parts.includes(p));
    const under = this.parts.includes("queue") ? "queue" : "exec";
    box.className = "stage" + (wide ? " ring4" : " pair");
    // What is the lesson's own is seen first.
    const first = this.parts.includes("bars") ? `"extras extras" ` : "";
    box.classList.toggle("own", Boolean(first));
    box.style.setProperty("--areas", first + (wide ? `"exec ${up}" "${under} ${down || up}"`
      : this.parts.includes("queue") ? `"exec queue"` : `"exec exec"`));
    box.style.setProperty("--narrow", (first && `"extras" `) +
      ["exec", "kernel", "reactor", "queue"].filter(p =>
        this.parts.includes(p)).map(p => `"${p}"`).join(" "));
    const panel = part => this.parts.includes(part)
      ? `<section class="panel p-${part}" data-part="${part}"></section>` : "";
    box.innerHTML = `<svg class="links" aria-hidden="true"></svg>` +
      ["exec", "kernel", "reactor", "queue"].map(panel).join("") +
      (extra.length ? `<div class="extras">${extra.map(panel).join("")}</div>` : "") +
      panel("tasks") + `<div class="pills" aria-hidden="true"></div>`;
    this.pills = box.querySelector(".pills");
    this.svg = box.querySelector(".links");
    this.panels = Object.fromEntries(this.parts.map(part =>
      [part, box.querySelector(`[data-part="${part}"]`)]));
    box.addEventListener("click", event => {
      const chip = event.target.closest("[data-task]");
      if (chip) this.ontask(Number(chip.dataset.task));
    });
  }

  // The panels are as high as they will ever be, so that nothing jumps.
  settle() {
    const {run} = this, most = {}, at = {};
    for (const part of this.parts) this.panels[part].style.minHeight = "";
    const machine = new Machine(run.trace, run.events);
    run.events.forEach((e, i) => {
      const s = machine.step(e);
      if (!["spawn", "push", "register", "connect", "set-waker", "level", "frame"].includes(e.kind)) return;
      const sizes = {epoll: Object.keys(s.epoll).length, wakers: Object.keys(s.wakers).length,
                     tasks: Object.keys(s.tasks).length, bars: Object.keys(s.levels).length,
                     frames: Object.values(s.stacks).reduce((n, f) => n + f.length, 0),
                     queue: Math.max(0, ...Object.values(s.queues).map(q => q.length))};
      for (const what in sizes)
        if (sizes[what] > (most[what] || 0)) { most[what] = sizes[what]; at[what] = i; }
    });
    const heights = {};
    for (const i of new Set([...Object.values(at), run.last])) {
      this.draw(i, "", true);
      for (const part of this.parts)
        heights[part] = Math.max(heights[part] || 0, this.panels[part].offsetHeight);
    }
    for (const part of this.parts)
      this.panels[part].style.minHeight = heights[part] + "px";
  }

  // broken: the link that is missing from here on, or "".
  draw(i, broken, still) {
    const {run} = this;
    const machine = run.after(i + 1), s = machine.state, e = run.events[i];
    const before = still ? null : this.places();
    this.placed = new Set();
    for (const part of this.parts)
      this.panels[part].innerHTML = this[part](s, e, broken);
    for (const part of this.parts)
      this.panels[part].className = `panel p-${part}` +
        (this.alarmed(part, broken) ? " alarm" : "") +
        ((LINK_OF[e.kind] || [])[0] === part ? " lit" : "");
    this.links(e, broken, s);
    if (before) this.move(before);
  }

  alarmed(part, broken) {
    return {unpark: ["exec", "queue"], permit: ["exec", "queue"], push: ["queue"], wake: ["queue"],
            waker: ["reactor"], late: ["reactor"], register: ["kernel"], event: ["kernel"]}[broken]
      ?.includes(part) || false;
  }

  places() {
    const places = {};
    if (this.taskCount > MOST) return null;
    for (const chip of this.box.querySelectorAll("[data-task]"))
      places[chip.dataset.task] ||= chip.getBoundingClientRect();
    return places;
  }

  // A task that changed its place glides there.
  move(before) {
    const seen = new Set();
    for (const chip of this.box.querySelectorAll("[data-task]")) {
      const old = before[chip.dataset.task];
      if (!old || seen.has(chip.dataset.task)) continue;
      seen.add(chip.dataset.task);
      const now = chip.getBoundingClientRect();
      const dx = old.left - now.left, dy = old.top - now.top;
      if (Math.abs(dx) + Math.abs(dy) > 4)
        chip.animate([{transform: `translate(${dx}px,${dy}px)`}, {transform: "none"}],
                     {duration: 320, easing: "ease-out"});
    }
  }

  chip(id, look, small) {
    this.placed.add(Number(id));
    const name = nameOf(this.run, "tasks", id);
    const title = `${ui("task")} ${id}${inBrackets(name)}${colon()}${word("task", look)}`;
    const chosen = this.chosen === Number(id) ? " chosen" : "";
    return `<button type="button" class="chip c-${look}${chosen}" data-task="${id}" ` +
      `title="${esc(title)}" aria-label="${esc(title)}" tabindex="-1">${id}` +
      (look === "done" ? "<b>✓</b>" : "") + `</button>` +
      (small ? "" : `<span class="what">${esc(word("task", look))}</span>`);
  }

  threadRow(t, s, alone) {
    const state = s.threads[t.id];
    const asleep = state.does === "asleep";
    const busy = ["polls", "takes"].includes(state.does) && state.task >= 0;
    const name = alone ? "" : `<b class="thread-name">${esc(t.name)}</b>`;
    return `<div class="thread-row${alone ? " alone" : ""}">${name}` +
      `<span class="does d-${state.does}">` +
      (asleep ? `<i class="zzz" aria-hidden="true">z<i>z</i>z</i> ` : "") +
      `${esc(does(this.run, state))}</span>` +
      (busy ? this.chip(state.task, state.does === "takes" ? "ready" : "running", true) : "") +
      (this.parks && this.executors.includes(t) && (alone || state.permit)
        ? `<span class="permit${state.permit ? " there" : ""}">${ui("permit")}${colon()}` +
          `${ui(state.permit ? "yes" : "no")}</span>` : "") + `</div>`;
  }

  exec(s, e) {
    const list = this.executors;
    if (list.length === 1) {
      const t = list[0], role = WORDS.role[t.role] && t.role !== "other";
      return `<h3>${esc(role ? capital(word("role", t.role)) : t.name)}` +
        (role ? ` <small>${ui("thread")} ${esc(t.name)}</small>` : "") + `</h3>` +
        this.threadRow(t, s, true);
    }
    return `<h3>${ui("threads")}</h3>` + list.map(t => {
      const queue = s.queues[t.id];
      return this.threadRow(t, s, false).replace(/<\/div>$/, queue && queue.length
        ? `<span class="small-queue">${queue.slice(0, 6).map(id =>
            this.placed.has(id) ? "" : this.chip(id, "ready", true)).join("")}` +
          (queue.length > 6 ? `+${queue.length - 6}` : "") + `</span></div>` : "</div>");
    }).join("");
  }

  queue(s, e) {
    if (this.executors.length > 1) {
      const all = Object.values(s.queues).reduce((n, q) => n + q.length, 0);
      return `<h3>${ui("ready_queue")}</h3><p class="soft">${number(all)} ` +
        `${ui("queued")}</p>`;
    }
    const queue = Object.values(s.queues).flat();
    // Pool, ring and channels below it are to be seen too.
    const most = ["pool", "ring", "chan"].some(p => this.parts.includes(p)) ? 8 : 24;
    const shown = queue.slice(0, most).map(id => this.chip(id, "ready", true));
    return `<h3>${ui("ready_queue")} <small>${queue.length || ""}</small></h3>` +
      `<div class="queue${this.taskCount > MANY ? " small" : ""}">` + (shown.length
        ? `<span class="soft">${ui("head")} →</span>` + shown.join("")
        : `<span class="soft">${ui("empty")}</span>`) +
      (queue.length > most ? `<span class="soft">${ui("more", {count: queue.length - most})}</span>` : "") +
      `</div>`;
  }

  kernel(s, e) {
    const small = this.sourceCount > MANY, all = byNumber(s.epoll);
    if (small) all.sort((a, b) => (a[1].data === "no") - (b[1].data === "no"));
    return `<h3>${ui(this.epoll ? "kernel" : "kernel_sockets")}</h3><div class="sources${small ? " small" : ""}">` + (all.slice(0, MOST).map(([id, entry]) => {
      const name = nameOf(this.run, "sources", id);
      const stop = id === "0" && this.reactors.length;
      const label = stop ? ui("stop_source") : `${ui("source_word")} ${id}`;
      const what = entry.data === "no" ? ui("no_data") : ui("data");
      if (small) return `<span class="dot data-${entry.data}" title="${esc(label + colon() + what)}">` +
        `${id}${entry.data === "no" ? "" : "!"}</span>`;
      return `<span class="source data-${entry.data}" title="${esc(name || "fd " + entry.fd)}">` +
        `<b>${esc(label)}</b> <em>${esc(stop && entry.data === "no" ? "" : what)}</em></span>`;
    }).join("") || `<span class="soft">${ui("nothing")}</span>`) + `</div>`;
  }

  reactor(s, e) {
    const all = byNumber(s.wakers), small = this.sourceCount > MANY;
    const t = this.reactors[0];
    const rows = this.reactors.map(r => this.threadRow(r, s, this.reactors.length === 1)).join("");
    const now = e.kind === "event" || e.kind === "set-waker" ? e.source : -1;
    if (small) all.sort((a, b) => (Number(b[0]) === now) - (Number(a[0]) === now));
    return `<h3>${t ? esc(capital(word("role", t.role))) + ` <small>${ui("thread")} ${esc(t.name)}</small>`
                    : ui("wakers")}</h3>${rows}` +
      (this.leaves ? `<div class="wakers${small ? " small" : ""}">` + (t ? `<h4>${ui("wakers")}</h4>` : "") + (all.slice(0, MOST).map(([id, task]) =>
        `<span class="waker${Number(id) === now ? " lit" : ""}">` + (small ? `${id}→${task}`
          : esc(ui("waker_of", {source: id, task}))) + `</span>`).join("") ||
        `<span class="soft">${ui("nothing")}</span>`) + `</div>` : "");
  }

  pool(s) {
    const all = byNumber(s.jobs);
    const row = what => all.filter(j => j[1] === what).map(j => j[0]);
    const threads = this.run.trace.threads.filter(t => t.role === "pool");
    return `<h3>${ui("pool")}</h3>` + threads.slice(0, 8).map(t => this.threadRow(t, s, false)).join("") +
      ["queued", "running", "done"].map(what => `<p class="count"><span>${ui(what)}</span> <b>` +
        `${row(what).length > 12 ? number(row(what).length) : row(what).join(" ") || "–"}</b></p>`).join("");
  }

  ring(s) {
    const all = byNumber(s.ring);
    const row = what => all.filter(o => o[1] === what).map(o => o[0]);
    const list = what => row(what).length > 12 ? number(row(what).length) : row(what).join(" ") || "–";
    return `<h3>${ui("ring")}</h3><p class="count"><span>${ui("in_kernel")}</span> <b>${list("submitted")}</b></p>` +
      `<p class="count"><span>${ui("completed")}</span> <b>${list("complete")}</b></p>`;
  }

  chan(s) {
    return `<h3>${ui("channels")}</h3>` + (byNumber(s.channels).map(([id, c]) =>
      `<p class="count"><span>${ui("channel")} ${id}${esc(inBrackets(nameOf(this.run, "sources", id)))}</span> ` +
      `<b>${"■".repeat(Math.min(c.held, 12)) || "–"}${c.held > 12 ? " " + c.held : ""}</b> ` +
      c.waits.map(task => `<em>${ui("waits_here", {task})}</em>`).join(" ") + `</p>`).join("") ||
      `<p class="soft">${ui("nothing")}</p>`);
  }

  // A value as a bar: how full a bucket is. Without a most: against the highest
  // of the run.
  bars(s, e) {
    const {trace} = this.run;
    this.highest ||= this.run.events.reduce((all, x) => x.kind === "level"
      ? {...all, [x.source]: Math.max(all[x.source] || 0, x.value)} : all, {});
    return Object.keys(this.highest).map(id => {
      const most = tableOf(trace, "bars", id).most, value = s.levels[id] || 0;
      const full = Math.min(1, value / (most || this.highest[id] || 1));
      return `<div class="bar${e.kind === "level" && String(e.source) === id ? " lit" : ""}"><h3>${esc(pairOf(trace, "bars", id))}</h3>` +
        `<span class="bucket"><i style="width:${(full * 100).toFixed(1)}%"></i></span> <b>${number(value)}` +
        (most ? ` / ${number(most)}` : "") + `</b>` +
        (pair(tableOf(trace, "bars", id).ends) ? `<small class="ends">${esc(pair(tableOf(trace, "bars", id).ends))}</small>` : "") + `</div>`;
    }).join("");
  }

  // Stacks side by side, the newest frame below: they grow downwards. Or lists,
  // from which the oldest goes.
  stacks(s) {
    const {trace} = this.run;
    const lists = Object.values(trace.stacks || {}).every(stack => stack.list);
    return `<h3>${ui(lists ? "lists" : "stacks")}</h3><div class="stacks">` + byNumber(s.stacks).map(([id, frames]) => {
      const here = pointers(this.run, s, id);
      return `<div class="one-stack${here.length ? " here" : ""}"><h4>${esc(pairOf(trace, "stacks", id))}</h4>` +
        frames.map(([frame, bytes]) => `<span class="frame">${esc(pairOf(trace, "frames", frame))}` +
          (bytes ? ` <small>${number(bytes)}</small>` : "") + `</span>`).join("") +
        here.map(text => `<b class="rsp">← ${esc(text)}</b>`).join("") + `</div>`;
    }).join("") + `</div>`;
  }

  tasks(s) {
    const small = this.taskCount > MANY, all = byNumber(s.tasks);
    const rest = all.filter(([id]) => !this.placed.has(Number(id)));
    const counts = {};
    for (const [, task] of all) counts[task.does] = (counts[task.does] || 0) + 1;
    const waker = Object.fromEntries(Object.entries(s.wakers).map(([k, v]) => [v, k]));
    return `<h3>${ui("waiting_tasks")} <small>${Object.entries(counts).map(([what, n]) =>
      `${word("task", what)}${colon().replace(" ", "\u00a0")}${n}`).join(" · ")}</small></h3><div class="tasks${small ? " small" : ""}">` +
      (rest.slice(0, MOST).map(([id, task]) => small ? this.chip(id, task.does, true)
        : `<span class="task">${this.chip(id, task.does, false)}` +
          `<small>${esc(nameOf(this.run, "tasks", id))}</small></span>`).join("") ||
        `<span class="soft">–</span>`) + (rest.length > MOST
        ? `<span class="soft">${ui("more", {count: number(rest.length - MOST)})}</span>` : "") + `</div>`;
  }

  // --- the arrows between the panels ---
  links(e, broken, s) {
    const size = this.box.getBoundingClientRect();
    const rect = part => {
      const r = this.panels[part] && this.panels[part].getBoundingClientRect();
      return r && {l: r.left - size.left, r: r.right - size.left, t: r.top - size.top,
                   b: r.bottom - size.top, x: (r.left + r.right) / 2 - size.left,
                   y: (r.top + r.bottom) / 2 - size.top};
    };
    const self = this.executors.some(t => t.id === e.thread);
    const [active, label] = LINK_OF[e.kind] || [];
    const waiter = this.reactors.length ? "reactor" : "exec";
    const mine = active === "push" && self ? "own"
      : e.kind === "unpark" && (e.value || this.executors[0]?.id) === e.thread ? "" : active;
    const all = [
      ["ask", "exec", "kernel", this.epoll ? "register, read" : "read", this.epoll ? -.28 : 0],
      ["leave", "exec", "reactor", "set_waker", 0],
      ["event", "kernel", waiter, waiter === "reactor" ? "epoll_wait" : "epoll_wait", waiter === "reactor" ? 0 : .28],
      ["push", "reactor", this.panels.queue ? "queue" : "exec", "wake(): push", 0],
      ["pop", "queue", "exec", "pop", -.2],
      ["own", "exec", "queue", "push", .2],
      ["unpark", "reactor", "exec", "unpark()", 0],
    ];
    const hint = ["ask", "event", "push", "pop", "unpark"];
    let svg = "", pills = "";
    for (const [name, from, to, idle, shift] of all) {
      const a = rect(from), b = rect(to);
      const on = mine === name, bad = broken === name ||
        broken === "permit" && name === "unpark" || name === "leave" && ["waker", "late"].includes(broken) ||
        broken === "register" && name === "ask" || broken === "wake" && name === "push";
      if (name === "event" && !this.epoll) continue;
      if (!a || !b || a.l === b.l && a.t === b.t) continue;
      if (!on && !bad && !hint.includes(name)) continue;
      if (name === "push" && !this.reactors.length) continue;
      if (name === "unpark" && !on && !bad && (!this.parks || !this.panels.queue ||
          mine === "leave" || ["waker", "late"].includes(broken))) continue;
      if (name === "push" && mine === "unpark" && !this.panels.queue) continue;
      const {d, x, y, turn} = route(a, b, shift, size.width, name);
      const look = bad ? "bad" : on ? "on" : "idle";
      svg += `<path class="link ${look}" d="${d}" marker-end="url(#tip-${look})"/>`;
      const text = bad ? "✗ " + word("broken", broken) : on ? label : idle;
      pills += `<span class="pill ${look}${turn}" style="left:${x.toFixed(0)}px;top:${y.toFixed(0)}px">${esc(text)}</span>`;
    }
    const tip = look => `<marker id="tip-${look}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="5.5" ` +
      `markerHeight="5.5" orient="auto-start-reverse"><path class="tip ${look}" d="M0 0L10 5L0 10z"/></marker>`;
    this.svg.innerHTML = `<defs>${["idle", "on", "bad"].map(tip).join("")}</defs>${svg}`;
    this.pills.innerHTML = pills;
    keepApart([...this.pills.children], size);
  }
}

// Labels stay inside the picture, and one that says something now covers no
// other: an idle one gives way, a second one that matters goes below it.
function keepApart(pills, size) {
  const rank = pill => pill.classList.contains("bad") ? 0
    : pill.classList.contains("on") ? 1 : 2;
  const kept = [];
  const meets = (a, b) => a.left < b.right + 2 && b.left < a.right + 2 &&
    a.top < b.bottom && b.top < a.bottom;
  for (const pill of pills.sort((a, b) => rank(a) - rank(b))) {
    const r = pill.getBoundingClientRect();
    const dx = Math.max(size.left - r.left, 0) + Math.min(size.right - r.right, 0);
    let dy = 0;
    const now = () => ({left: r.left + dx, right: r.right + dx, top: r.top + dy, bottom: r.bottom + dy});
    const other = kept.find(k => meets(k, now()));
    if (other && rank(pill) === 2) { pill.remove(); continue; }
    if (other) dy = other.bottom - r.top + 1;
    if (dx || dy) {
      pill.style.left = parseFloat(pill.style.left) + dx + "px";
      pill.style.top = parseFloat(pill.style.top) + dy + "px";
    }
    kept.push(now());
  }
}

// A line from one panel to another, and the place of its label.
function route(a, b, shift, width, name) {
  const line = (x1, y1, x2, y2) => ({d: `M${x1} ${y1}L${x2} ${y2}`,
    x: (x1 + x2) / 2, y: (y1 + y2) / 2, turn: ""});
  const beside = b.l >= a.r - 4 || a.l >= b.r - 4;
  const above = b.t >= a.b - 4 || a.t >= b.b - 4;
  if (beside && above) {
    const right = b.l >= a.r - 4, down = b.t >= a.b - 4;
    return line(right ? a.r - 14 : a.l + 14, down ? a.b : a.t,
                right ? b.l + 14 : b.r - 14, down ? b.t : b.b);
  }
  if (beside) {
    const right = b.l >= a.r - 4;
    const y = (Math.max(a.t, b.t) + Math.min(a.b, b.b)) / 2 +
      shift * (Math.min(a.b, b.b) - Math.max(a.t, b.t));
    return {...line(right ? a.r : a.l, y, right ? b.l : b.r, y), turn: " flat"};
  }
  const down = b.t >= a.b - 4, gap = down ? b.t - a.b : a.t - b.b;
  if (gap > 90) { // one below the other with a panel between: in the margin
    const x = Math.min(Math.max(a.r, b.r) + (name === "unpark" ? 20 : 10), width - 3);
    return {d: `M${a.r} ${a.y}H${x}V${down ? b.y : b.b - 16}H${b.r}`,
            x: x + 4, y: name === "unpark" ? b.b + 13 : down ? a.b + 13 : a.t - 13,
            turn: " turned"};
  }
  const x = (Math.max(a.l, b.l) + Math.min(a.r, b.r)) / 2 +
    (width < 500 ? -.3 : shift) * (Math.min(a.r, b.r) - Math.max(a.l, b.l));
  return line(x, down ? a.b : a.t, x, down ? b.t : b.b);
}
