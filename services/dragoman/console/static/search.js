// The search field of every page: Ctrl+K leads to it. It is a field of the page as any other, so it keeps
// the keyboard under a takeover (alarm.js). What is typed there leads nowhere while a takeover covers it.

const field = document.getElementById("find");
const covered = () => document.querySelector("dialog.flash[open]") !== null;

// A narrow window has the field in its menu.
function focus() {
  const menu = document.querySelector(".mast .menu");
  if (!field.checkVisibility() && menu) menu.open = true;
  field.select();
}

addEventListener("keydown", (event) => {
  const opens = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (!opens || event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  event.preventDefault(); // over a takeover too: it must not become the browser's own search
  if (event.repeat || document.querySelector("dialog[open]")) return;
  const { at, channel } = document.body.dataset;
  if (field) focus();
  else location.assign(`/c/${channel}/go${at ? `?at=${at}` : ""}`); // the wall display has no field
});
field?.form.addEventListener("submit", (event) => {
  if (covered()) event.preventDefault();
});
