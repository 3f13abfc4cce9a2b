/** Questions that the page asks back. */

import { element } from "./dom.js";

/**
 * @param {string} words the question
 * @param {string} verb what is done if the reader wants it
 * @returns {Promise<boolean>} whether it is to be done; the button that has the focus at first leaves all as it is
 */
export async function confirmed(words, verb) {
  const does = element("button", { value: verb }, verb);
  const keeps = element("button", { className: "quiet", autofocus: true }, "Keep");
  const form = element("form", { method: "dialog" }, element("p", {}, words), element("p", {}, does, keeps));
  const dialog = /** @type {HTMLDialogElement} */ (element("dialog", { ariaLabel: words }, form));
  document.body.append(dialog);
  const chosen = await chosenIn(dialog);
  dialog.remove();
  return chosen === verb;
}

/** @param {HTMLDialogElement} dialog @returns {Promise<string>} the value of the button that closed it; "" for Escape */
export function chosenIn(dialog) {
  const pressed = document.activeElement;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const onClose = () => {
      // What was pressed may have been made anew behind the dialog; the browser gives the focus only to what it was.
      if (pressed && !pressed.isConnected) document.getElementById(pressed.id)?.focus();
      resolve(dialog.returnValue);
    };
    dialog.addEventListener("close", onClose, { once: true });
  });
}
