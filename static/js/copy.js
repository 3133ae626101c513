// A click or focus selects what is there to be copied.
document.addEventListener("focusin", (event) => { if (event.target.matches("[data-copy]")) event.target.select(); });
