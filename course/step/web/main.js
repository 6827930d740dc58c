// --- main: the page, its controls, its keys and its address ------------------
const $ = id => document.getElementById(id);
const DATA = JSON.parse($("traces").textContent);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const SPEEDS = {slow: 1800, normal: 900, fast: 250};
const LINK_OF_KIND = {
  "nothing registered": "register", "queued, not unparked": "unpark",
  "unparked, nothing queued": "push", "came before the sleep": "permit",
  "order of the two": "unpark", "event before the waker": "late",
  "wrong queue": "push", "neither queued nor unparked": "push",
  "came during the poll": "push", "event not passed on": "wake"};

const page = {
  at: 0, rows: [], views: [], axis: "steps", mode: "watch", chosen: -1,
  speed: "normal", timer: null, letters: true, recorded: DATA.traces,

  load(traces, at) {
    this.stop();
    const two = traces.length > 1;
    document.body.classList.toggle("two", two);
    $("stages").innerHTML = traces.map(() => `<div></div>`).join("");
    $("says").innerHTML = traces.map(() => `<div class="say-here"></div>`).join("");
    $("says").hidden = !two;
    $("lanes").innerHTML = `<div id="legend"></div>` + traces.map(() => `<div class="lanes"></div>`).join("");
    this.views = traces.map((trace, k) => {
      const run = new Run(trace);
      const view = {run, says: $("says").children[k],
                    stage: new Stage(run, $("stages").children[k]),
                    lanes: new Lanes(run, $("lanes").children[k + 1])};
      view.stage.ontask = task => this.choose(task);
      view.lanes.onpick = i => this.go(this.rows.findIndex(row => row[k] === i));
      return view;
    });
    const [a, b] = this.views.map(view => view.run);
    this.rows = two ? matchRuns(a, b) : a.events.map((_, i) => [i]);
    this.before = traces.map((_, k) => {
      let last = -1;
      return this.rows.map(row => last = row[k] >= 0 ? row[k] : last);
    });
    this.verdicts = traces.map(t => t.verdict || null);
    this.wrongRow = -1;
    this.verdicts.forEach((v, k) => {
      if (v && v.step > 0 && this.wrongRow < 0)
        this.wrongRow = this.rows.findIndex(row => row[k] === v.step - 1);
    });
    this.source = new Source($("source"), traces[0]);
    if (two) $("source").hidden = true;
    this.list ||= new Transcript($("steps"));
    this.list.onpick = p => this.go(p);
    $("position").max = this.rows.length;
    this.at = Math.max(0, Math.min(this.rows.length - 1, at));
    this.texts();
  },

  // Everything that depends on the language.
  texts() {
    const root = document.documentElement;
    root.lang = lang;
    const title = this.views.map(v =>
      capital(pair(v.run.trace.title) || v.run.trace.program || ""));
    document.title = "reveil: " + title.join(" | ");
    $("title").textContent = title.length > 1 ? ui("side_by_side") : title[0];
    for (const [k, view] of this.views.entries()) {
      view.title = title[k];
      view.lanes.title.textContent = title[k];
      view.lanes.title.hidden = title.length < 2;
      view.sentences = sentences(view.run);
    }
    for (const [id, key] of [["first", "first"], ["back", "back"], ["next", "next"], ["last", "last"],
        ["next-wake", "next_wake"], ["difference", "first_difference"],
        ["skip", "skip"], ["list-title", "list"], ["help", "help"], ["language", "other_language"]])
      $(id).textContent = ui(key);
    $("language").lang = lang === "fr" ? "en" : "fr";
    for (const [id, mark] of [["first", "|◀"], ["last", "▶|"]]) {
      $(id).setAttribute("aria-label", $(id).textContent);
      $(id).title = $(id).textContent;
      $(id).textContent = mark;
    }
    $("position").setAttribute("aria-label", ui("position"));
    $("help").setAttribute("aria-haspopup", "dialog");
    options($("speed"), ui("speed"), ["slow", "normal", "fast"], this.speed);
    options($("mode"), ui("mode"), this.views.length > 1 && this.mode === "watch"
      ? ["watch"] : ["watch", "predict", "schedule"], this.mode);
    $("difference").hidden = this.rows.every(row => !row.includes(-1));
    for (const id of ["verdict", "say", "stages", "lanes", "extra"])
      $(id).setAttribute("aria-label", ui({verdict: "verdict", say: "step", stages: "state",
        lanes: "timeline", extra: "mode"}[id]));
    this.legend();
    this.verdict();
    this.list.fill(this.views, this.rows, this.verdicts[0] ? this.verdicts[0].step - 1 : -1);
    this.playing();
    this.draw();
    this.show();
  },

  legend() {
    const item = (look, text) => `<span><svg width="26" height="12" aria-hidden="true">` +
      `<path class="look-${look}" d="${look === "wait" ? "M0 5h26v2h-26z" : look === "sleep"
        ? "M1 3h24v7h-24z" : "M0 1h26v10h-26z"}"/>` + (look === "ready"
        ? `<path fill="url(#hatch)" d="M0 1h26v10h-26z"/>` : "") + `</svg>${esc(text)}</span>`;
    $("legend").innerHTML = `<h2>${ui("timeline")}</h2>` + item("run", ui("runs")) +
      item("sleep", ui("asleep")) + item("ready", ui("ready")) + item("wait", ui("waits")) +
      (this.views.some(view => view.lanes.table.some(lane => lane.segments.some(s => s[2] === "busy"))) ? item("busy", ui("busy")) : "") +
      `<span><svg width="12" height="12" aria-hidden="true"><path class="arrow" d="M6 0v8"/>` +
      `<path class="arrow-head" d="M2 6h8l-4 6z"/></svg>${esc(ui("wake_arrow"))}</span>`;
  },

  // What the check said, with the button that goes to the step.
  verdict() {
    const k = this.verdicts.findIndex(Boolean), v = this.verdicts[k];
    $("verdict").hidden = !v || this.mode === "predict";
    if (!v) return;
    const kind = pair(v.kind), todo = v.todo
      ? ui("see_todo", {todo: v.todo, line: v.line || "?"}) : "";
    $("verdict").innerHTML = `<p><strong>${esc(pair(v.cause))}</strong>` +
      (kind ? ` <b>(${esc(kind)})</b>` : "") + (v.step > 0
        ? ` <span>${uiOf(v, "hopeless", {step: this.wrongRow + 1})}.</span>` : "") + `</p>` +
      (v.step > 0 ? `<button type="button" id="jump">${ui("go_wrong")}</button>` : "") +
      (pair(v.evidence) ? `<p class="why"><b>${esc(capital(pair(v.evidence)))}.</b></p>` : "") +
      `<p class="why">${esc(pair(v.why))} <span class="todo">${esc(todo)}</span></p>` +
      (v.schedule ? `<p class="why"><code>${esc(ui("try_at", {at: v.schedule,
        lesson: (/\d+/.exec(this.views[k].run.trace.program) || ["N"])[0]}))}</code></p>` : "");
    if ($("jump")) $("jump").onclick = () => this.go(this.wrongRow);
  },

  draw() {
    this.width = innerWidth;
    // The lanes get what the picture leaves, on a screen that does not scroll.
    for (const view of this.views) view.stage.settle();
    const main = document.querySelector("main"), upper = main.firstElementChild;
    const spare = getComputedStyle(upper).overflowY === "auto"
      ? main.clientHeight - upper.scrollHeight - 75 : 0;
    const most = Math.max(...this.views.map(view => view.lanes.table.length));
    const room = Math.max(spare, Math.min(most * 22, innerHeight * (innerWidth < 900 ? .4 : .24))) /
      (this.views.length > 1 ? 1.3 : 1);
    // Two runs share one scale: of time, or a column for each row.
    const endNs = Math.max(...this.views.map(view => view.run.endNs));
    const columns = this.rows.map(row => Math.max(...row.map((i, k) =>
      i < 0 ? 1 : this.views[k].run.events[i].times)));
    const tail = Math.max(...this.views.map(({run}) =>
      run.endNs > (run.events[run.last] || {}).ns ? Math.max(3, columns.length / 8) : 0));
    for (const [k, view] of this.views.entries()) {
      const v = this.verdicts[k], at = [];
      this.rows.forEach((row, p) => { if (row[k] >= 0) at[row[k]] = p; });
      view.lanes.hide = this.mode === "predict";
      view.lanes.draw(this.axis, v && this.mode !== "predict" ? v.step - 1 : -1, room,
                      {endNs, columns, at, tail});
    }
    $("axis").textContent = ui(this.axis === "time" ? "axis_time" : "axis_steps");
    $("axis").title = ui(this.axis === "time" ? "time_hint" : "steps_hint");
  },

  // Draw the step this.at.
  show(jump) {
    const p = this.at, single = this.views.length === 1;
    const says = [];
    this.views.forEach((view, k) => {
      const i = this.before[k][p], here = this.rows[p] && this.rows[p][k] >= 0;
      const shown = Math.max(i, 0), e = view.run.events[shown];
      if (!e) return;
      view.stage.chosen = this.chosen;
      view.stage.draw(shown, this.broken(k, shown), still.matches || jump);
      view.lanes.show(i);
      const name = threadName(view.run, e.thread);
      const text = here ? `<time>${milliseconds(e.ns)}</time> <span class="thread">${esc(e.kind === "answer"
        ? ui("kernel_plain") : name)}</span> <span class="text">${esc(view.sentences[i])}</span>`
        : `<time></time> <span class="soft">${esc(ui("nothing_here"))}</span>`;
      const bar = here && e.times > 1 ? this.bar(view.run, e) : "";
      const empty = view.run.bare ? `<p class="soft">${esc(ui("nothing_recorded"))}</p>` : "";
      if (single) says.push(`<p>${text}</p>${bar}${empty}`);
      else view.says.innerHTML = `<h2>${esc(view.title)}</h2><p>${text}</p>${bar}${empty}`;
    });
    $("say").hidden = !single;
    $("say").setAttribute("aria-live", this.timer ? "off" : "polite");
    if (single) $("say").innerHTML = says.join("");
    $("says").setAttribute("aria-live", this.timer ? "off" : "polite");
    const main = this.views[0], i = Math.max(0, this.before[0][p]);
    if (single && main.run.events[i]) this.source.draw(main.run.events[i].line);
    $("verdict").classList.toggle("now", this.wrongRow >= 0 && p >= this.wrongRow);
    this.figures(p);
    $("count").innerHTML = `${ui("step")} <b>${number(p + 1)}</b> ${ui("of")} ${number(this.rows.length)}`;
    $("position").value = p + 1;
    $("position").setAttribute("aria-valuetext", `${ui("step")} ${p + 1} ${ui("of")} ${this.rows.length}`);
    this.list.hide = this.mode === "predict";
    this.list.show(p, true);
    $("next-wake").hidden = !this.views.some(v => v.run.wakes);
    $("next-task").hidden = this.chosenTask(p) < 0;
    $("next-task").textContent = ui("next_task", {task: this.chosenTask(p)});
    this.extra();
    this.address();
  },

  // A folded step: how many of all the polls of the run it is.
  bar(run, e) {
    const most = Math.max(...run.events.map(x => x.times));
    return `<div class="fold-bar${still.matches ? "" : " grow"}"><i style="width:${(e.times / most * 100).toFixed(1)}%"></i>` +
      `<b>× ${number(e.times)}</b></div>`;
  },

  figures(p) {
    const at = q => this.views.map((view, k) =>
      ({...view.run.after(q < 0 ? 0 : this.before[k][q] + 1).state.figures}));
    const before = at(p - 1), now = at(p);
    const names = Object.keys(WORDS.figure).filter(name => now.some(s => name in s));
    $("figures").setAttribute("aria-label", ui("figures"));
    $("figures").innerHTML = names.map(name => {
      const changed = now.some((s, k) => s[name] !== before[k][name]);
      return `<div><dt>${esc(word("figure", name))}</dt><dd${changed ? ' class="changed"' : ""}>` +
        now.map(s => number(s[name] || 0)).join(" | ") + `</dd></div>`;
    }).join("");
  },

  // The link of the picture that is missing at step i of run k.
  broken(k, i) {
    const v = this.verdicts[k];
    if (!v || !(v.step > 0) || i < v.step - 1 || this.mode === "predict") return "";
    if (v.link) return v.link;
    const kind = v.kind && typeof v.kind === "object" ? v.kind.en : v.kind;
    if (LINK_OF_KIND[kind]) return LINK_OF_KIND[kind];
    const cause = v.cause && typeof v.cause === "object" ? v.cause.en : v.cause;
    const s = this.views[k].run.after(i + 1).state;
    const parked = Object.values(s.threads).some(t => t.in === "park" && !t.permit);
    const queued = Object.values(s.queues).some(q => q.length);
    return cause === "LOST WAKE" && parked && queued ? "unpark" : "";
  },

  chosenTask(p) {
    if (this.chosen >= 0) return this.chosen;
    const i = Math.max(0, this.before[0][p]), e = this.views[0].run.events[i];
    if (!e) return -1;
    return taskOf(e) >= 0 ? e.task : this.views[0].run.after(i + 1).current(e.thread);
  },
  choose(task) {
    this.chosen = this.chosen === task ? -1 : task;
    this.show(true);
  },

  extra() {
    const box = $("extra"), tool = {predict: this.predict, schedule: this.scheduler}[this.mode];
    box.hidden = !tool;
    const focus = document.activeElement, kept = box.contains(focus) &&
      (focus.id || focus.dataset.delay);
    box.innerHTML = tool ? tool.html() : "";
    if (kept) (document.getElementById(kept) ||
               box.querySelector(`[data-delay="${kept}"]`))?.focus();
  },

  setMode(mode) {
    if (this.recorded.length > 1) mode = "watch";
    const left = this.mode;
    this.mode = mode;
    this.stop();
    this.list.reveal();
    if (mode === "schedule") {
      this.scheduler = new Scheduler(this);
      this.scheduler.run(null);
    } else {
      if (mode === "predict") this.predict = new Predict(this);
      if (left === "schedule") this.load(this.recorded, 0);
      else {
        if (mode === "predict") this.at = 0;
        this.texts();
      }
    }
  },

  // --- going from step to step ---
  go(p, playing) {
    if (!playing) this.stop();
    p = Math.max(0, Math.min(this.rows.length - 1, p));
    if (this.mode === "predict" && p > this.at) {
      const q = this.predict.stop(this.at, p);
      if (q < p) this.stop();
      p = q;
    }
    const jump = Math.abs(p - this.at) > 12;
    this.at = p;
    this.show(jump);
  },
  find(from, step, wanted) {
    for (let p = from + step; p >= 0 && p < this.rows.length; p += step)
      if (this.rows[p].some((i, k) => i >= 0 && wanted(this.views[k].run.events[i]))) return p;
    return step > 0 ? this.rows.length - 1 : 0;
  },
  wake(step) { this.go(this.find(this.at, step, e => e.kind === "wake")); },
  nextOfTask() {
    const task = this.chosenTask(this.at);
    this.go(this.find(this.at, 1, e => taskOf(e) === task));
  },
  difference() { this.go(this.rows.findIndex(row => row.includes(-1))); },
  toggleAxis() {
    this.axis = this.axis === "time" ? "steps" : "time";
    this.draw();
    this.show(true);
  },
  language(to) {
    lang = to || (lang === "fr" ? "en" : "fr");
    this.texts();
  },

  play() {
    if (this.timer) return this.stop();
    if (this.at >= this.rows.length - 1) this.at = 0;
    const next = () => {
      this.go(this.at + 1, true);
      if (!this.timer) return;
      if (this.at >= this.rows.length - 1) return this.stop();
      this.timer = setTimeout(next, SPEEDS[this.speed]);
    };
    this.timer = setTimeout(next, 100);
    this.playing();
    this.show();
  },
  stop() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.playing();
  },
  playing() {
    $("play").textContent = ui(this.timer ? "pause" : "play");
    $("play").setAttribute("aria-pressed", !!this.timer);
  },

  address() {
    const parts = [`s=${this.at + 1}`, `lang=${lang}`];
    if (this.axis !== "steps") parts.push("axis=" + this.axis);
    if (this.mode !== "watch") parts.push("mode=" + this.mode);
    this.written = "#" + parts.join("&");
    clearTimeout(this.writing); // browsers limit how often it may change
    this.writing = setTimeout(() => {
      try { history.replaceState(null, "", this.written); } catch (error) { /* a sandboxed frame */ }
    }, 120);
  },
  readAddress(hash = location.hash) {
    const values = new URLSearchParams(hash.slice(1));
    const step = parseInt(values.get("s"), 10);
    if (["en", "fr"].includes(values.get("lang")) && values.get("lang") !== lang)
      this.language(values.get("lang"));
    if (["time", "steps"].includes(values.get("axis")) && values.get("axis") !== this.axis)
      this.toggleAxis();
    if (["predict", "schedule"].includes(values.get("mode")) && values.get("mode") !== this.mode)
      this.setMode(values.get("mode"));
    if (step > 0) this.go(step - 1);
  },

  help() {
    const lines = ["key_step", "key_ends", "key_jump", "key_view", "key_address"];
    $("keys").innerHTML = `<h2>${ui("keys")}</h2><ul>` + lines.map(k => `<li>${esc(ui(k))}</li>`).join("") +
      `</ul><h2>${ui("words")}</h2><dl>` + ["task", "poll", "waker", "park", "permit", "epoll"].map(w =>
        `<dt>${esc(w === "task" ? ui("task") : w === "permit" ? ui("permit") : w)}</dt>` +
        `<dd>${esc(ui("word_" + w))}</dd>`).join("") + `</dl><p><label><input type="checkbox" id="letters"${this.letters ? " checked" : ""}> ` +
      `${ui("letter_keys")}</label></p><form method="dialog"><button>${ui("close")}</button></form>`;
    $("letters").onchange = e => { this.letters = e.target.checked; };
    $("keys").showModal();
  },
};

