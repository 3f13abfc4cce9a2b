/** The page: what the reader does, and which state it leads to. */

import { ask, cite, conversation, Offline, Refused } from "./api.js";
import { inMarkdown } from "./copying.js";
import { button, find, saying, scrolledByKeys } from "./dom.js";
import { examples } from "./examples.js";
import { historyList } from "./history.js";
import { notesLine } from "./notes.js";
import { keepPlace, keepQuestion, returnToPlace } from "./place.js";
import { suggesting } from "./suggest.js";
import { sureness } from "./sureness.js";
import { answerCard, count, foundInWords, passageList, turnCard } from "./view.js";

/** @import { Passage, Reply, Status, Turn } from "./api.js" */

/**
 * What the browser keeps with an entry of its history, so that reload and back show the reply without asking again.
 * `conversation` is the one to ask in until there is a `reply`, and then the reply's; `place` is how many of its turns
 * came before.
 * @typedef {{conversation: string | null, asTyped?: boolean, reply?: Reply, place?: number}} Entry
 */

const WITHOUT_TURNS = "What was asked before cannot be shown: studybot does not answer.";

const form = find("ask", HTMLFormElement);
const box = find("question", HTMLTextAreaElement);
const say = saying(find("state", HTMLElement));
const earlier = find("earlier", HTMLElement);
const answer = find("answer", HTMLElement);
const passages = find("passages", HTMLElement);
const suggested = find("examples", HTMLElement);
const another = find("new", HTMLButtonElement);

const leastConfidence = sureness({
  slider: find("least", HTMLInputElement),
  output: find("sureness", HTMLElement),
  reset: find("reset", HTMLButtonElement),
});
suggesting(
  { box, list: find("suggestions", HTMLElement), said: find("suggested", HTMLElement) },
  (question) => begin(question),
);
const refreshHistory = historyList(
  {
    panel: find("conversations", HTMLDetailsElement),
    list: find("history", HTMLElement),
    renaming: find("rename", HTMLDialogElement),
    deleting: find("delete", HTMLDialogElement),
  },
  {
    current: () => shown.conversation,
    onOpen: (id) => go({ conversation: id }, `?c=${encodeURIComponent(id)}`),
    onDeleted: (id) => id === shown.conversation && go(null, "/"),
    say,
  },
);

/** What is on the page. @type {Entry} */
let shown = { conversation: null };

/**
 * What is being asked or opened, for which entry; what comes of an earlier one is dropped.
 * @type {{stopping: AbortController, entry: Entry, question?: string} | null}
 */
let asking = null;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (!question) return box.focus();
  // What is typed next is another question.
  if (document.activeElement === box) box.select();
  begin(question);
});

box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && asking) {
    cancel(asking.entry);
  } else if (event.key === "/" && document.activeElement !== box && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    selectQuestion();
  }
});

another.addEventListener("click", () => {
  go(null, "/");
  box.focus();
});

window.addEventListener("popstate", () => {
  // A link to a passage makes an entry of its own, which is about the same reply.
  if (location.hash && !history.state) history.replaceState(shown, "");
  else if (asking || !sameReply(history.state, shown)) restore();
});
keepPlace(() => history.state ?? shown, keepQuestion);
// As the attribute autofocus does, which would come later and scroll up to the box from a place that was returned to.
box.focus({ preventScroll: true });
restore();
notesLine({ line: find("status", HTMLElement), update: find("sync", HTMLButtonElement) }, (now) => {
  leastConfidence.setUsual(now.least_confidence);
  suggest(now);
});

/** Show another entry. @param {Entry | null} entry @param {string} address */
function go(entry, address) {
  history.pushState(entry, "", address);
  restore();
}

/** Show what the address and its entry say: a reply, a conversation, or a question, which is asked. */
function restore() {
  const said = new URLSearchParams(location.search);
  const question = said.get("q") ?? "";
  /** @type {Entry} */
  const entry = history.state ?? { conversation: said.get("c") };
  const { reply } = entry;
  box.value = question;
  entitle(question);
  if (reply) showAgain(entry);
  // Without an entry of its own a question was asked in that conversation by another page; it is among its turns.
  else if (question && (history.state || !entry.conversation)) askNow(question, entry);
  else if (entry.conversation) open(entry.conversation);
  else {
    stop();
    show({ conversation: null }, []);
    say("");
  }
}

/** @param {Entry} entry one with a reply, which is there before the turns above it come */
function showAgain(entry) {
  return during("", { entry }, async (signal) => {
    show(entry, []);
    if (entry.place === 0) return;
    const turns = await turnsBefore(entry, signal);
    if (signal.aborted) return;
    if (turns) showEarlier(turns);
    else say(WITHOUT_TURNS, "failed");
  });
}

/** @param {string} question @param {boolean} [asTyped] */
function begin(question, asTyped = false) {
  if (asking?.question === question && Boolean(asking.entry.asTyped) === asTyped) return;
  const entry = { conversation: shown.conversation, asTyped };
  const asked = new URLSearchParams({ q: question, ...(entry.conversation && { c: entry.conversation }) });
  history.pushState(entry, "", `?${asked}`);
  entitle(question);
  askNow(question, entry);
}

/** Begin where the button that was pressed is about to go. @param {string} question @param {boolean} [asTyped] */
function beginFromBox(question, asTyped) {
  box.value = question;
  box.focus({ preventScroll: true });
  box.select();
  begin(question, asTyped);
}

