// One reading: the formula, its LaTeX, other readings, and where the model looked.

import { at, element, percent, reach, say, walk } from "./page.js";

// ADVICE, the advice for each warning, is in warnings.js, which the server writes.
const DOUBTFUL = 0.5;
const TINT = [255, 115, 25];

let answer = null;
let looked = null;

/** Dim what is shown while the next is read. */
export function wait() {
  at("result").classList.add("old");
}

export function hide() {
  at("result").hidden = true;
  answer = null;
}

/** Show a reading; `title` says of what on a page. */
export function show(got, title = "") {
  answer = got;
  at("result").hidden = false;
  at("result").classList.remove("old");
  at("result").scrollTop = 0;
  at("which").textContent = title;
  at("which").hidden = !title;
  const seconds = (got.milliseconds / 1000).toFixed(1);
  say(`Read in ${seconds} s`, { aside: `${got.latex}, ${percent(got.confidence)} sure` });
  drawFormula(got);
  at("latex").textContent = got.latex;
  at("sure").textContent = `${percent(got.confidence)} sure`;
  at("bar").style.width = `${100 * got.confidence}%`;
  at("sure").parentElement.classList.toggle("doubtful", got.confidence < DOUBTFUL);
  at("warnings").replaceChildren(...got.warnings.map((name) => element("li", ADVICE[name] || name)));
  at("warnings").hidden = !got.warnings.length;
  at("list").replaceChildren(...got.alternatives.map(other));
  at("others").hidden = !got.alternatives.length;
  showLooked(got.attention);
}

/** The formula as a drawing, and as MathML for screen readers. */
function drawFormula(got) {
  draw(at("formula"), got.svg);
  const drawn = at("formula").querySelector("svg");
  if (!drawn || !got.formats) return;
  drawn.setAttribute("aria-hidden", "true");
  const spoken = element("span", "", "unseen");
  const plain = got.formats.mathml.replace(/ style="[^"]*"/g, ""); // the policy complains of styles
  const parsed = new DOMParser().parseFromString(plain, "application/xml");
  spoken.append(document.adoptNode(parsed.documentElement));
  at("formula").append(spoken);
}

export function draw(place, svg) {
  if (!svg) {
    place.replaceChildren(element("p", "This LaTeX cannot be drawn."));
    return;
  }
  const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  place.replaceChildren(document.adoptNode(parsed));
}

/** A row of a list: a drawing, a remark, a button that copies, the LaTeX. */
export function row(reading, remark) {
  const made = element("li");
  const drawn = element("div", "", "small");
  draw(drawn, reading.svg);
  const copying = element("button", "Copy");
  copying.type = "button";
  copying.setAttribute("aria-label", `Copy ${reading.latex}`);
  copying.addEventListener("click", () => copy(copying, reading.latex));
  made.append(drawn, remark, copying, element("code", reading.latex));
  return made;
}

function other(reading) {
  return row(reading, element("span", percent(reading.confidence), "hint"));
}

/** A display of Markdown, with its equation number if it has one. */
export function markdown(reading) {
  const tag = reading.number ? ` \\tag{${reading.number}}` : "";
  return `$$${reading.latex}${tag}$$`;
}

function inFormat(format) {
  switch (format) {
    case "latex": return answer.latex;
    case "display": return `$$${answer.latex}$$`;
    case "markdown": return markdown(answer);
    default: return answer.formats[format];
  }
}

export async function copy(button, text) {
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  button.textContent = (await toClipboard(text)) ? "Copied" : "Not allowed";
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => { button.textContent = label; }, 1500);
}

async function toClipboard(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* the older way may still be allowed */ }
  }
  const focused = document.activeElement;
  const area = element("textarea", text);
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused.focus();
  return done;
}

function showLooked(attention) {
  looked = attention;
  at("looked").hidden = !attention || !attention.tokens.length;
  if (at("looked").hidden) return;
  const image = new Image();
  image.onload = () => {
    if (looked !== attention) return;
    attention.image = image;
    at("canvas").width = image.width;
    at("canvas").height = image.height;
    tint(-1);
  };
  image.src = attention.picture;
  at("tokens").replaceChildren(...attention.tokens.map(token));
  reach(at("tokens").firstElementChild);
}

function token(text, index) {
  const made = element("button", text);
  made.type = "button";
  for (const kind of ["pointerenter", "focus", "click"]) made.addEventListener(kind, () => tint(index));
  return made;
}

function tint(index) {
  if (!looked || !looked.image) return;
  [...at("tokens").children].forEach((made, place) => made.classList.toggle("shown", place === index));
  const canvas = at("canvas");
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = "source-over";
  pen.drawImage(looked.image, 0, 0);
  if (index < 0) return;
  const { rows, columns, cell_height: high, cell_width: wide } = looked;
  const map = new OffscreenCanvas(columns, rows);
  const cells = new ImageData(columns, rows);
  [...atob(looked.weights[index])].forEach((letter, place) => {
    cells.data.set([...TINT, letter.charCodeAt(0)], 4 * place);
  });
  map.getContext("2d").putImageData(cells, 0, 0);
  pen.globalCompositeOperation = "multiply";
  pen.drawImage(map, 0, 0, columns * wide, rows * high);
}

for (const copying of document.querySelectorAll("[data-copy]")) {
  copying.addEventListener("click", () => {
    if (answer) copy(copying, inFormat(copying.dataset.copy));
  });
}
walk(at("tokens"));
at("tokens").addEventListener("pointerleave", () => tint(-1));
at("close").addEventListener("click", hide);