function options(select, label, values, now) {
  select.setAttribute("aria-label", label);
  select.innerHTML = values.map(v => `<option value="${v}"${v === now ? " selected" : ""}>` +
    `${esc(ui(v))}</option>`).join("");
}

const KEYS = {
  ArrowRight: () => page.go(page.at + 1), PageDown: () => page.go(page.at + 1),
  ArrowLeft: () => page.go(page.at - 1), PageUp: () => page.go(page.at - 1),
  Home: () => page.go(0), End: () => page.go(page.rows.length - 1),
};
const faster = step => {
  const names = Object.keys(SPEEDS);
  page.speed = names[Math.max(0, Math.min(2, names.indexOf(page.speed) + step))];
  $("speed").value = page.speed;
};
const LETTERS = {
  " ": () => page.play(), w: () => page.wake(1), W: () => page.wake(-1),
  t: () => page.nextOfTask(), a: () => page.toggleAxis(), l: () => page.language(),
  v: () => page.wrongRow >= 0 && page.go(page.wrongRow),
  d: () => page.rows.some(row => row.includes(-1)) && page.difference(),
  p: () => page.setMode(page.mode === "predict" ? "watch" : "predict"),
  s: () => page.setMode(page.mode === "schedule" ? "watch" : "schedule"),
  f: () => $("whole")?.click(), "?": () => page.help(),
  "+": () => faster(1), "-": () => faster(-1),
};

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || $("keys").open) return;
  const tag = event.target.tagName;
  if (tag === "SELECT") return;
  const page_key = event.key === "PageDown" || event.key === "PageUp";
  if (event.target.type === "range" && !page_key) return;
  if (event.key === " " && (tag === "BUTTON" || tag === "A")) return;
  const act = KEYS[event.key] || page.letters && Object.hasOwn(LETTERS, event.key) && LETTERS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

