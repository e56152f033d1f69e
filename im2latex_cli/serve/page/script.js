"use strict";

// ADVICE, the advice for each warning, is in warnings.js, which the server writes.
const DOUBTFUL = 0.5;
const TINT = [255, 115, 25];

const at = (id) => document.getElementById(id);
let running = null;
let answer = null;
let looked = null;
let request = 0;

function say(text, wrong = false) {
  at("status").textContent = text;
  at("status").classList.toggle("wrong", wrong);
}

function percent(share) {
  return `${Math.round(100 * share)} %`;
}

function preview(file) {
  const image = at("preview");
  if (image.src) URL.revokeObjectURL(image.src);
  image.onload = () => { image.hidden = false; };
  image.onerror = () => { image.hidden = true; };
  image.hidden = true;
  image.src = URL.createObjectURL(file);
  at("drop").classList.add("filled");
  at("ask").textContent = "Paste, drop or choose another";
  at("hint").textContent = file.name || "";
}

async function read(file) {
  if (running) running.abort();
  running = new AbortController();
  const own = ++request;
  preview(file);
  say("Reading…");
  at("result").classList.add("old");
  const options = {
    method: "POST",
    body: file,
    headers: { "Content-Type": file.type || "application/octet-stream" },
    signal: running.signal,
  };
  let got;
  try {
    const response = await fetch("predict?svg=true&attention=true&formats=true", options);
    got = await response.json();
  } catch (error) {
    if (own === request && error.name !== "AbortError") fail("The server does not answer.");
    return;
  }
  if (own !== request) return;
  if (got.error) fail([got.error.message, got.error.hint].filter(Boolean).join(" "));
  else show(got);
}

function fail(text) {
  at("result").hidden = true;
  answer = null;
  say(text, true);
}

function show(got) {
  answer = got;
  at("result").hidden = false;
  at("result").classList.remove("old");
  say(`Read in ${(got.milliseconds / 1000).toFixed(1)} s`);
  draw(at("formula"), got.svg);
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

function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function draw(place, svg) {
  if (!svg) {
    place.replaceChildren(element("p", "This LaTeX cannot be drawn."));
    return;
  }
  const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  place.replaceChildren(document.adoptNode(parsed));
}

function other(reading) {
  const row = element("li");
  const drawn = element("div", "", "small");
  draw(drawn, reading.svg);
  const button = element("button", "Copy");
  button.type = "button";
  button.setAttribute("aria-label", `Copy ${reading.latex}`);
  button.addEventListener("click", () => copy(button, reading.latex));
  row.append(drawn, element("span", percent(reading.confidence), "hint"), button, element("code", reading.latex));
  return row;
}

function inFormat(format) {
  if (format === "display") return `$$${answer.latex}$$`;
  return format === "latex" ? answer.latex : answer.formats[format];
}

async function copy(button, text) {
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
}

function token(text, index) {
  const button = element("button", text);
  button.type = "button";
  button.tabIndex = index ? -1 : 0;
  for (const kind of ["pointerenter", "focus", "click"]) button.addEventListener(kind, () => tint(index));
  return button;
}

function tint(index) {
  if (!looked || !looked.image) return;
  [...at("tokens").children].forEach((button, place) => button.classList.toggle("shown", place === index));
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

function walk(event) {
  const buttons = [...at("tokens").children];
  const here = buttons.indexOf(document.activeElement);
  const steps = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: buttons.length - 1 };
  const next = buttons[steps[event.key]];
  if (here < 0 || !next) return;
  event.preventDefault();
  buttons[here].tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function take(files, otherwise) {
  if (files && files.length) read(files[0]);
  else if (otherwise) say(otherwise, true);
}

at("file").addEventListener("change", () => {
  take(at("file").files);
  at("file").value = "";
});
document.addEventListener("paste", (event) => take(event.clipboardData.files, "The clipboard holds no picture."));
for (const kind of ["dragover", "drop", "dragleave"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files, "That was no file. Save the picture first, or copy and paste it.");
  });
}
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => {
    if (answer) copy(button, inFormat(button.dataset.copy));
  });
}
at("tokens").addEventListener("keydown", walk);
at("tokens").addEventListener("pointerleave", () => tint(-1));
