// The list of all formulas of a document.

import { at, button, element, plural, say } from "./page.js";
import { copy, markdown, row } from "./reading.js";
import { goTo } from "./viewer.js";

const WANTED = "svg=true&alternatives=0";

let opened = null; // the document
let rows = []; // its formulas so far, in reading order: { page, formula, index, answer or error }
let running = null;

/** Begin the list of another document; null for none. */
export function listOf(document) {
  running?.abort();
  running = null;
  opened = document;
  rows = [];
  at("formulas").replaceChildren();
  at("all").hidden = !document;
  setRunning(false);
  at("progress").textContent = "";
}

/** Read every formula of every page, from the beginning. */
async function readAll() {
  listOf(opened);
  running = new AbortController();
  const { signal } = running;
  setRunning(true);
  try {
    for (let page = 1; page <= opened.pages; page += 1) {
      at("progress").textContent = `Page ${page} of ${opened.pages}, ${sofar()}`;
      await readPage(page, signal);
    }
    at("progress").textContent = `${sofar()}.`;
    say(`All pages are read: ${sofar()}.`);
  } catch (error) {
    if (signal !== running?.signal) return; // another document is open
    const why = error.name === "AbortError" ? "Stopped." : error.message;
    at("progress").textContent = `${why} ${sofar()}.`;
  }
  setRunning(false);
}

async function readPage(page, signal) {
  let found;
  try {
    found = await opened.page(page, signal);
  } catch (error) {
    if (error.code !== "input") throw error;
    add([{ page, error }]);
    return;
  }
  const all = found.formulas.map((formula, place) => ({ page, formula, index: place + 1 }));
  const read = await Promise.all(all.map((one) => readOne(one, signal))); // by the server together
  for (const [place, one] of read.entries()) { // one that takes too long fails all at its side
    if (one.error?.code === "busy") read[place] = await readOne(all[place], signal);
  }
  add(read);
}

async function readOne(one, signal) {
  try {
    return { ...one, answer: await opened.formula(one.page, one.index, WANTED, signal) };
  } catch (error) {
    if (error.name === "AbortError" || error.code === "gone") throw error;
    return { ...one, error };
  }
}

function add(more) {
  rows.push(...more);
  at("formulas").append(...more.map(listed));
  showControls();
}

function listed(one) {
  const where = placeOf(one);
  if (one.error) return element("li", `${where}: ${one.error.message}`, "failed");
  const going = button(where, () => goTo(one.page, one.index));
  going.className = "link";
  return row(one.answer, going);
}

function placeOf({ page, index, answer }) {
  const parts = opened.pages > 1 ? [`page ${page}`] : [];
  if (answer?.number) parts.push(`equation (${answer.number})`);
  else if (index) parts.push(`formula ${index}`);
  const place = parts.join(", ") || "page 1";
  return place[0].toUpperCase() + place.slice(1);
}

function sofar() {
  const failed = rows.filter((one) => one.error).length;
  const count = plural(rows.length - failed, "formula");
  return failed ? `${count}, ${failed} failed` : count;
}

function setRunning(on) {
  at("start").hidden = on;
  at("stop").hidden = !on;
  at("start").textContent = rows.length ? "Read all formulas again" : "Read all formulas";
  showControls();
}

function showControls() {
  at("take").hidden = !rows.some((one) => one.answer);
}

/** A row as a line of JSON, as `im2latex predict --format jsonl` writes it. */
function jsonLine({ page, formula, answer, error }) {
  const { name } = opened.file;
  const line = {
    path: opened.isPdf ? `${name}#page=${page}` : name,
    page: opened.isPdf ? page : null,
  };
  if (formula) {
    line.box = formula.box.map((side) => Math.round(10 * side) / 10);
    line.unit = opened.unit;
    line.kind = formula.kind;
    line.number = answer?.number ? `(${answer.number})` : null;
  }
  if (error) return JSON.stringify({ ...line, error: error.message });
  const { latex, confidence, score, alternatives, model, milliseconds, warnings } = answer;
  return JSON.stringify({ ...line, latex, confidence, score, alternatives, model, milliseconds, warnings });
}

function written(form) {
  const answers = rows.filter((one) => one.answer).map((one) => one.answer);
  if (form === "md") return `${answers.map(markdown).join("\n\n")}\n`;
  if (form === "txt") return `${answers.map((answer) => answer.latex).join("\n")}\n`;
  return `${rows.map(jsonLine).join("\n")}\n`;
}

function save() {
  const form = at("form").value;
  const link = element("a");
  link.download = `${opened.file.name.replace(/\.[^.]*$/, "") || "document"}-formulas.${form}`;
  link.href = URL.createObjectURL(new Blob([written(form)], { type: "text/plain" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

at("start").addEventListener("click", readAll);
at("stop").addEventListener("click", () => running?.abort());
at("copy-all").addEventListener("click", () => copy(at("copy-all"), written(at("form").value)));
at("save").addEventListener("click", save);
