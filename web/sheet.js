/** The sheet: what is shown of an entry, which is its reply with the passages, and above the box the turns before it. */

import { cite } from "./api.js";
import { inMarkdown } from "./copying.js";
import { scrolledByKeys } from "./dom.js";
import { returnToPlace } from "./place.js";
import { answerCard, foundInWords, passageList, turnCard } from "./view.js";

/** @import { Passage, Reply, Turn } from "./api.js" */
/** @import { Entry } from "./entries.js" */
/** @typedef {ReturnType<typeof replySheet>} Sheet */

/**
 * @param {{form: HTMLElement, earlier: HTMLElement, answer: HTMLElement, passages: HTMLElement, examples: HTMLElement,
 *   another: HTMLElement}} parts `examples` are seen where there is nothing else, `another` where there is a conversation
 * @param {{onAsTyped: (question: string) => void, onFollow: () => void, say: (words: string) => void}} page
 */
export function replySheet({ form, earlier, answer, passages, examples, another }, { onAsTyped, onFollow, say }) {
  /** @type {Entry} */
  let shown = { conversation: null };
  return { shown: () => shown, show, showEarlier, wait, leaveFor };

  /** @param {Entry} entry @param {Turn[] | null} turns those before its reply; null leaves those that are shown */
  function show(entry, turns) {
    const { reply } = entry;
    shown = entry;
    examples.hidden = Boolean(reply || entry.conversation);
    another.hidden = entry.conversation === null;
    answer.hidden = !reply;
    passages.hidden = !reply?.passages.length;
    answer.classList.toggle("refused", reply?.answered === false);
    const does = {
      onAsTyped: () => reply && onAsTyped(reply.question),
      onCopy: (/** @type {HTMLElement} */ output) => reply && copy(reply, output),
      onFollow,
    };
    answer.replaceChildren(...(reply ? answerCard(reply, does) : []));
    passages.replaceChildren(...(reply ? passageList(reply, check) : []));
    scrolledByKeys([answer, passages].flatMap((part) => [...part.querySelectorAll("blockquote")]));
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

  /** Show whether something else is to come. @param {boolean} isWaiting */
  function wait(isWaiting) {
    answer.ariaBusy = String(isWaiting);
    if (isWaiting) examples.hidden = true;
  }

  /** Leave in view what is there, though the reader is at another entry now. @param {Entry} entry of the same conversation */
  function leaveFor(entry) {
    shown = entry;
    examples.hidden = !answer.hidden || entry.conversation !== null;
  }
}

/** @param {Reply} reply @param {HTMLElement} output */
async function copy(reply, output) {
  try {
    await navigator.clipboard.writeText(inMarkdown(reply));
    output.textContent = "Copied.";
  } catch {
    // A page that came from another computer without encryption has no clipboard.
    output.textContent = "The browser does not let this page copy.";
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
function outcome({ answered, passages: { length } }) {
  if (answered) return "Answered from your notes.";
  return length ? "The nearest passages are below." : "There is no passage near to it.";
}
