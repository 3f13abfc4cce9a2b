/** What is indexed, in one line, and the button that brings the index up to date. */

import { followSync, status, sync } from "./api.js";
import { latest } from "./latest.js";
import { count } from "./view.js";

/** @import { Status, SyncReport } from "./api.js" */

/**
 * @param {{line: HTMLElement, update: HTMLButtonElement, bar?: HTMLProgressElement}} parts
 * @param {(now: Status) => void} onReady is told what is indexed whenever no sync is running
 * @param {(report: SyncReport) => void} [onSynced] is told what a sync did
 * @returns {() => void} what follows a sync that was begun elsewhere
 */
export function notesLine({ line, update, bar }, onReady, onSynced = () => {}) {
  let isFollowing = false;
  /** Whether another sync was begun while one was followed, which may be over before that one is. */
  let isNext = false;
  const told = latest(status);
  // The same words again would be read out again.
  const tell = (/** @type {string} */ words) => void (line.textContent === words || (line.textContent = words));
  update.addEventListener("click", async () => {
    try {
      await sync();
      follow();
    } catch (error) {
      tell(error.message);
    }
  });
  // Who comes back from an editor finds what was saved there being indexed, or indexed.
  addEventListener("focus", () => isFollowing || show());
  show();
  return follow;

  async function show() {
    try {
      const now = await told();
      if (!now) return;
      tell(`${count(now.notes, "note")}, ${count(now.passages, "passage")}`);
      line.title = now.notes_folder ?? "";
      if (now.syncing) follow();
      else onReady(now);
    } catch (error) {
      tell(error.message);
    }
  }

  function follow() {
    if (isFollowing) {
      isNext = true;
      return;
    }
    isFollowing = true;
    followSync((name, data) => {
      if (name === "progress") {
        tell(`Indexing: ${data.stage} ${data.done} of ${data.total}`);
        if (bar) Object.assign(bar, { hidden: false, max: data.total || 1, value: data.done });
        return;
      }
      isFollowing = false;
      if (bar) bar.hidden = true;
      if (name === "done") onSynced(/** @type {SyncReport} */ (data));
      if (isNext) {
        isNext = false;
        follow();
      } else if (name === "failed") tell(data.message);
      else show();
    });
  }
}