/** @param {string} question @param {Entry} asked */
function askNow(question, asked) {
  const { conversation: within, asTyped } = asked;
  return during("Looking through your notes…", { entry: asked, question }, async (signal) => {
    const least = leastConfidence.chosen();
    const reply = await ask(
      {
        question,
        ...(within && { conversation: within }),
        ...(asTyped && { as_typed: true }),
        ...(least !== null && { min_confidence: least }),
      },
      signal,
    );
    const entry = { conversation: reply.conversation, reply };
    const turns = within ? await turnsBefore(entry, signal) : [];
    if (signal.aborted) return;
    show({ ...entry, place: turns?.length }, turns);
    if (!turns) say(WITHOUT_TURNS, "failed");
    history.replaceState(shown, "");
    refreshHistory();
  });
}

/** @param {string} id */
function open(id) {
  return during("Opening the conversation…", { entry: { conversation: id } }, async (signal) => {
    const { title, turns } = await conversation(id, signal);
    if (signal.aborted) return;
    entitle(title);
    show({ conversation: id }, turns);
    say(`“${title}”: ${count(turns.length, "question")}. What you ask now follows.`);
    refreshHistory();
    box.focus({ preventScroll: true });
  });
}

/**
 * Do what takes a while, unless something else is begun meanwhile.
 * @param {string} words say what is being done
 * @param {{entry: Entry, question?: string}} what
 * @param {(signal: AbortSignal) => Promise<void>} work
 */
async function during(words, what, work) {
  stop();
  const mine = { ...what, stopping: new AbortController() };
  asking = mine;
  say(words);
  suggested.hidden = true;
  answer.ariaBusy = "true";
  try {
    await work(mine.stopping.signal);
  } catch (error) {
    if (asking !== mine) return;
    const isGone = error instanceof Refused && error.code === "conversation_not_found";
    goTo(isGone ? null : what.entry.conversation);
    say(isGone ? "This conversation was deleted; what you ask now begins another." : error.message, "failed");
  } finally {
    if (asking === mine) stop();
  }
}

/** Drop what is being asked or opened, if it has not come yet. */
function stop() {
  asking?.stopping.abort();
  asking = null;
  answer.ariaBusy = "false";
}

/** @param {Entry} entry what was asked or opened */
function cancel(entry) {
  stop();
  if (entry.conversation === shown.conversation) {
    // The answer before it stays in view.
    shown = entry;
    suggested.hidden = !answer.hidden || entry.conversation !== null;
  } else goTo(entry.conversation);
  say("Cancelled.");
}

/** Show the conversation that the address names, in which what is asked next is asked. @param {string | null} id */
function goTo(id) {
  show({ conversation: id }, id === shown.conversation ? null : []);
}

/**
 * @param {Entry} entry @param {AbortSignal} signal
 * @returns {Promise<Turn[] | null>} its conversation's turns before its reply; null if they cannot be had now
 */
async function turnsBefore({ conversation: id, reply, place }, signal) {
  if (!id) return [];
  try {
    const { turns } = await conversation(id, signal);
    return turns.slice(0, place ?? turns.findLastIndex((turn) => turn.question === reply?.question));
  } catch (error) {
    // The reply still says what it said when its conversation was deleted, or the server is gone.
    if (error instanceof Refused) return [];
    if (error instanceof Offline) return null;
    throw error;
  }
}

/** @param {Passage} passage @param {HTMLElement} output */
async function check(passage, output) {
  output.textContent = "Checking…";
  try {
    output.textContent = foundInWords(await cite(passage.citation));
  } catch (error) {
    output.textContent = error.message;
  }
}

/** @param {Reply} reply */
async function copy(reply) {
  try {
    await navigator.clipboard.writeText(inMarkdown(reply));
    say("Copied.");
  } catch {
    // A page that came from another computer without encryption has no clipboard.
    say("The browser does not let this page copy.", "failed");
  }
}

/** Offer examples, once there is something to ask. @param {Status} now */
async function suggest(now) {
  if (!now.passages || suggested.hasChildNodes()) return;
  suggested.replaceChildren(...(await examples()).map((question) => button(question, () => beginFromBox(question))));
}

/** @param {Entry} entry @param {Turn[] | null} turns those before its reply; null leaves those that are shown */
function show(entry, turns) {
  const { reply } = entry;
  shown = entry;
  suggested.hidden = Boolean(reply || entry.conversation);
  another.hidden = entry.conversation === null;
  answer.hidden = !reply;
  passages.hidden = !reply?.passages.length;
  answer.classList.toggle("refused", reply?.answered === false);
  const does = {
    onAsTyped: () => reply && beginFromBox(reply.question, true),
    onCopy: () => reply && copy(reply),
    onFollow: selectQuestion,
  };
  answer.replaceChildren(...(reply ? answerCard(reply, does) : []));
  passages.replaceChildren(...(reply ? passageList(reply, check) : []));
  scrolledByKeys(document.querySelectorAll("#answer blockquote, #passages blockquote"));
  if (reply) say(outcome(reply));
  if (turns) showEarlier(turns);
}

/** @param {Turn[]} turns */
function showEarlier(turns) {
  earlier.replaceChildren(...turns.map(turnCard));
  earlier.hidden = turns.length === 0;
  // The newest is below, as in a letter; the eye stays with it.
  if (!returnToPlace() && turns.length && !location.hash) form.scrollIntoView();
}

function selectQuestion() {
  box.focus();
  box.select();
}

/** @param {Reply} reply */
function outcome({ answered, passages: { length } }) {
  if (answered) return "Answered from your notes.";
  return length ? "The nearest passages are below." : "There is no passage near to it.";
}

/** Tell this entry of the browser's history from the others. @param {string} words */
function entitle(words) {
  document.title = words ? `${words} – studybot` : "studybot";
}

/** @param {Entry | null} one @param {Entry} other */
function sameReply(one, other) {
  return Boolean(one?.reply && JSON.stringify(one.reply) === JSON.stringify(other.reply));
}
