// A document page by page, with boxes around the formulas that were found.

import { at, element, plural, reach, say, walk } from "./page.js";
import { hide, show, wait } from "./reading.js";
import { onRectangle, removeRectangle } from "./rectangle.js";

const WANTED = "svg=true&attention=true&formats=true";
const MARGIN = 4; // of a box around its formula
const ZOOMS = [1, 1.5, 2, 3];

let opened = null; // the document
let number = 0; // of the page
let found = null; // on the page
let turning = null;
let reading = null;
let answers = new Map(); // of the page, by formula
let zoom = 0;

/** Show the first page of a document. */
export function view(document) {
  opened = document;
  at("document").hidden = false;
  at("work").classList.add("split");
  at("pages").hidden = document.pages === 1;
  at("number").max = document.pages;
  at("count").textContent = `of ${document.pages.toLocaleString("en")}`;
  setZoom(0);
  return turn(1);
}

export function closeViewer() {
  turning?.abort();
  reading?.abort();
  opened = null;
  at("document").hidden = true;
  at("work").classList.remove("split");
}

/** Show a page, then look for its formulas. */
export async function turn(to) {
  if (!opened) return;
  number = Math.min(opened.pages, Math.max(1, to));
  turning?.abort();
  reading?.abort();
  turning = new AbortController();
  const { signal } = turning;
  found = null;
  answers = new Map();
  at("number").value = number;
  at("previous").disabled = number === 1;
  at("next").disabled = number === opened.pages;
  at("boxes").replaceChildren();
  at("sheet").setAttribute("aria-busy", "true");
  hide();
  removeRectangle();
  try {
    say(opened.pages > 1 ? `Opening page ${number}…` : "Opening…");
    await showPicture(await opened.picture(number, signal), signal);
    say("Looking for formulas…");
    found = await opened.page(number, signal);
    showBoxes();
  } catch (error) {
    if (error.name === "AbortError") return;
    say(error.message, { wrong: true });
  }
  at("sheet").setAttribute("aria-busy", "false");
}

async function showPicture(blob, signal) {
  const image = at("page");
  const before = image.src;
  image.src = URL.createObjectURL(blob);
  image.alt = opened.pages > 1 ? `Page ${number} of ${opened.pages}` : "Your picture";
  if (before) URL.revokeObjectURL(before);
  await image.decode().catch(() => {});
  signal.throwIfAborted();
}

function showBoxes() {
  at("boxes").replaceChildren(...found.formulas.map(box));
  if (found.formulas.length) reach(at("boxes").firstElementChild);
  const where = opened.pages > 1 ? `Page ${number} of ${opened.pages}: ` : "";
  const count = found.formulas.length;
  say(count
    ? `${where}${plural(count, "formula")}. Choose one, or draw a rectangle around anything else.`
    : `${where || "In this picture "}no displayed formula was found. Draw a rectangle around what to read.`);
}

function box(formula, index) {
  const made = element("button", "", "box");
  made.type = "button";
  made.dataset.number = index + 1;
  const numbered = formula.numbers.length ? ", with an equation number" : "";
  made.setAttribute("aria-label", `Formula ${index + 1} of ${found.formulas.length}${numbered}`);
  const [left, top, right, bottom] = formula.box;
  made.style.left = `calc(${100 * left / found.width}% - ${MARGIN}px)`;
  made.style.top = `calc(${100 * top / found.height}% - ${MARGIN}px)`;
  made.style.width = `calc(${100 * (right - left) / found.width}% + ${2 * MARGIN}px)`;
  made.style.height = `calc(${100 * (bottom - top) / found.height}% + ${2 * MARGIN}px)`;
  made.addEventListener("click", () => readFormula(index + 1));
  return made;
}

/** Show a formula of a page, wherever the viewer is now. */
export async function goTo(page, formula) {
  if (page !== number || !found) await turn(page);
  const made = at("boxes").children[formula - 1];
  if (!made) return;
  made.focus();
  readFormula(formula);
}

function readFormula(index) {
  removeRectangle();
  mark(index);
  const title = `Formula ${index} of ${found.formulas.length}`;
  readPart(title, async (signal) => {
    if (!answers.has(index)) answers.set(index, await opened.formula(number, index, WANTED, signal));
    return answers.get(index);
  });
}

function readRectangle([left, top, right, bottom]) {
  if (!opened) return;
  mark(0);
  readPart("Your rectangle", async (signal) => {
    const { width, height } = found || await opened.page(number, signal);
    const sides = [left * width, top * height, right * width, bottom * height];
    return opened.part(number, sides, WANTED, signal);
  });
}

async function readPart(title, ask) {
  reading?.abort();
  reading = new AbortController();
  const { signal } = reading;
  say("Reading…");
  wait();
  try {
    const answer = await ask(signal);
    signal.throwIfAborted();
    show(answer, answer.number ? `${title}, equation (${answer.number})` : title);
  } catch (error) {
    if (error.name === "AbortError") return;
    hide();
    say(error.message, { wrong: true });
  }
}

/** Mark the box whose reading is shown. */
function mark(index) {
  [...at("boxes").children].forEach((made, place) => {
    if (place + 1 === index) {
      made.setAttribute("aria-current", "true");
      reach(made);
      made.scrollIntoView({ block: "nearest", inline: "nearest" });
    } else made.removeAttribute("aria-current");
  });
}

function setZoom(to) {
  zoom = to;
  at("sheet").style.width = `${100 * ZOOMS[zoom]}%`;
  at("smaller").disabled = zoom === 0;
  at("larger").disabled = zoom === ZOOMS.length - 1;
  at("zoom").textContent = `${100 * ZOOMS[zoom]} %`;
}

onRectangle(readRectangle);
walk(at("boxes"));
at("previous").addEventListener("click", () => turn(number - 1));
at("next").addEventListener("click", () => turn(number + 1));
at("number").addEventListener("change", () => turn(Math.round(Number(at("number").value)) || number));
at("smaller").addEventListener("click", () => setZoom(zoom - 1));
at("larger").addEventListener("click", () => setZoom(zoom + 1));
