// --- list: the sentences of all the steps; source: the line of the step -----
class Transcript {
  constructor(list) {
    this.list = list;
    this.at = -1;
    list.addEventListener("click", event => {
      const item = event.target.closest("li");
      if (!item || !item.dataset.row) return;
      event.preventDefault();
      this.onpick(Number(item.dataset.row));
    });
  }

  // rows: what stands in each; one cell a run.
  fill(views, rows, hopeless) {
    const two = views.length > 1;
    this.list.classList.toggle("two", two);
    this.list.style.setProperty("--digits", String(rows.length).length);
    // More than a browser can lay out at each step are shown in parts.
    this.part = rows.length > 5000 ? 1000 : Math.max(1, rows.length);
    this.rows = rows;
    this.first = -1;
    this.html = (row, p) => {
      const cells = row.map((i, k) => {
        if (i < 0) return `<span class="cell none">${two ? esc(ui("nothing_here")) : ""}</span>`;
        const view = views[k];
        return `<span class="cell"><time>${milliseconds(view.run.events[i].ns)}</time> ` +
          `${esc(view.sentences[i])}</span>`;
      });
      const differs = two && row.includes(-1);
      const bad = row[0] >= 0 && row[0] === hopeless;
      return `<li data-row="${p}" class="${differs ? "differs" : ""}${bad ? " bad" : ""}">` +
        `<a href="#s=${p + 1}" data-n="${p + 1}." tabindex="-1">${cells.join("")}</a>` +
        (bad ? `<strong>${esc(uiOf(views[0].run.trace.verdict, "stopped_here"))}</strong>` : "") + `</li>`;
    };
    this.open(0);
  }

  // The part of the list that has row p.
  open(p) {
    const first = Math.floor(p / this.part) * this.part;
    if (first === this.first) return;
    this.first = first;
    this.at = -1;
    this.list.start = first + 1;
    this.list.innerHTML = this.rows.slice(first, first + this.part)
      .map((row, k) => this.html(row, first + k)).join("");
  }

  show(p, follow) {
    this.open(p);
    const old = this.list.children[this.at], now = this.list.children[p - this.first];
    if (old) {
      old.removeAttribute("aria-current");
      old.querySelector("a").tabIndex = -1;
    }
    this.at = p - this.first;
    if (!now) return;
    now.setAttribute("aria-current", "step");
    now.querySelector("a").tabIndex = 0;
    if (this.hide) [...this.list.children].forEach((li, k) => { li.hidden = k > this.at; });
    if (!follow) return;
    scrollInside(this.list, now);
    // What is far away has no size before it is drawn: look again then.
    requestAnimationFrame(() => {
      scrollInside(this.list, now);
      requestAnimationFrame(() => scrollInside(this.list, now));
    });
  }

  reveal() {
    this.hide = false;
    for (const item of this.list.children) item.hidden = false;
  }
}

// Scrolls a box, and never the page around it.
function scrollInside(box, item) {
  if (box.scrollHeight <= box.clientHeight + 2) return;
  const top = item.offsetTop - box.offsetTop;
  if (top < box.scrollTop + 20 ||
      top + item.offsetHeight > box.scrollTop + box.clientHeight - 40)
    box.scrollTop = top - box.clientHeight * .4;
}

// The functions of a C file: [first line, last line], by the braces in column 0.
function functionsOf(lines) {
  const found = [];
  for (let i = 0; i < lines.length; i++) {
    if (lines[i][0] !== "{" && !/^[^\s/#*].*\{$/.test(lines[i])) continue;
    let first = i, last = i;
    while (first > 0 && lines[first - 1] && !/^[}#/]/.test(lines[first - 1]) &&
           !lines[first - 1].endsWith("*/")) first--;
    while (last < lines.length - 1 && lines[last][0] !== "}") last++;
    found.push([first, last]);
    i = last;
  }
  return found;
}

class Source {
  constructor(box, trace) {
    this.box = box;
    const name = Object.keys(trace.files || {})[0];
    this.name = name || "";
    this.lines = name ? trace.files[name].replace(/\n$/, "").split("\n") : [];
    this.functions = functionsOf(this.lines);
    this.whole = false;
    this.line = 0;
    box.hidden = !name;
  }

  draw(line) {
    if (!this.name) return;
    const known = line > 0 && line <= this.lines.length;
    if (known) this.line = line;
    const at = this.line - 1;
    const inside = this.functions.find(([a, b]) => a <= at && at <= b) ||
      [Math.max(0, at - 4), Math.min(this.lines.length - 1, at + 4)];
    const [first, last] = this.whole ? [0, this.lines.length - 1] : inside;
    const rest = count => count > 0
      ? `<div class="fold">⋯ ${number(count)} ${ui("folded")}</div>` : "";
    this.box.innerHTML = `<div class="head"><h2>${ui("source")} <small>${esc(this.name)}` +
      (known ? `:${line}` : ` · ${ui("no_line")}`) + `</small></h2>` +
      `<button type="button" id="whole" aria-pressed="${this.whole}">` +
      `${ui(this.whole ? "one_function" : "whole_file")}</button></div>` +
      `<div class="code" lang="en" tabindex="0">` + rest(first) +
      this.lines.slice(first, last + 1).map((text, k) => {
        const here = first + k === at;
        return `<div${here ? ` class="here${known ? "" : " past"}"` : ""}>` +
          `<i>${here ? "▶" : ""}${first + k + 1}</i>${esc(text) || " "}</div>`;
      }).join("") + rest(this.lines.length - 1 - last) + `</div>`;
    const here = this.box.querySelector(".here"), code = this.box.querySelector(".code");
    if (here) scrollInside(code, here);
  }
}
