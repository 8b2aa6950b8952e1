// The frame: the menu starts closed on a phone, and an error answer to an htmx request is shown, not dropped.
const menu = document.querySelector("[data-menu]");
if (menu && matchMedia("(max-width: 52rem)").matches) menu.open = false;

document.body.addEventListener("htmx:beforeOnLoad", (event) => {
  if (event.detail.xhr.status >= 400) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) {
    event.detail.shouldSwap = true;
    event.detail.target = document.querySelector("#notices") ?? event.detail.target;
    event.detail.swapOverride = "innerHTML";
  }
});

document.body.addEventListener("htmx:sendError", () => {
  const notices = document.querySelector("#notices");
  if (notices) notices.innerHTML = '<div class="notice notice-error" role="alert"><p>The server can’t be reached. Check the connection and try again.</p></div>';
});
