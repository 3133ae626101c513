// Ticks of a list: all at once, a range with Shift, and the count in the bar.
let last = null;
const ticks = (list) => [...list.querySelectorAll("[data-tick]")];

function show(list) {
  const all = ticks(list);
  const count = all.filter((tick) => tick.checked).length;
  list.querySelector("[data-tick-count]").textContent = count;
  const head = list.querySelector("[data-tick-all]");
  if (!head) return;
  head.checked = count > 0 && count === all.length;
  head.indeterminate = count > 0 && count < all.length;
}

document.addEventListener("click", (event) => {
  const list = event.target.closest?.("[data-rows]");
  if (!list) return;
  const all = ticks(list);
  if (event.target.matches("[data-tick-all]")) all.forEach((tick) => (tick.checked = event.target.checked));
  else if (event.target.matches("[data-tick]")) {
    if (event.shiftKey && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(event.target)].sort((a, b) => a - b);
      all.slice(from, to + 1).forEach((tick) => (tick.checked = event.target.checked));
    }
    last = event.target;
  } else return;
  show(list);
});

document.addEventListener("htmx:afterSettle", () => document.querySelectorAll("[data-rows]").forEach(show));
