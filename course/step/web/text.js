// --- text: the words of sentences.toml, numbers, placeholders (words.py) ---
// A pair of texts stands as [English, French] in the page.
const WORDS = JSON.parse(document.getElementById("words").textContent,
  (key, value) => key !== "kinds" && Array.isArray(value)
    ? {en: value[0], fr: value[1]} : value);
let lang = "en";

const esc = text => String(text).replace(/[&<>"]/g,
  c => ({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})[c]);
const capital = text => text.slice(0, 1).toUpperCase() + text.slice(1);

function fill(template, values) {
  return template.replace(/\{([A-Za-z]\w*)(?:\?([^|{}]*)\|([^{}]*))?\}/g,
    (all, name, one, many) => {
      const value = values[name];
      if (one === undefined) return value === undefined ? "" : String(value);
      const text = String(value);
      return text === "1" || text === "0" && values.lang === "fr" ? one : many;
    });
}

const word = (table, key, values) =>
  fill(WORDS[table][key][lang], {...values, lang});
const ui = (key, values) => word("ui", key, values);
// The same, or for a run that did not come to a stand what its step only shows.
const SEEN = {hopeless: "seen", hopeless_lane: "seen_lane", stopped_here: "seen_here"};
const uiOf = (verdict, key, values) =>
  ui(verdict && verdict.stuck === false ? SEEN[key] : key, values);
const colon = () => lang === "fr" ? "\u00a0: " : ": ";
const pair = text =>
  text && typeof text === "object" ? text[lang] || text.en || "" : text || "";

// 316,612.5 in English, 316 612,5 in French.
function number(value, decimals = 0) {
  const [whole, rest] = Number(value).toFixed(decimals).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g,
                                lang === "fr" ? "\u202f" : ",");
  return rest ? grouped + (lang === "fr" ? "," : ".") + rest : grouped;
}
const milliseconds = ns => number(Math.floor(ns / 100000 + 0.5) / 10, 1) + " ms";
