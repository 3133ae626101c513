// The rule editor: lines and groups move by Alt and the arrow keys or by dragging; what was done is taken back step by
// step; the picker filters as you type.
const words = (text) => text.toLocaleLowerCase();
const editor = () => document.querySelector("form[data-lines]");
const swapped = { target: "#editor", select: "#editor", swap: "outerHTML" };

document.addEventListener("keydown", (event) => {
  const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
  const part = event.altKey && way && event.target.closest?.("[data-lines] [data-part]");
  if (!part) return;
  event.preventDefault();
  part.querySelector(`:scope > .line__buttons [data-move=${way}], :scope > .box__head [data-move=${way}]`)?.click();
});

// --- dragging: by the grip of a line or group, to a place between others of any group
let dragged = null;
const path = (part) => part.dataset.part;
const inner = (box) => [...box.querySelectorAll(":scope > [data-part]")];
const unmark = () => document.querySelectorAll(".dropping").forEach((one) => one.classList.remove("dropping", "dropping--after"));

const placeAt = (target, y) => {
  const over = target.closest?.("[data-lines] [data-part]");
  if (!over || dragged.contains(over)) return null;
  const box = over.matches(".box") ? over : over.parentElement.closest(".box");
  const parts = inner(box);
  const next = parts.findIndex((part) => y < part.getBoundingClientRect().top + part.offsetHeight / 2);
  return { box, parts, position: next < 0 ? parts.length : next };
};

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-grip]")?.closest("[data-part]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.id);
  event.dataTransfer.setDragImage(dragged, 12, 12);
  dragged.classList.add("dragged");
});
document.addEventListener("dragover", (event) => {
  const place = dragged && placeAt(event.target, event.clientY);
  if (!place) return;
  event.preventDefault();
  unmark();
  const beside = place.parts[place.position] ?? place.parts.at(-1) ?? place.box;
  beside.classList.add("dropping");
  beside.classList.toggle("dropping--after", place.position === place.parts.length);
});
document.addEventListener("drop", (event) => {
  const place = dragged && placeAt(event.target, event.clientY);
  if (!place) return;
  event.preventDefault();
  htmx.ajax("POST", "", { ...swapped, source: editor(), values: { do: `place|${path(dragged)}|${path(place.box)}|${place.position}` } });
});
document.addEventListener("dragend", () => {
  unmark();
  dragged?.classList.remove("dragged");
  dragged = null;
});

// --- undo and redo: every state of the rule that was answered, as its fields
let states = [];
let here = -1;
let focused = null;
const fields = () => [...new FormData(editor())].filter(([name]) => name === "name" || name === "purpose" || name === "description" || /^r[.:]/.test(name));

const remember = () => {
  if (!editor()) return;
  const now = fields();
  if (JSON.stringify(now) !== JSON.stringify(states[here])) states = [...states.slice(0, here + 1), now], here += 1;
  for (const [name, step] of [["undo", -1], ["redo", 1]]) editor().querySelector(`[data-${name}]`)?.toggleAttribute("disabled", !states[here + step]);
  if (focused) editor().querySelector(focused.map((one) => `${one}:enabled`).find((one) => editor().querySelector(one)) ?? "select")?.focus();
  focused = null;
};
const go = (step) => {
  if (!states[here + step]) return;
  here += step;
  const values = { do: "look", csrfmiddlewaretoken: editor().elements.csrfmiddlewaretoken.value };
  for (const [name, value] of states[here]) (values[name] ??= []).push(value);
  focused = step < 0 ? ["[data-undo]", "[data-redo]"] : ["[data-redo]", "[data-undo]"];
  htmx.ajax("POST", "", { ...swapped, values });
};
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-undo]")) go(-1);
  else if (event.target.closest?.("[data-redo]")) go(1);
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || !"zy".includes(event.key.toLowerCase()) || !event.target.closest?.("[data-lines]")) return;
  if (event.target.matches("textarea, input:not([type=checkbox])")) return;
  event.preventDefault();
  go(event.key.toLowerCase() === "y" || event.shiftKey ? 1 : -1);
});
remember();

// --- the picker
document.addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-picker-search]")) return;
  const wanted = words(event.target.value);
  for (const group of event.target.closest("[data-picker]").querySelectorAll("[data-picker-group]")) {
    const items = [...group.querySelectorAll("[data-picker-item]")];
    items.forEach((item) => (item.hidden = !words(item.textContent).includes(wanted)));
    group.hidden = items.every((item) => item.hidden);
  }
});

document.addEventListener("keydown", (event) => {
  const picker = event.target.closest?.("[data-picker][open]");
  if (!picker) return;
  if (event.key === "Escape") {
    picker.open = false;
    picker.querySelector("summary").focus();
  } else if (event.key === "Enter" && event.target.matches("[data-picker-search]")) {
    event.preventDefault();
    picker.querySelector("[data-picker-item]:not([hidden]) button")?.click();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const stops = [...picker.querySelectorAll("[data-picker-search], [data-picker-item]:not([hidden]) button")];
    const next = stops[stops.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
    if (!next || event.altKey) return;
    event.preventDefault();
    next.focus();
  }
});

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("[data-picker][open]")) event.target.querySelector("[data-picker-search]").focus();
}, true);
document.addEventListener("click", (event) => {
  for (const picker of document.querySelectorAll("[data-picker][open]")) if (!picker.contains(event.target)) picker.open = false;
});

// A new line is written, not removed: its first field takes the focus that its button asked for.
document.addEventListener("htmx:afterSettle", () => {
  const button = document.activeElement;
  if (button?.matches("[data-lines] [data-part] [autofocus][value^=remove]")) button.closest("[data-part]").querySelector(".line__body select, .line__body input:not([type=hidden])")?.focus();
  remember();
});
