// Buttons that copy the value of a field. Without scripts they stay hidden, and the value is selected by hand.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      // Pages that are not on https have no clipboard of their own; what is selected can be copied all the same.
      document.execCommand("copy");
    }
    button.textContent = button.dataset.copied;
  });
}
