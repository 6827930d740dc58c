// --- modes: predict what comes next; choose where a delay falls --------------
class Predict {
  constructor(page) {
    this.page = page;
    this.right = this.asked = 0;
    this.answered = new Map(); // step -> was it right
    this.question = null;
    this.feedback = "";
  }

  // What has to be chosen before step i, or null.
  choice(i) {
    const run = this.page.views[0].run, e = run.events[i];
    if (!e || this.answered.has(i)) return null;
    const m = run.after(i), s = m.state;
    const alive = byNumber(s.tasks).filter(([, t]) =>
      !["done", "dropped"].includes(t.does)).map(([id]) => Number(id));
    const some = task => {
      const pool = alive.length <= 5 ? alive : alive.filter(id =>
        id === task || m.queued(id)).slice(0, 4);
      return [...new Set([...pool, task])].sort((a, b) => a - b);
    };
    const takes = e.kind === "pop" ||
      e.kind === "poll" && e.task >= 0 && m.thread(e.thread).does !== "takes" &&
      !m.thread(e.thread).polls.length;
    if (takes || e.kind === "park" || e.kind === "permit") {
      const options = some(e.kind === "park" || e.kind === "permit" ? alive[0] ?? 0 : e.task)
        .map(task => ({task, text: ui("option_poll", {task})}));
      if (run.events.some(x => x.kind === "park"))
        options.push({task: -1, text: ui("option_sleep")});
      if (options.length < 2 || e.kind === "permit") return null;
      const queue = s.queues[e.thread] || [];
      const why = e.kind === "park" ? ui(queue.length ? "because_asleep" : "because_empty")
        : queue[0] === e.task ? ui("because_head", {task: e.task})
        : queue.length ? "" : ui("because_busy");
      return {i, text: ui("ask_next", {who: who(run, e.thread)}), options,
              answer: takes ? e.task : -1, why};
    }
    const told = run.events[i - 1];
    if (told && told.kind === "event" && e.thread === told.thread && alive.length > 1) {
      const answer = e.kind === "wake" ? e.task : -1;
      const options = some(answer < 0 ? alive[0] : answer).map(task =>
        ({task, text: ui("option_task", {task})}));
      options.push({task: -1, text: ui("option_nobody")});
      return {i, text: ui("ask_woken", {source: told.source}), options, answer,
              why: answer < 0 ? "" : ui("because_waker", {source: told.source, task: answer})};
    }
    return null;
  }

  // May the page go from step `from` to `to`? Else it stops and asks.
  stop(from, to) {
    for (let i = from + 1; i <= to; i++) {
      const question = this.choice(i);
      if (question) {
        this.question = question;
        this.feedback = "";
        return i - 1;
      }
    }
    this.question = null;
    return to;
  }

  answer(task) {
    const q = this.question;
    if (!q) return;
    const right = task === q.answer;
    this.asked++;
    this.right += right;
    this.answered.set(q.i, right);
    const text = (q.options.find(o => o.task === q.answer) || {}).text || "";
    this.feedback = `<p class="${right ? "good" : "wrong"}">` +
      `${right ? "✓ " + ui("predicted_right") : "✗ " + esc(ui("predicted_wrong", {answer: text}))} ${esc(q.why)}</p>`;
    this.question = null;
    this.page.go(q.i);
  }

  html() {
    const q = this.question, end = this.page.at >= this.page.rows.length - 1;
    const score = ui(end && !q ? "score_end" : "score",
                     {right: this.right, asked: this.asked});
    return `<div class="ask" role="group" aria-label="${ui("predict")}">` +
      `<p><b>${esc(q ? q.text : ui("predict"))}</b> <span class="score">${score}</span></p>` + this.feedback +
      (q ? `<p class="options">${q.options.map(o =>
        `<button type="button" data-answer="${o.task}">${esc(o.text)}</button>`).join("")}</p>`
         : `<p class="soft">${ui("predict_intro")}</p>`) + `</div>`;
  }
}

class Scheduler {
  constructor(page) {
    this.page = page;
    this.program = "no_permit";
    this.tries = [];
    this.delay = null;
  }
  run(delay) {
    this.delay = delay;
    const trace = modelTrace(this.program, delay);
    if (delay) this.tries.push({delay, lost: !!trace.verdict, program: this.program});
    this.page.load([trace], trace.verdict ? trace.verdict.step - 1 : 0);
  }
  // The call before which the thread of this step can be held.
  target() {
    const {views, at} = this.page, run = views[0].run, e = run.events[at];
    const call = (run.trace.calls || [])[at];
    return call > 0 ? {thread: e.thread, call} : null;
  }
  html() {
    const target = this.target(), run = this.page.views[0].run;
    const last = this.tries[this.tries.length - 1];
    const at = d => `${threadName(run, d.thread)}:${d.call}`;
    const result = last && this.delay ? `<p class="${last.lost ? "good" : "soft"}">` +
      `${last.lost ? "✓ " : ""}${ui(last.lost ? "try_lost" : "try_held", {n: this.tries.length})} ` +
      `(${ui("delay")} ${at(last.delay)})</p>` : "";
    return `<div class="ask" role="group" aria-label="${ui("schedule")}"><p>${ui("schedule_intro")}</p>` +
      `<p class="options"><label>${ui("program")} <select id="program">` +
      ["no_permit", "unpark_first", "waker_late", "right"].map(p =>
        `<option value="${p}"${p === this.program ? " selected" : ""}>` +
        `${ui(p === "right" ? "right_program" : p)}</option>`).join("") + `</select></label>` +
      `<button type="button" data-delay="here"${target ? "" : " disabled"}>` +
      `${esc(ui("delay_here", {name: target ? threadName(run, target.thread) : "…"}))}</button>` +
      `<button type="button" data-delay="none">${ui("no_delay")}</button></p>${result}` +
      (this.program === "right" && this.tries.filter(t => t.program === "right").length > 2
        ? `<p>${ui("try_right")}</p>` : "") + `</div>`;
  }
}
