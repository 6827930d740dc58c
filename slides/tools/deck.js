// Keys, a clicker, pauses, and the presenter's notes in a second window.
"use strict";
const slides = [...document.querySelectorAll(".slide")];
const MOST_PERCENT = 145;
const WIDTHS_REM = [64, 41.6];  // with the notes below; as narrow as it can be
// No line ends inside of these: "est-il", "deck 3", "answer C", "600 ms".
const WHOLE = "\\p{L}+(?:-\\p{L}+)+|(?:lesson|leçon|deck|présentation|answer|" +
    "réponse|source|slot|generation|génération)\\s(?:\\d+b?|[A-D])\\b|" +
    "\\d\\s(?:[mn]?s|[kMG][Bo]|bytes?|octets?)\\b";
const LAST_WORD = "\\S+\\s\\S{1,3}\\s*$";  // nor is one that short left alone
let now = 0, shown = 0, notes = null, started = Date.now();

// The parts of a slide behind its n-th pause.
function parts(slide) {
    const groups = [];
    for (const child of slide.children) {
        if (child.matches("hr.pause")) groups.push([]);
        else if (groups.length && !child.matches("footer, aside"))
            groups[groups.length - 1].push(child);
    }
    return groups;
}

function show() {
    slides.forEach((slide, i) => slide.classList.toggle("now", i === now));
    parts(slides[now]).forEach((group, i) => group.forEach(
        part => part.classList.toggle("later", i >= shown)));
    history.replaceState(null, "", "#" + (now + 1));
    tell();
}

function tell() {
    if (!notes || notes.closed) return;
    const aside = slides[now].querySelector("aside");
    const next = slides[now + 1];
    notes.document.getElementById("notes").innerHTML =
        aside ? aside.innerHTML : "";
    notes.document.getElementById("now").textContent =
        slides[now].querySelector("h2").textContent;
    notes.document.getElementById("next").textContent =
        next ? "→ " + next.querySelector("h2").textContent : "";
}

function clock() {
    if (!notes || notes.closed) return;
    const seconds = Math.floor((Date.now() - started) / 1000);
    const planned = slides.slice(0, now + 1).reduce(
        (sum, slide) => sum + Number(slide.dataset.minutes || 0), 0);
    notes.document.getElementById("clock").textContent =
        Math.floor(seconds / 60) + ":" +
        String(seconds % 60).padStart(2, "0") + " / " + planned + " min";
}

function openNotes() {
    if (!document.querySelector("aside.notes")) return;
    notes = window.open("", "notes", "width=700,height=600");
    if (!notes) { document.body.classList.add("below"); return; }
    notes.document.title = document.title;
    notes.document.body.innerHTML =
        "<style>body{font:20px sans-serif;margin:1em}#clock{font-size:2em}" +
        "</style><div id=clock></div><h2 id=now></h2><div id=notes></div>" +
        "<p id=next></p>";
    notes.document.addEventListener("keydown", onKey);
    started = Date.now();
    tell();
    clock();
}

function move(step) {
    const steps = parts(slides[now]).length;
    if (step > 0 && shown < steps) shown++;
    else if (step < 0 && shown > 0) shown--;
    else if (slides[now + step]) {
        now += step;
        shown = step > 0 ? 0 : parts(slides[now]).length;
    }
    show();
}

function go(to) {
    now = Math.max(0, Math.min(slides.length - 1, to));
    shown = 0;
    show();
}

function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key;
    if (["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"].includes(key))
        move(1);
    else if (["ArrowLeft", "ArrowUp", "PageUp", "Backspace"].includes(key))
        move(-1);
    else if (key === "Home") go(0);
    else if (key === "End") go(slides.length - 1);
    else if (key === "s") openNotes();
    else if (key === "b") document.body.classList.toggle("below");
    else if (key === "f") document.documentElement.requestFullscreen();
    else return;
    event.preventDefault();
}

// How a slide does not fit into its window, "" if it does.
function cutOf(slide) {
    const room = slide.querySelector("footer").getBoundingClientRect();
    const right = slide.getBoundingClientRect().right;
    let cut = "";
    for (const child of slide.children) {
        const box = child.getBoundingClientRect();
        if (child.matches("footer, aside, hr")) continue;
        if (box.bottom > room.top + 1 || box.right > right ||
            child.scrollWidth > child.clientWidth + 1 &&
            !child.matches("figure, svg"))
            cut = Math.ceil(box.bottom - room.top) + "px";
        for (const pre of child.matches("pre") ? [child]
            : child.querySelectorAll("pre"))
            if (pre.scrollWidth > pre.clientWidth + 1)
                cut = "code";
    }
    return cut;
}

// A slide with little on it is written larger, for the last row: all of it, and
// then, where a wide line of code or a table holds it back, the text alone.
// Measured in two shapes, it fits into each window, and on paper.
function grow(slide) {
    slide.classList.add("now", "measured");
    const uncut = width => {
        slide.style.width = width + "rem";
        return !cutOf(slide);
    };
    const tables = [...slide.querySelectorAll("table")];
    uncut(WIDTHS_REM[1]);
    const heights = tables.map(table => table.offsetHeight);
    const set = (name, percent) =>
        slide.style.setProperty("--" + name, percent / 100);
    // No cell of a table gets a line more.
    const fits = block => WIDTHS_REM.every(uncut) && tables.every((table, i) =>
        table.offsetHeight <= heights[i] * block / 100 * 1.03);
    let block = MOST_PERCENT + 5;
    do {
        block -= 5;
        set("grow", block);
        set("block", block);
    } while (block > 100 && !fits(block));
    for (let text = MOST_PERCENT; text > block; text -= 5) {
        set("grow", text);
        if (fits(block)) break;
        set("grow", block);
    }
    slide.style.removeProperty("width");
    slide.classList.remove("now", "measured");
}

// For the tests: which slides do not fit into this window.
function markWhatIsCut() {
    for (const slide of slides) {
        slide.classList.add("now");
        const cut = cutOf(slide);
        if (cut) slide.dataset.cut = cut;
        slide.classList.remove("now");
    }
}

function keepWhole(block) {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
        if (text.parentNode.closest("code, pre, svg, .kept")) continue;
        const pattern = text === block.lastChild ? WHOLE + "|" + LAST_WORD
            : WHOLE;
        const found = [...text.data.matchAll(new RegExp(pattern, "giu"))];
        for (const match of found.reverse()) {
            const part = text.splitText(match.index);
            part.splitText(match[0].length);
            const span = document.createElement("span");
            span.className = "kept";
            part.replaceWith(span);
            span.append(part);
        }
    }
}

addEventListener("keydown", onKey);
document.querySelectorAll(".slide :is(h2, p, li, td)").forEach(keepWhole);
setInterval(clock, 1000);
slides.forEach(grow);
const asked = location.hash.slice(1);
if (asked === "cut") markWhatIsCut();
go((parseInt(asked, 10) || 1) - 1);
