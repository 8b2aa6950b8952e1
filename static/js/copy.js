// Copy buttons: <button data-copy="#id" hidden> copies the text of #id. Hidden where the clipboard can't be used.
function showButtons(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

document.body.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.querySelector(button.dataset.copy).textContent.trim());
  button.textContent = "Copied";
});

document.body.addEventListener("htmx:afterSettle", () => showButtons(document));
showButtons(document);
