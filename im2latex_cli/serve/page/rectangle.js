// A rectangle on the page, drawn with a mouse or a finger, or placed with keys.

import { at, percent, say } from "./page.js";

const LEAST = 4;
const STEP = 0.01;
const SMALLEST = 0.01;
const QUIET = 400;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

let sides = null; // left, top, right, bottom as shares of the page
let start = null;
let dragged = false;
let told = 0;
let read = () => {};

/** Call `act` with the sides of each rectangle that is to be read. */
export function onRectangle(act) {
  read = act;
}

export function removeRectangle() {
  sides = null;
  at("rectangle").hidden = true;
  setDrawing(false);
}

function setDrawing(on) {
  at("sheet").classList.toggle("drawing", on);
  at("draw").setAttribute("aria-pressed", String(on));
}

/** Put a rectangle in the middle of what is seen of the page, for the keyboard. */
function place() {
  const sheet = at("sheet").getBoundingClientRect();
  const frame = at("frame").getBoundingClientRect();
  const across = middle(sheet.left, sheet.width, frame.left, frame.right);
  const down = middle(sheet.top, sheet.height, Math.max(0, frame.top), Math.min(innerHeight, frame.bottom));
  move([across - 0.3, down - 0.05, across + 0.3, down + 0.05]);
  at("rectangle").focus({ preventScroll: true });
}

/** The middle of the seen part of the page, as a share, far enough from the edges. */
function middle(from, length, first, last) {
  return Math.min(0.7, Math.max(0.3, ((first + last) / 2 - from) / length));
}

function move(to) {
  sides = to;
  const box = at("rectangle");
  const [left, top, right, bottom] = sides;
  box.hidden = false;
  box.style.left = `${100 * left}%`;
  box.style.top = `${100 * top}%`;
  box.style.width = `${100 * (right - left)}%`;
  box.style.height = `${100 * (bottom - top)}%`;
  box.setAttribute("aria-label", `Rectangle, ${described()}`);
}

function described() {
  const [left, top, right, bottom] = sides;
  return `${percent(left)} from the left, ${percent(top)} from the top, `
    + `${percent(right - left)} wide, ${percent(bottom - top)} high`;
}

function shareOf(event) {
  const sheet = at("sheet").getBoundingClientRect();
  const share = (value, from, length) => Math.min(1, Math.max(0, (value - from) / length));
  return [share(event.clientX, sheet.left, sheet.width), share(event.clientY, sheet.top, sheet.height)];
}

function press(event) {
  const draws = event.pointerType !== "touch" || at("sheet").classList.contains("drawing");
  if (event.button || !event.isPrimary || !draws) return;
  start = { x: event.clientX, y: event.clientY, share: shareOf(event) };
  dragged = false;
}

function drag(event) {
  if (!start || !event.isPrimary) return;
  if (!dragged && Math.hypot(event.clientX - start.x, event.clientY - start.y) < LEAST) return;
  if (!dragged) at("sheet").setPointerCapture(event.pointerId);
  dragged = true;
  const [x, y] = shareOf(event);
  const [fromX, fromY] = start.share;
  move([Math.min(x, fromX), Math.min(y, fromY), Math.max(x, fromX), Math.max(y, fromY)]);
}

function release() {
  const pressed = start;
  start = null;
  if (!pressed) return;
  const drawing = at("sheet").classList.contains("drawing");
  const [left, top, right, bottom] = sides || [0, 0, 0, 0];
  if (dragged && right > left && bottom > top) finish();
  else if (dragged || !drawing) removeRectangle();
}

function finish() {
  setDrawing(false);
  read(sides);
}

function type(event) {
  if (event.key === "Enter" || event.key === " ") finish();
  else if (event.key === "Escape") leave();
  else if (event.key in ARROWS) step(ARROWS[event.key], event.shiftKey);
  else return;
  event.preventDefault();
}

function step([across, down], resize) {
  const sheet = at("sheet");
  const x = STEP * across;
  const y = STEP * down * (sheet.clientWidth / sheet.clientHeight);
  const [left, top, right, bottom] = sides;
  if (resize) {
    move([left, top, within(right + x, left + SMALLEST, 1), within(bottom + y, top + SMALLEST, 1)]);
  } else {
    const dx = within(x, -left, 1 - right);
    const dy = within(y, -top, 1 - bottom);
    move([left + dx, top + dy, right + dx, bottom + dy]);
  }
  at("rectangle").scrollIntoView({ block: "nearest", inline: "nearest" });
  clearTimeout(told);
  told = setTimeout(() => say("", { aside: described() }), QUIET);
}

function within(value, least, most) {
  return Math.min(most, Math.max(least, value));
}

function leave() {
  removeRectangle();
  at("draw").focus();
}

at("draw").addEventListener("click", (event) => {
  if (at("draw").getAttribute("aria-pressed") === "true") {
    removeRectangle();
    return;
  }
  setDrawing(true);
  place();
  say(event.pointerType === "touch"
    ? "Drag over what to read."
    : "Drag over what to read, or move the rectangle with the arrow keys: with Shift they change its size, Enter reads, Escape ends.");
});
at("sheet").addEventListener("pointerdown", press);
at("sheet").addEventListener("pointermove", drag);
at("sheet").addEventListener("pointerup", release);
at("sheet").addEventListener("pointercancel", () => { start = null; });
at("rectangle").addEventListener("keydown", type);
at("rectangle").addEventListener("click", () => { if (sides && !dragged) finish(); });
