// A clock that no browser slows down: a worker's timers run every second while the page is hidden.
// It reports how long the page has received nothing.

let heardAt = performance.now();

addEventListener("message", (event) => {
  if (event.data === "heard") heardAt = performance.now();
});

setInterval(() => postMessage((performance.now() - heardAt) / 1000), 1000);
