/** What is indexed, in one line, and the button that brings the index up to date. */

import { followSync, status, sync } from "./api.js";
import { count } from "./view.js";

/** @import { Status } from "./api.js" */

/**
 * @param {{line: HTMLElement, update: HTMLButtonElement}} parts
 * @param {(now: Status) => void} onReady is told what is indexed whenever no sync is running
 */
export function notesLine({ line, update }, onReady) {
  update.addEventListener("click", async () => {
    try {
      await sync();
      follow();
    } catch (error) {
      line.textContent = String(error.message);
    }
  });
  show();

  async function show() {
    try {
      const now = await status();
      line.textContent = `${count(now.notes, "note")}, ${count(now.passages, "passage")}`;
      line.title = now.notes_folder ?? "";
      if (now.syncing) follow();
      else onReady(now);
    } catch (error) {
      line.textContent = error.message;
    }
  }

  function follow() {
    followSync((name, data) => {
      if (name === "progress") line.textContent = `Indexing: ${data.stage} ${data.done} of ${data.total}`;
      else if (name === "failed") line.textContent = data.message;
      else show();
    });
  }
}
