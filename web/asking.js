/** What is asked or opened: one thing at a time, and what comes of an earlier one is dropped. */

import { ask, conversation, Offline, Refused } from "./api.js";
import { entitle, keep } from "./entries.js";
import { count } from "./view.js";

/** @import { Turn } from "./api.js" */
/** @import { Entry } from "./entries.js" */
/** @import { Sheet } from "./sheet.js" */

const WITHOUT_TURNS = "What was asked before cannot be shown: studybot does not answer.";

/**
 * @param {Sheet} sheet where what comes is shown
 * @param {{say: (words: string, kind?: "failed") => void, leastConfidence: () => number | null, onAsked: () => void,
 *   onOpened: () => void}} page
 */
export function oneByOne(sheet, { say, leastConfidence, onAsked, onOpened }) {
  /** What is under way, for which entry. @type {{stopping: AbortController, entry: Entry, question?: string} | null} */
  let current = null;
  return { isBusy: () => current !== null, isAsking, askNow, open, showAgain, cancel, stop };

  /** @param {string} question @param {boolean} asTyped */
  function isAsking(question, asTyped) {
    return current?.question === question && Boolean(current.entry.asTyped) === asTyped;
  }

  /** @param {string} question @param {Entry} asked */
  function askNow(question, asked) {
    const { conversation: within, asTyped } = asked;
    return during("Looking through your notes…", { entry: asked, question }, async (signal) => {
      const least = leastConfidence();
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
      sheet.show({ ...entry, place: turns?.length }, turns);
      if (!turns) say(WITHOUT_TURNS, "failed");
      keep(sheet.shown());
      onAsked();
    });
  }

  /** @param {string} id */
  function open(id) {
    return during("Opening the conversation…", { entry: { conversation: id } }, async (signal) => {
      const { title, turns } = await conversation(id, signal);
      if (signal.aborted) return;
      entitle(title);
      sheet.show({ conversation: id }, turns);
      say(`“${title}”: ${count(turns.length, "question")}. What you ask now follows.`);
      onOpened();
    });
  }

  /** @param {Entry} entry one with a reply, which is there before the turns above it come */
  function showAgain(entry) {
    return during("", { entry }, async (signal) => {
      sheet.show(entry, []);
      if (entry.place === 0) return;
      const turns = await turnsBefore(entry, signal);
      if (signal.aborted) return;
      if (turns) sheet.showEarlier(turns);
      else say(WITHOUT_TURNS, "failed");
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
    current = mine;
    say(words);
    sheet.wait(true);
    try {
      await work(mine.stopping.signal);
    } catch (error) {
      if (current !== mine) return;
      const isGone = error instanceof Refused && error.code === "conversation_not_found";
      goTo(isGone ? null : what.entry.conversation);
      say(isGone ? "This conversation was deleted; what you ask now begins another." : error.message, "failed");
    } finally {
      if (current === mine) stop();
    }
  }

  /** Drop what is under way, if it has not come yet. */
  function stop() {
    current?.stopping.abort();
    current = null;
    sheet.wait(false);
  }

  /** Drop what is under way, if anything is, and say so. */
  function cancel() {
    if (!current) return;
    const { entry } = current;
    stop();
    if (entry.conversation === sheet.shown().conversation) sheet.leaveFor(entry);
    else goTo(entry.conversation);
    say("Cancelled.");
  }

  /** Show the conversation that the address names, in which what is asked next is asked. @param {string | null} id */
  function goTo(id) {
    sheet.show({ conversation: id }, id === sheet.shown().conversation ? null : []);
  }
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
