// A file comes in: a picture of one formula is read, anything else is shown page by page.

import { listOf } from "./formulas.js";
import { at, say } from "./page.js";
import { hide, show, wait } from "./reading.js";
import { predict, ServerDocument } from "./server.js";
import { closeViewer, view } from "./viewer.js";

let running = null;
let opened = null;

function preview(file) {
  const image = at("preview");
  if (image.src) URL.revokeObjectURL(image.src);
  image.onload = () => { image.hidden = opened !== null; };
  image.onerror = () => { image.hidden = true; };
  image.hidden = true;
  image.src = URL.createObjectURL(file);
  at("drop").classList.add("filled");
  at("ask").textContent = "Paste, drop or choose another";
  at("hint").textContent = file.name || "";
}

async function read(file) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  forget();
  preview(file);
  say("Opening…");
  wait();
  try {
    const sent = await ServerDocument.open(file, signal);
    signal.throwIfAborted();
    if (sent.about.one_formula) {
      sent.delete();
      say("Reading…");
      const answer = await predict(file, signal);
      signal.throwIfAborted();
      show(answer);
    } else showDocument(sent);
  } catch (error) {
    if (error.name === "AbortError") return;
    hide();
    say(error.message, { wrong: true });
  }
}

function showDocument(sent) {
  opened = sent;
  at("preview").hidden = true;
  at("drop").classList.add("compact");
  hide();
  listOf(sent);
  view(sent);
}

/** Close the document, here and on the server. */
function forget() {
  opened?.delete();
  opened = null;
  at("drop").classList.remove("compact");
  closeViewer();
  listOf(null);
}

function take(files, otherwise) {
  if (files && files.length) read(files[0]);
  else if (otherwise) say(otherwise, { wrong: true });
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
addEventListener("pagehide", () => opened?.delete()); // if the page comes back, it is sent again
