// Lists by keyboard: j and k walk through rows, a letter presses what carries it in the row, else on the page.
const rows = () => [...document.querySelectorAll("[data-keys] [data-keys-row]")];
const stop = (row) => row?.querySelector("a[href], button, summary");
let leaving = null;

document.addEventListener("keydown", (event) => {
  if (!("singleKeys" in document.body.dataset)) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea, [data-menu][open]")) return;
  const all = rows();
  const here = all.indexOf(event.target.closest?.("[data-keys-row]"));
  const step = { j: 1, k: -1 }[event.key];
  if (step && all.length) {
    event.preventDefault();
    stop(all[Math.max(0, Math.min(all.length - 1, here + step))])?.focus();
    return;
  }
  if (!/^[a-z]$/.test(event.key)) return;
  const wanted = `[data-key="${event.key}"]`;
  const found = (here >= 0 && all[here].querySelector(wanted)) || document.querySelector(`input${wanted}`);
  if (!found) return;
  event.preventDefault();
  if (found.matches("input")) found.focus();
  else found.click();
});

// A row that was done leaves the list; the next one takes the focus. Something else may settle meanwhile, as the bell.
document.addEventListener("htmx:beforeRequest", (event) => {
  const place = rows().indexOf(event.target.closest?.("[data-keys-row]"));
  if (place >= 0) leaving = { place, request: event.detail.xhr };
});
document.addEventListener("htmx:afterSettle", (event) => {
  const all = rows();
  if (!leaving || leaving.request !== event.detail.xhr || !all.length) return;
  stop(all[Math.min(leaving.place, all.length - 1)])?.focus();
  leaving = null;
});
