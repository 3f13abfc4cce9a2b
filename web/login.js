/** The page that asks for the token, once: the server answers with a cookie. */

const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const input = /** @type {HTMLInputElement} */ (document.getElementById("token"));
const state = /** @type {HTMLElement} */ (document.getElementById("state"));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const response = await fetch("/login", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: input.value }),
    });
    if (response.ok) location.replace("/");
    else state.textContent = (await response.json()).error.message;
  } catch {
    state.textContent = "studybot does not answer. Is it still running?";
  }
});
