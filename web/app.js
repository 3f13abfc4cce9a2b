/** The page: what the reader does, and which state it leads to. */

import { ask, cite, followSync, Offline, status, sync } from "./api.js";
import { answerCard, foundInWords, passageList } from "./view.js";

const form = find("ask", HTMLFormElement);
const box = find("question", HTMLTextAreaElement);
const state = find("state", HTMLElement);
const answer = find("answer", HTMLElement);
const passages = find("passages", HTMLElement);
const notes = find("status", HTMLElement);

/** The question that is being asked; a reply to an earlier one is dropped. @type {AbortController | null} */
let asking = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (!question) return box.focus();
  history.pushState(null, "", `?q=${encodeURIComponent(question)}`);
  askNow(question);
});

box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && asking) {
    asking.abort();
    say("Cancelled.");
  } else if (event.key === "/" && document.activeElement !== box && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
});

find("sync", HTMLButtonElement).addEventListener("click", async () => {
  try {
    await sync();
    follow();
  } catch (error) {
    notes.textContent = String(error.message);
  }
});

window.addEventListener("popstate", restore);
restore();
showStatus();

/** Ask what the address asks, so that reload and back keep the question. */
function restore() {
  const question = new URLSearchParams(location.search).get("q") ?? "";
  if (location.hash && question === box.value) return;
  box.value = question;
  if (question) return askNow(question);
  asking?.abort();
  show([], []);
}

/** @param {string} question */
async function askNow(question) {
  asking?.abort();
  const mine = new AbortController();
  asking = mine;
  say("Looking through your notes…");
  answer.ariaBusy = "true";
  try {
    const reply = await ask(question, mine.signal);
    if (mine.signal.aborted) return;
    answer.classList.toggle("refused", !reply.answered);
    show(answerCard(reply), passageList(reply, check));
    say(reply.answered ? "Answered from your notes." : "The nearest passages are below.");
  } catch (error) {
    if (mine.signal.aborted) return;
    show([], []);
    say(error.message, error instanceof Offline ? "offline" : "failed");
  } finally {
    if (asking === mine) {
      asking = null;
      answer.ariaBusy = "false";
    }
  }
}

/** @param {import("./api.js").Passage} passage @param {HTMLElement} output */
async function check(passage, output) {
  output.textContent = "Checking…";
  try {
    output.textContent = foundInWords(await cite(passage.citation));
  } catch (error) {
    output.textContent = error.message;
  }
}

async function showStatus() {
  try {
    const now = await status();
    notes.textContent = `${count(now.notes, "note")}, ${count(now.passages, "passage")}`;
    notes.title = now.notes_folder ?? "";
    if (now.syncing) follow();
  } catch (error) {
    notes.textContent = error.message;
  }
}

function follow() {
  followSync((name, data) => {
    if (name === "progress") notes.textContent = `Indexing: ${data.stage} ${data.done} of ${data.total}`;
    else if (name === "failed") notes.textContent = data.message;
    else showStatus();
  });
}

/** @param {Node[]} card @param {Node[]} list */
function show(card, list) {
  answer.replaceChildren(...card);
  passages.replaceChildren(...list);
  answer.hidden = card.length === 0;
  passages.hidden = list.length === 0;
  if (card.length === 0) say("");
}

/** @param {string} words @param {"" | "failed" | "offline"} kind */
function say(words, kind = "") {
  state.textContent = words;
  state.className = kind ? "failed" : "";
}

/** @param {number} number @param {string} thing */
function count(number, thing) {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
function find(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} called ${id}`);
  return found;
}
