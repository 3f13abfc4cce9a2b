/** The page: what the reader does, and what it leads to. */

import { MOST_CHARACTERS } from "./api.js";
import { oneByOne } from "./asking.js";
import { conversationList } from "./conversations.js";
import { button, find, saying } from "./dom.js";
import { entitle, followMoves, go, here } from "./entries.js";
import { examples } from "./examples.js";
import { notesLine } from "./notes.js";
import { keepPlace, keepQuestion } from "./place.js";
import { replySheet } from "./sheet.js";
import { suggesting } from "./suggest.js";
import { sureness } from "./sureness.js";
import { count } from "./view.js";

/** @import { Status } from "./api.js" */
/** @import { Entry } from "./entries.js" */

const form = find("ask", HTMLFormElement);
const box = find("question", HTMLTextAreaElement);
const say = saying(find("state", HTMLElement));
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
const sheet = replySheet(
  {
    form,
    earlier: find("earlier", HTMLElement),
    answer: find("answer", HTMLElement),
    passages: find("passages", HTMLElement),
    examples: suggested,
    another,
  },
  { onAsTyped: (question) => beginFromBox(question, true), onFollow: selectQuestion, say },
);
const refreshConversations = conversationList(
  {
    panel: find("conversations", HTMLDetailsElement),
    list: find("history", HTMLElement),
    renaming: find("rename", HTMLDialogElement),
  },
  {
    current: () => sheet.shown().conversation,
    onOpen: (id) => move({ conversation: id }),
    onDeleted: (id) => id === sheet.shown().conversation && move({ conversation: null }),
    say,
  },
);
const asking = oneByOne(sheet, {
  say,
  leastConfidence: leastConfidence.chosen,
  onAsked: refreshConversations,
  onOpened: () => {
    refreshConversations();
    box.focus({ preventScroll: true });
  },
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = box.value.trim();
  if (!question) return box.focus();
  const { length } = [...question];
  if (length > MOST_CHARACTERS) {
    const most = MOST_CHARACTERS.toLocaleString("en");
    return say(`The question has ${count(length, "character")}; at most ${most} can be asked.`, "failed");
  }
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
  if (event.key === "Escape") {
    asking.cancel();
  } else if (event.key === "/" && document.activeElement !== box && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    selectQuestion();
  }
});

another.addEventListener("click", () => {
  move({ conversation: null });
  box.focus();
});

followMoves(sheet.shown, (isSame) => {
  if (!isSame || asking.isBusy()) restore();
});
keepPlace(() => history.state ?? sheet.shown(), keepQuestion);
// As the attribute autofocus does, which would come later and scroll up to the box from a place that was returned to.
box.focus({ preventScroll: true });
restore();
notesLine({ line: find("status", HTMLElement), update: find("sync", HTMLButtonElement) }, (now) => {
  leastConfidence.setUsual(now.least_confidence);
  suggest(now);
});

/** Show another entry. @param {Entry} entry */
function move(entry) {
  go(entry);
  restore();
}

/** Show what the entry where the browser is says: a reply, a conversation, or a question, which is asked. */
function restore() {
  const { entry, question, isToBeAsked } = here();
  box.value = question;
  entitle(question);
  if (entry.reply) asking.showAgain(entry);
  else if (isToBeAsked) asking.askNow(question, entry);
  else if (entry.conversation) asking.open(entry.conversation);
  else {
    asking.stop();
    sheet.show({ conversation: null }, []);
    say("");
  }
}

/** @param {string} question @param {boolean} [asTyped] */
function begin(question, asTyped = false) {
  if (asking.isAsking(question, asTyped)) return;
  const entry = { conversation: sheet.shown().conversation, asTyped };
  go(entry, question);
  entitle(question);
  asking.askNow(question, entry);
}

/** Begin where the button that was pressed is about to go. @param {string} question @param {boolean} [asTyped] */
function beginFromBox(question, asTyped) {
  box.value = question;
  box.focus({ preventScroll: true });
  box.select();
  begin(question, asTyped);
}

/** Offer examples, once there is something to ask. @param {Status} now */
async function suggest(now) {
  if (!now.passages || suggested.hasChildNodes()) return;
  suggested.replaceChildren(...(await examples()).map((question) => button(question, () => beginFromBox(question))));
}

function selectQuestion() {
  box.focus();
  box.select();
}
