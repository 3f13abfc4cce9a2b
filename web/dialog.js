/** Questions that the page asks back. */

/**
 * @param {HTMLDialogElement} dialog
 * @param {string} [words] the question, where the dialog does not have it
 * @returns {Promise<string>} the value of the button that closed it; "" for Escape
 */
export function chosenIn(dialog, words) {
  const question = dialog.querySelector("p");
  if (question && words) question.textContent = words;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}
