// The board of deals: cards are dragged to another stage, or moved there by the left and right arrow keys.
// Both press the button of the card's own menu, so that there is one way to move a deal.
let dragged = null;
let moving = null;

const board = () => document.querySelector("[data-board]");
const stages = () => [...board().querySelectorAll("[data-stage]")];
const press = (card, stage) => card.querySelector(`[data-moves] button[value="${stage.dataset.stage}"]:not(:disabled)`)?.click();

document.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-card]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", dragged.id);
  dragged.classList.add("deal-card--dragged");
});
document.addEventListener("dragover", (event) => {
  const stage = dragged && event.target.closest?.("[data-stage]");
  if (!stage) return;
  event.preventDefault();
  stages().forEach((one) => one.classList.toggle("board__stage--over", one === stage));
});
document.addEventListener("drop", (event) => {
  const stage = dragged && event.target.closest?.("[data-stage]");
  if (!stage) return;
  event.preventDefault();
  press(dragged, stage);
});
document.addEventListener("dragend", () => {
  dragged?.classList.remove("deal-card--dragged");
  if (board()) stages().forEach((one) => one.classList.remove("board__stage--over"));
  dragged = null;
});

document.addEventListener("keydown", (event) => {
  const card = event.target.closest?.("[data-card]");
  if (!card || event.target !== card || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const walk = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (step) {
    event.preventDefault();
    const all = stages();
    const to = all[all.indexOf(card.closest("[data-stage]")) + step];
    if (to) press(card, to);
  } else if (walk) {
    event.preventDefault();
    const cards = [...board().querySelectorAll("[data-card]")];
    cards[cards.indexOf(card) + walk]?.focus();
  } else if (event.key === "Enter") card.querySelector("a[href]")?.click();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const card = event.target.closest?.("[data-card]");
  if (card) moving = { id: card.id, request: event.detail.xhr };
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (!moving || moving.request !== event.detail.xhr || !board()) return; // something else may settle meanwhile, as the bell
  document.getElementById(moving.id)?.focus();
  moving = null;
  const told = [...document.querySelectorAll("#toasts [data-toast] p")].at(-1);
  if (told) document.querySelector("[data-board-live]").textContent = told.textContent;
});
