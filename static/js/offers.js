// A field that names a customer or company: what it may mean is offered in the browser's own list while one types.
let rest;

document.addEventListener("input", (event) => {
  const field = event.target.closest?.("[data-offers]");
  if (!field) return;
  clearTimeout(rest);
  rest = setTimeout(async () => {
    const answer = await fetch(`/tasks/offers/${field.dataset.offers}/?q=${encodeURIComponent(field.value)}`);
    if (answer.ok) document.getElementById(field.getAttribute("list")).innerHTML = await answer.text();
  }, 200);
});
