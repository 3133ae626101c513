// A form with data-unsaved asks before what was written is left behind, also when a fragment has taken its place.
const changed = new Set();
const key = (form) => form.id || form;
const isHere = (form) => (typeof form === "string" ? document.getElementById(form) : form.isConnected);

const note = (event) => {
  const form = event.target.closest?.("form[data-unsaved]");
  if (form) changed.add(key(form));
};
document.addEventListener("input", note);
document.addEventListener("htmx:beforeRequest", note);
document.addEventListener("submit", (event) => changed.delete(key(event.target)));
window.addEventListener("beforeunload", (event) => {
  if ([...changed].some(isHere)) event.preventDefault();
});
