"use strict";
// The search, and the switch of language that stays at the same place. Every
// page can be read without this script.
(() => {
  const $ = name => document.getElementById(name);
  const input = $("search"), found = $("found"), most = 20;

  // --- the language -------------------------------------------------------
  // Both pages of a lesson have the same sections; so the other page opens at
  // the section that is being read here.
  const other = $("other");
  const here = () => {
    let last = "";
    for (const head of document.querySelectorAll("main [id]:not(#toc)"))
      if (head.getClientRects().length && head.getBoundingClientRect().top < 90) last = head.id;
    return last;
  };
  const keep = () => {
    const place = here();
    other.href = other.href.split("#")[0] + (place ? "#" + place : "");
    try { localStorage.setItem("reveil-lang", other.lang); } catch (error) { /* file:// may forbid it */ }
  };
  other.addEventListener("click", keep);
  other.addEventListener("auxclick", keep);

  // A link into folded text opens it; so does a printer, as paper has no folds.
  const unfold = () => {
    let at = null;
    try { at = $(decodeURIComponent(location.hash.slice(1))); } catch (error) { /* no id of ours */ }
    for (let one = at; one; one = one.parentElement)
      if (one.tagName === "DETAILS") one.open = true;
    if (at) at.scrollIntoView({behavior: "instant"});
  };
  addEventListener("hashchange", unfold);
  unfold();
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  // --- the search ---------------------------------------------------------
  // The index is a script, not JSON: a page of file:// may load no other file.
  input.parentElement.hidden = false;
  let asked = false;
  const load = () => {
    if (asked) return;
    asked = true;
    const script = document.createElement("script");
    script.src = "search.js";
    script.onload = search;
    document.head.append(script);
  };
  const fold = text => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[’']/g, "'").toLowerCase();
  const element = (name, text) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    return made;
  };

  // Folding may change the length of a text: each folded letter keeps where it
  // came from.
  const excerpt = (text, word) => {
    const made = element("span");
    const places = [];
    let folded = "";
    [...text].reduce((at, letter) => {
      const small = fold(letter);
      for (let i = 0; i < small.length; i++) places.push(at);
      folded += small;
      return at + letter.length;
    }, 0);
    places.push(text.length);
    const at = folded.indexOf(word);
    if (at < 0) {
      made.textContent = text.slice(0, 110);
      return made;
    }
    const from = places[at], to = places[at + word.length];
    const begin = Math.max(0, from - 45);
    made.append((begin ? "…" : "") + text.slice(begin, from), element("mark", text.slice(from, to)),
      text.slice(to, to + 75) + (to + 75 < text.length ? "…" : ""));
    return made;
  };

  function search() {
    const words = fold(input.value).split(/\s+/).filter(Boolean);
    if (!words.length || !window.REVEIL_INDEX) {
      found.hidden = true;
      return;
    }
    const hits = [];
    window.REVEIL_INDEX.forEach((row, order) => {
      row.title = row.title || fold(row[2] + " " + row[3]);
      row.text = row.text || fold(row[4]);
      let score = 0;
      for (const word of words) {
        const inTitle = row.title.includes(word), count = row.text.split(word).length - 1;
        if (!inTitle && !count) return;
        score += (inTitle ? 20 : 0) + Math.min(count, 8);
      }
      hits.push({row, score, order});
    });
    hits.sort((a, b) => b.score - a.score || a.order - b.order);
    const say = found.dataset;
    const list = element("ol");
    for (const {row} of hits.slice(0, most)) {
      const item = element("li"), link = element("a", row[2] + (row[3] ? " – " + row[3] : ""));
      link.href = row[0] + (row[1] ? "#" + row[1] : "");
      item.append(link, excerpt(row[4], words.find(word => row.text.includes(word)) || words[0]));
      list.append(item);
    }
    const count = hits.length === 0 ? say.none : hits.length === 1 ? say.one : hits.length + " " + say.many;
    found.replaceChildren(element("p", count), list);
    found.hidden = false;
  }

  input.addEventListener("focus", load);
  input.addEventListener("input", () => { load(); search(); });
  const links = () => [...found.querySelectorAll("a")];
  addEventListener("keydown", event => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
      return;
    }
    if (found.hidden || !event.target.closest(".find")) return;
    const all = links(), at = all.indexOf(document.activeElement);
    if (event.key === "Escape") {
      found.hidden = true;
      input.focus();
    } else if (event.key === "ArrowDown" && all.length) {
      event.preventDefault();
      all[Math.min(at + 1, all.length - 1)].focus();
    } else if (event.key === "ArrowUp" && at >= 0) {
      event.preventDefault();
      (at ? all[at - 1] : input).focus();
    } else if (event.key === "Enter" && at < 0 && all.length) {
      event.preventDefault();
      all[0].click();
    }
  });
  addEventListener("click", event => {
    if (!event.target.closest(".find") || event.target.closest("#found a")) found.hidden = true;
  });
})();
