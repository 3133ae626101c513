// Notices leave by themselves after a while, but not while somebody points at or reads them by keyboard.
const STAY = 8000;

function leaveLater(toast) {
  if (toast.dataset.timed || toast.closest(".guide__drawn")) return;
  toast.dataset.timed = "yes";
  const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, STAY) : toast.remove());
  setTimeout(leave, toast.querySelector("form") ? 2 * STAY : STAY);
}

export function tell(text, tone = "info") {
  const region = document.getElementById("toasts");
  const toast = document.createElement("div");
  toast.className = `toast toast--${tone}`;
  toast.dataset.toast = "";
  toast.append(Object.assign(document.createElement("p"), { textContent: text }));
  const close = Object.assign(document.createElement("button"), { className: "toast__close", type: "button", textContent: "×" });
  close.dataset.toastClose = "";
  close.setAttribute("aria-label", region.dataset.close);
  toast.append(close);
  region.append(toast);
  leaveLater(toast);
}

const watch = () => document.querySelectorAll("[data-toast]").forEach(leaveLater);
watch();
document.addEventListener("htmx:afterSettle", watch);
document.addEventListener("click", (event) => event.target.closest?.("[data-toast-close]")?.closest("[data-toast]").remove());
// A question that a newer one has overtaken is given up, which htmx would report as an error.
let isGivenUp = false;
document.addEventListener("htmx:abort", () => { isGivenUp = true; }, true);
document.addEventListener("htmx:abort", () => { isGivenUp = false; });
htmx.logger = (_element, _name, detail) => { if (isGivenUp) delete detail.error; };
for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(failure, () => tell(document.body.dataset.offline, "error"));
}
