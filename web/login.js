/** The page that asks for the token, once: the server answers with a cookie. */

import { login } from "./api.js";
import { find, saying } from "./dom.js";

const input = find("token", HTMLInputElement);
const say = saying(find("state", HTMLElement));

find("login", HTMLFormElement).addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await login(input.value);
    location.replace("/");
  } catch (error) {
    say(error.message, "failed");
    input.focus();
    input.select();
  }
});
