// Elements of the page, and its status line.

export const at = (id) => document.getElementById(id);

/** Show a sentence; `aside` is for screen readers alone. */
export function say(text, { wrong = false, aside = "" } = {}) {
  const status = at("status");
  status.replaceChildren(text);
  if (aside) status.append(element("span", ` ${aside}`, "unseen"));
  status.classList.toggle("wrong", wrong);
}

export function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

export function button(text, act) {
  const made = element("button", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

export function plural(count, one) {
  return `${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}`;
}

/** Let arrow keys, Home and End walk through the children of a group, of which Tab reaches one. */
export function walk(group) {
  group.addEventListener("keydown", (event) => {
    const places = [...group.children];
    const here = places.indexOf(document.activeElement);
    const steps = {
      ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1,
      Home: 0, End: places.length - 1,
    };
    const next = places[steps[event.key]];
    if (here < 0 || !next || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    reach(next);
    next.focus();
  });
}

/** Make a child the one of its group that Tab reaches. */
export function reach(child) {
  for (const other of child.parentElement.children) other.tabIndex = other === child ? 0 : -1;
}