$("first").onclick = () => page.go(0);
$("back").onclick = () => page.go(page.at - 1);
$("next").onclick = () => page.go(page.at + 1);
$("last").onclick = () => page.go(page.rows.length - 1);
$("play").onclick = () => page.play();
$("next-wake").onclick = () => page.wake(1);
$("next-task").onclick = () => page.nextOfTask();
$("difference").onclick = () => page.difference();
$("axis").onclick = () => page.toggleAxis();
$("language").onclick = () => page.language();
$("help").onclick = () => page.help();
$("position").oninput = event => page.go(Number(event.target.value) - 1);
$("speed").onchange = event => { page.speed = event.target.value; };
$("mode").onchange = event => page.setMode(event.target.value);
$("source").addEventListener("click", event => {
  if (event.target.id !== "whole") return;
  page.source.whole = !page.source.whole;
  page.source.draw(page.source.line);
  $("whole").focus();
});
$("extra").addEventListener("click", event => {
  const {answer, delay} = event.target.dataset;
  if (answer !== undefined) page.predict.answer(Number(answer));
  if (delay) page.scheduler.run(delay === "here" ? page.scheduler.target() : null);
});
$("extra").addEventListener("change", event => {
  if (event.target.id !== "program") return;
  page.scheduler.program = event.target.value;
  page.scheduler.run(null);
});
// From the event: the page may have written its own address over the new one meanwhile.
addEventListener("hashchange", event => page.readAddress(new URL(event.newURL).hash));
let resized;
addEventListener("resize", () => {
  clearTimeout(resized);
  resized = setTimeout(() => { page.draw(); page.show(true); }, 80);
});
// On paper: all the steps, each with its state when there are not too many.
addEventListener("beforeprint", () => {
  const {views, rows, list} = page;
  list.reveal();
  if (views.length > 1 || rows.length > 400) return;
  rows.forEach((row, p) => {
    const line = document.createElement("small");
    line.className = "state-line";
    line.textContent = stateLine(views[0].run, views[0].run.after(row[0] + 1).state);
    list.list.children[p].append(line);
  });
});
addEventListener("afterprint", () => {
  document.querySelectorAll(".state-line").forEach(line => line.remove());
  page.show(true);
});

lang = DATA.lang || (/^fr/.test(navigator.language) ? "fr" : "en");
// So many tasks make a picture on the axis of time, and none step by step.
if (Object.keys(DATA.traces[0].tasks || {}).length > 40) page.axis = "time";
page.load(DATA.traces, 0);
if (page.wrongRow >= 0) page.at = page.wrongRow;
page.readAddress();
page.show(true);
globalThis.reveil = {page, Run, Machine, sentences, stateLine, matchRuns, model};
