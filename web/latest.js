/** The latest answer: answers may overtake each other, and only what was asked for last counts. */

/**
 * @template T
 * @param {() => Promise<T>} ask
 * @returns {() => Promise<T | null>} the same; null where it is asked again meanwhile, whatever came of it
 */
export function latest(ask) {
  let asked = 0;
  return async () => {
    const turn = ++asked;
    try {
      const answer = await ask();
      return turn === asked ? answer : null;
    } catch (error) {
      if (turn === asked) throw error;
      return null;
    }
  };
}
