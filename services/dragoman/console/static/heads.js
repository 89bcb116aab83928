// The signed heads that this browser has seen, one for each channel. The browser keeps them, so
// that it notices a log that goes back.

const placeOf = (cid) => `dragoman.head.${cid}`;

/** The head that was seen last of a channel: `{size, root, note}`, or null. */
export function lastSeen(cid) {
  try {
    return JSON.parse(localStorage.getItem(placeOf(cid)));
  } catch {
    return null;
  }
}

/** Keep a head that was verified and goes on from the one before. */
export const remember = (cid, head) => localStorage.setItem(placeOf(cid), JSON.stringify(head));
