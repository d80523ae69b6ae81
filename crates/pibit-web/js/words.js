// Regular expressions of tokenizers, which are written for other engines.

const compiled = new Map();

/** Characters that fold to an ASCII letter besides its capital. */
const FOLDED = { k: '\u212a', s: '\u017f' };

/** `(?i:…)` around plain letters, for browsers without it. */
const anyCase = (_, body) =>
  `(?:${body.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}${FOLDED[letter] ?? ''}]`)})`;

function translated(pattern) {
  return pattern
    .replace(/\(\?i:([^()\\[\]]*)\)/g, anyCase)
    // Unicode's white space, of which JavaScript has another idea.
    .replace(/\\s/g, '\\p{White_Space}')
    .replace(/\\S/g, '\\P{White_Space}');
}

function regExp(pattern) {
  if (!compiled.has(pattern)) compiled.set(pattern, new RegExp(translated(pattern), 'gu'));
  return compiled.get(pattern);
}

/** Bytes of a text in UTF-8. */
function bytes(text) {
  let count = 0;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    // Each half of a pair is two of its four.
    count += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return count;
}

/**
 * Where a pattern fits in a text, from left to right: start and end of each word, in bytes of UTF-8.
 * @param {string} pattern as the crate `fancy-regex` reads it
 * @param {string} text
 */
export function findWords(pattern, text) {
  const ends = [];
  let [units, at] = [0, 0];
  for (const { 0: word, index } of text.matchAll(regExp(pattern))) {
    if (!word) continue;
    at += bytes(text.slice(units, index));
    ends.push(at);
    at += bytes(word);
    ends.push(at);
    units = index + word.length;
  }
  return Uint32Array.from(ends);
}
